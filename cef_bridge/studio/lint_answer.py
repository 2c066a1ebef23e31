"""What is wrong with the text of a mapping, as `mapping lint` says it, with suggestions as edits.

In comes a text, out go the plain values of `Lint` in `studio/src/api.ts`. Must not know any rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.mapping.language import codes
from cef_bridge.mapping.lint import linter
from cef_bridge.mapping.lint.suggestions import HINT, suggested
from cef_bridge.studio.offsets import Utf16
from cef_bridge.workbench.places import place

if TYPE_CHECKING:
    from cef_bridge.errors import Problem
    from cef_bridge.mapping.lint.suggestions import Suggestion
    from cef_bridge.studio.workspace import Workspace

_MOST = 500


def lint(workspace: Workspace, text: str) -> dict[str, object]:
    """Return the findings of a text, in order of place."""
    workspace.foreground.wait()
    found = workspace.texts.check(text).problems
    counter = Utf16.of(text)
    own = [it for it in found[:_MOST] if it.at.path == workspace.path]
    suggestions = suggested(text, own)
    return {
        "valid": not any(problem.severity == "error" for problem in found),
        "findings": [
            _finding(it, counter if it.at.path == workspace.path else None, suggestions.get(it))
            for it in found[:_MOST]
        ],
    }


def _finding(
    problem: Problem, counter: Utf16 | None, suggestion: Suggestion | None
) -> dict[str, object]:
    hint = HINT.search(problem.message)
    row = codes.CODES.get(problem.code)
    at = problem.at
    where = place(at)
    return {
        "code": problem.code,
        "severity": problem.severity,
        "place": counter.place(at.line, at.column) if counter else None,
        "where": f"{where}:{at.column}" if where else "",
        "message": problem.message.replace(hint[0], "") if hint else problem.message,
        "hint": hint[1] if hint else "",
        "page": f"{row.id} {row.severity}: {row.meaning}\n\n{linter.page(row)}" if row else "",
        "fixes": [{"title": suggestion.title, "edits": [counter.edit(suggestion.edit)]}]
        if suggestion and counter
        else [],
    }
