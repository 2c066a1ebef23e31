"""The pages of docs/ say what the program does: generated ones are up to date, examples hold."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import json
import re
import sys

import pytest
from transcripts import ROOT, blocks, free_port, page, run, transcript, write_files

from cef_bridge.lines import Cef, Leef
from cef_bridge.lines.lint.codes import CODES as LINE_CODES
from cef_bridge.lines.text import suspicions
from cef_bridge.mapping import examples
from cef_bridge.mapping.language import spec
from cef_bridge.mapping.language.codes import CODES
from cef_bridge.mapping.language.reader import yaml_fields
from cef_bridge.mapping.load import load, problems
from cef_bridge.mapping.program.compile import MARKS

LANGUAGE = "\n".join(
    page(f"docs/mapping-{name}.md") for name in ("language", "keys", "values", "envelope")
)
CONVERT = page("docs/convert.md")
EDITORS = page("docs/editors.md")
LINT_CEF = page("docs/lint-cef.md")
SANITIZING = page("docs/sanitizing.md")
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))


sys.path.insert(0, str(ROOT / "docs"))  # as it is for `python docs/generate.py`
cli_page = importlib.import_module("cli_page")


def generated() -> dict[str, str]:
    where = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    script = importlib.util.module_from_spec(where)
    where.loader.exec_module(script)
    return script.pages()


GENERATED = generated()


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_is_up_to_date(name):
    assert page(f"docs/{name}") == GENERATED[name], f"run: python docs/generate.py ({name})"


def test_every_code_of_lint_shows_what_is_bad_and_what_is_good():
    text = GENERATED["lint-rules.md"]
    assert text.count("\nBad:\n\n```yaml\n") == text.count("\nGood:\n\n```yaml\n") == len(CODES)


def test_every_line_rule_shows_what_is_bad_and_what_is_good():
    text = GENERATED["line-rules.md"]
    assert text.count("\nBad:\n\n```text\n") == len(LINE_CODES)
    assert text.count("\nGood:\n\n```text\n") == len(LINE_CODES)


@pytest.mark.parametrize("block", blocks(LANGUAGE, "yaml"), ids=lambda it: it.splitlines()[-1])
def test_an_example_of_the_mapping_language_loads_without_problems_and_holds(block, tmp_path):
    for table in blocks(LANGUAGE, "csv"):
        assert all(len(row) == 2 for row in csv.reader(table.splitlines()))
        (tmp_path / "teams.csv").write_text(table, encoding="utf-8")
    path = tmp_path / "page.yaml"
    path.write_text(block, encoding="utf-8")
    assert problems(path) == []
    outcomes = examples.run(load(path))
    assert outcomes
    assert [outcome.differences for outcome in outcomes if not outcome.passed] == []


@pytest.mark.parametrize("declared", [spec.Mapping, spec.Rule, spec.Envelope, spec.Example])
def test_every_setting_of_the_mapping_language_stands_in_an_example(declared):
    shown = "\n".join(blocks(LANGUAGE, "yaml"))
    missing = [name for name in yaml_fields(declared) if not re.search(rf"\b{name}:", shown)]
    assert missing == []


def test_every_class_of_a_condition_stands_in_an_example():
    shown = "\n".join(blocks(LANGUAGE, "yaml"))
    used = set(re.findall(r"\w+", " ".join(re.findall(r"\{is: ([^}]+)\}", shown))))
    assert used == set(spec.IS_CLASSES)


def cells(line: str) -> list[str]:
    """Return the cells of a row of a Markdown table, without the marks of code."""
    found = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [cell.strip().strip("`").replace(r"\|", "|") for cell in found]


SANITIZED = [cells(line) for line in SANITIZING.splitlines() if line.count('| `"') == 3]


@pytest.mark.parametrize("row", SANITIZED, ids=lambda row: row[0])
def test_hostile_text_becomes_what_the_page_says(row):
    _, before, cef_read, cef_written, leef = row
    text = json.loads(before)
    neutral = Cef().neutral(text)
    assert neutral == json.loads(cef_read)
    assert Cef().escape(neutral) == cef_written
    assert Leef().neutral(text) == json.loads(leef)


def test_the_page_on_hostile_text_shows_every_suspicion():
    found = {mark for row in SANITIZED for mark in suspicions(json.loads(row[1]))}
    assert found == {"control", "newline", "bidi", "surrogate"}
    told = re.findall(r"^\| `([a-z_]+)` \|", SANITIZING, re.MULTILINE)
    assert sorted(told) == sorted(MARKS)


def test_what_editors_are_told_to_read_is_what_the_commands_print():
    for option, name in (("", "mapping"), (" --config", "forward")):
        printed = run(f"cef-bridge mapping schema{option}", ROOT)
        assert printed == page(f"docs/{name}.schema.json")


def test_the_settings_for_vs_code_are_json_and_the_modeline_names_a_file_of_the_page():
    (settings,) = blocks(EDITORS, "json")
    files = set(json.loads(settings)["yaml.schemas"])
    assert files == {"./mapping.schema.json", "./forward.schema.json"}
    (mapping,) = blocks(EDITORS, "yaml")
    assert re.findall(r"\$schema=(\S+)", mapping) == ["./mapping.schema.json"]


# Pages whose commands are run one after the other, each page in a folder of its own.
RUN = (
    "completion.md",
    "convert.md",
    "content-packs.md",
    "detections.md",
    "doctor.md",
    "editors.md",
    "engine.md",
    "class-id-forms.md",
    "environment.md",
    "first-mapping.md",
    "install.md",
    "lint-cef.md",
    "lint.md",
    "mapping-keys.md",
    "mapping-language.md",
    "quickstart.md",
    "security.md",
    "testing-mappings.md",
    "troubleshooting.md",
    "workbench.md",
    "zero-to-splunk.md",
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    found = {name: tmp_path_factory.mktemp(name.removesuffix(".md")) for name in RUN}
    for name, path in found.items():
        write_files(page(f"docs/{name}"), path)
    return found


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.mark.parametrize(
    ("name", "shown"),
    [(name, shown) for name in RUN for shown in transcript(page(f"docs/{name}"))],
    ids=lambda it: it if isinstance(it, str) else it.command[:60],
)
def test_a_command_of_a_page_prints_what_the_page_shows(name, shown, folders, port):
    shown = shown.at(port)
    got = run(shown.command, folders[name])
    assert shown.matches(got), f"$ {shown.command}\n{got}"


def test_the_page_on_lint_cef_has_every_option():
    shown = run("cef-bridge lint-cef --help", ROOT)
    options = set(re.findall(r"^ +(--[a-z-]+)", shown, re.MULTILINE)) - {"--help"}
    assert set(re.findall(r"^\| `(--[a-z-]+)", LINT_CEF, re.MULTILINE)) == options


def test_the_page_on_convert_has_every_option():
    shown = run("cef-bridge convert --help", ROOT)
    options = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", shown, re.MULTILINE)) - {"--help"}
    told = set(re.findall(r"^\| (?:`-\w`, )?`(?:-\w, |-\w`, `)?(--[a-z-]+)", CONVERT, re.MULTILINE))
    assert told == options


@pytest.mark.parametrize("name", PAGES)
def test_the_links_of_a_page_lead_somewhere(name):
    text = page(f"docs/{name}")
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", text):
        path = ROOT / "docs" / (target or name)
        assert path.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {head.lower().replace(" ", "-").replace("`", "") for head in heads}


def test_every_environment_variable_of_the_code_is_on_the_page():
    sources = [*(ROOT / "cef_bridge").rglob("*.py"), ROOT / "hatch_build.py"]
    used = {
        name
        for path in sources
        for name in re.findall(r"environ\S*?\W(CEF_BRIDGE_\w+|NO_COLOR)\b", path.read_text("utf-8"))
    }
    assert len(used) == 5
    assert used <= set(cli_page.ENVIRONMENT)
