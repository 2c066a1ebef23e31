"""SARIF 2.1.0: what a check found, for code review tools and CI.

In come rules and problems, out goes one document. Must not know what was checked.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from cef_bridge import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.errors import Problem

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class SarifRule(NamedTuple):
    """A rule that something can be found by: its code, "error" or "warning", what it says in one
    line, and its page.
    """

    id: str
    severity: str
    summary: str
    page: str


def document(rules: Iterable[SarifRule], problems: Iterable[Problem]) -> str:
    """Return a SARIF log of one run; columns and lines count from 1, as in `Location`."""
    known = list(rules)
    numbers = {rule.id: number for number, rule in enumerate(known)}
    driver = {
        "name": "cef-bridge",
        "version": __version__,
        "rules": [
            {
                "id": rule.id,
                "shortDescription": {"text": rule.summary},
                "fullDescription": {"text": rule.summary},
                "help": {"text": rule.page or rule.summary},
                "defaultConfiguration": {"level": rule.severity},
            }
            for rule in known
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, numbers) for problem in problems],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2)


def _result(problem: Problem, numbers: dict[str, int]) -> dict[str, object]:
    region = {"startLine": problem.at.line, "startColumn": problem.at.column}
    # A path with a space or a colon is no URI reference (RFC 3986 4.2).
    uri = quote(problem.at.path, safe="/", errors="replace")
    place = {"artifactLocation": {"uri": uri}, "region": region}
    result: dict[str, object] = {
        "ruleId": problem.code,
        "level": problem.severity,
        "message": {"text": problem.message},
        "locations": [{"physicalLocation": place}],
    }
    if problem.code in numbers:
        result["ruleIndex"] = numbers[problem.code]
    return result
