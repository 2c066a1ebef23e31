"""Each sentence of a log has a code of the list, and only fields that the list has for that code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from cef_bridge.log_fields import ATTRIBUTE, CODES, FIELDS, OWN, fields

PACKAGE = Path(__file__).parent.parent / "cef_bridge"
SOURCES = sorted(PACKAGE.rglob("*.py"))
LOGGERS = ("_log", "log", "logger", "logging")
LEVELS = ("info", "warning", "error", "critical", "log", "exception")


def calls(path: Path) -> list[ast.Call]:
    return [it for it in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(it, ast.Call)]


def logs(call: ast.Call) -> bool:
    """Tell whether a call logs above DEBUG."""
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id in LOGGERS
        and function.attr in LEVELS
    )


def coded(call: ast.Call) -> tuple[str, set[str]] | None:
    """Return the code that a call of `fields` or `say` names, and its fields."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    place = {"fields": 0, "say": 2, "_say": 2}.get(name)
    if place is None or len(call.args) <= place or not isinstance(call.args[place], ast.Constant):
        return None
    code = call.args[place].value
    named = {it.arg for it in call.keywords if it.arg is not None}
    return (code, named) if isinstance(code, str) and (name == "fields" or code in CODES) else None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_logged_has_a_code_and_fields(path):
    for call in calls(path):
        if logs(call):
            assert "extra" in {it.arg for it in call.keywords}, f"{path}:{call.lineno}"
        if (found := coded(call)) is not None:
            code, named = found
            assert code in CODES, f"{path}:{call.lineno}"
            assert named <= set(CODES[code].fields), f"{path}:{call.lineno}"


def test_every_code_is_used_and_every_field_explained():
    texts = [path.read_text("utf-8") for path in SOURCES if path.name != "log_fields.py"]
    assert [it for it in CODES if not any(f'"{it}"' in text for text in texts)] == []
    used = {name for it in CODES.values() for name in it.fields}
    assert used == set(FIELDS)
    assert not used & {*OWN, "code"}


def test_what_is_not_known_is_left_out():
    assert fields("trouble", destination="siem", reason=None) == {
        ATTRIBUTE: {"code": "trouble", "destination": "siem"}
    }
