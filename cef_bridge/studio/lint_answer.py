"""What is wrong with the text of a mapping, as `mapping lint` says it, with fixes as edits.

In comes a text, out go the plain values of `Lint` in `studio/src/api.ts`. Must not know any rule.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.errors import Addition, Removal, Replacement
from cef_bridge.mapping.language import codes, fixes
from cef_bridge.mapping.lint import linter
from cef_bridge.studio.offsets import Utf16
from cef_bridge.workbench.places import place

if TYPE_CHECKING:
    from cef_bridge.errors import Fix, Problem
    from cef_bridge.mapping.language.fixes import TextEdit
    from cef_bridge.studio.workspace import Workspace

_HINT = re.compile(r' (Did you mean "([^"]*)"\?)')
_MOST = 500


def lint(workspace: Workspace, text: str) -> dict[str, object]:
    """Return the findings of a text, in order of place."""
    workspace.foreground.wait()
    found = workspace.texts.check(text).problems
    counter = Utf16.of(text)
    edits: dict[Problem, TextEdit] = {}
    own = [it for it in map(_with_hint(counter), found[:_MOST]) if it.at.path == workspace.path]
    for problem, edit in fixes.edits(text.encode("utf-8", "surrogatepass"), own):
        edits[problem._replace(fix=None)] = edit
    findings = []
    for problem in found[:_MOST]:
        is_own = problem.at.path == workspace.path
        edit_of = edits.get(problem._replace(fix=None)) if is_own else None
        fix = _with_hint(counter)(problem).fix
        findings.append(_finding(problem, counter if is_own else None, fix, edit_of))
    return {
        "valid": not any(problem.severity == "error" for problem in found),
        "findings": findings,
    }


def _finding(
    problem: Problem, counter: Utf16 | None, fix: Fix | None, edit: TextEdit | None
) -> dict[str, object]:
    hint = _HINT.search(problem.message)
    message = problem.message.replace(hint[0], "") if hint else problem.message
    row = codes.CODES.get(problem.code)
    at = problem.at
    where = place(at)
    fixed = (
        [{"title": _title(fix), "edits": [counter.edit(edit)]}] if fix and edit and counter else []
    )
    return {
        "code": problem.code,
        "severity": problem.severity,
        "place": counter.place(at.line, at.column) if counter else None,
        "where": f"{where}:{at.column}" if where else "",
        "message": message,
        "hint": hint[1] if hint else "",
        "page": f"{row.id} {row.severity}: {row.meaning}\n\n{linter.page(row)}" if row else "",
        "fixes": fixed,
    }


class _with_hint:  # noqa: N801 - called as a function
    """Gives a problem the fix that its hint names, where it has none."""

    def __init__(self, counter: Utf16) -> None:
        self._counter = counter

    def __call__(self, problem: Problem) -> Problem:
        hint = _HINT.search(problem.message)
        if problem.fix is not None or hint is None:
            return problem
        word = self._counter.word(problem.at.line, problem.at.column).strip("\"'")
        return problem._replace(fix=Replacement(problem.at, word, hint[2]))


def _title(fix: Fix) -> str:
    match fix:
        case Replacement():
            return f"Write {fix.new}"
        case Removal():
            return f"Remove {fix.key}"
        case Addition():
            return f"Add {fix.key}: {fix.value}"
