"""The codes of what can be wrong with a forward config, each with its meaning in one line.

Public, like those of mappings: a number is never given twice. `drop_events` and `filters` are the
mapping language's, and so are their codes (M…). Must not know how a problem is found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.errors import Problem
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.language.codes import LintRule

if TYPE_CHECKING:
    from cef_bridge.errors import Location

UNKNOWN_SETTING = LintRule("F001", "error", "Unknown setting.")
WRONG_KIND = LintRule("F002", "error", "A list where a text is expected, and the like.")
BAD_VALUE = LintRule("F003", "error", "A value that the setting does not take.")
TWICE = LintRule("F004", "error", "Duplicate entry.")
MISSING = LintRule("F005", "error", "Missing required setting.")
UNSET_VARIABLE = LintRule("F006", "error", "An environment variable that is not set.")
UNREADABLE = LintRule("F007", "error", "A file that cannot be read: missing, empty, too large.")
NOT_YAML = LintRule("F008", "error", "Invalid or unsupported YAML.")
TOO_BIG = LintRule("F009", "error", "Nesting too deep, or too many parts.")
BAD_URL = LintRule("F010", "error", "A source or a destination that cannot be.")

CODES: dict[str, LintRule] = {
    row.id: row for row in list(globals().values()) if isinstance(row, LintRule)
}

_OF_YAML = {
    codes.WRONG_KIND.id: WRONG_KIND,
    codes.TWICE.id: TWICE,
    codes.UNREADABLE.id: UNREADABLE,
    codes.NOT_YAML.id: NOT_YAML,
    codes.TAG.id: NOT_YAML,
    codes.YAML_FEATURE.id: NOT_YAML,
    codes.TOO_BIG.id: TOO_BIG,
}


def problem(at: Location, code: LintRule, message: str) -> Problem:
    """Return a problem of a config."""
    return Problem(at, code.id, message, code.severity)


def of_yaml(found: Problem) -> Problem:
    """Return a problem of YAML itself with the code that configs have for it."""
    return found._replace(code=_OF_YAML[found.code].id)
