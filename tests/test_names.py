"""Names that a reader of the package relies on: one meaning each, and files that have a job.

Reads the sources with ast. What is public has no underscore before its name.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "cef_bridge"
FILES = sorted(PACKAGE.rglob("*.py"))
LEAST_LINES = 25


def public_classes(path: Path) -> list[str]:
    """Return the names of a module's public classes, those inside functions aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    return [name for name in found if not name.startswith("_")]


def test_the_name_of_a_public_class_is_used_once_in_the_package():
    places = defaultdict(list)
    for path in FILES:
        for name in public_classes(path):
            places[name].append(str(path.relative_to(PACKAGE)))
    assert len(places) > 300
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_no_file_is_so_small_that_its_job_is_anothers():
    sizes = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in FILES
        if path.name != "__init__.py"
    }
    assert {name: size for name, size in sizes.items() if size < LEAST_LINES} == {}


def test_a_module_says_in_its_first_lines_what_it_is_for():
    silent = [
        str(path.relative_to(PACKAGE))
        for path in FILES
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []
