"""The examples of docs/spark.md: what they import is there, and what needs no cluster runs."""

from __future__ import annotations

import ast
import importlib.util

import pytest
from transcripts import blocks, page

from cef_bridge.batches import batches, columns
from cef_bridge.engine.outcomes import STATUSES, Outcome

PAGE = page("docs/spark.md")
EXAMPLES = blocks(PAGE, "python")


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_what_an_example_imports_of_ours_is_there(example):
    for node in ast.walk(ast.parse(example)):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("cef_bridge"):
            where = importlib.util.find_spec(node.module.rpartition(".")[0] or node.module)
            assert where is not None
            if node.module == "cef_bridge.spark":
                assert {it.name for it in node.names} <= {"from_cef", "read_lines", "to_cef"}
            else:
                module = importlib.import_module(node.module)
                assert all(hasattr(module, it.name) for it in node.names)


def test_the_example_of_the_function_runs(capsys):
    (example,) = [it for it in EXAMPLES if "names=[" in it]
    exec(compile(example, "docs/spark.md", "exec"), {})  # noqa: S102 - the page's own
    assert capsys.readouterr().out.startswith("converted log.host.syscall.other.")


def test_an_own_mapping_of_the_page_loads():
    (example,) = [it for it in EXAMPLES if "load_text(" in it]
    names: dict[str, object] = {}
    exec(compile(example, "docs/spark.md", "exec"), names)  # noqa: S102 - the page's own
    event = b'{"Type":"HostLog","Operation":"Syscall"}'
    assert "KubeArmorTeam=platform" in batches(names["own"])([event])[0].line


def test_the_page_has_every_column_and_every_status():
    for name in (*Outcome._fields, *STATUSES):
        assert f"`{name}`" in PAGE
    assert set(columns([])) == set(Outcome._fields)
