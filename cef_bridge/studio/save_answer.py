"""What saving did, and what the file has now.

In comes a workspace, out go the plain values of `Saved` and `Disk` in `studio/src/api.ts`. Must not
know how a file is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.errors import CefBridgeError
from cef_bridge.studio.problems import StudioError, problem_of
from cef_bridge.studio.start_answer import mapping_file
from cef_bridge.studio.workspace import SaveConflictError

if TYPE_CHECKING:
    from cef_bridge.studio.workspace import Workspace
    from cef_bridge.workbench.testing import Ran

_MOST_MESSAGES = 50


def save(workspace: Workspace, text: str, expected: str) -> dict[str, object]:
    """Write the mapping and run its examples; StudioError where it must not be written."""
    if workspace.texts.is_shipped:
        raise StudioError(
            403,
            "This mapping comes with cef-bridge and is never written.",
            "Make your own: cef-bridge mapping new --extends NAME",
        )
    if not workspace.edit:
        raise StudioError(403, "The studio only reads.", "Start it with --edit to save.")
    try:
        hash_ = workspace.save(text, expected)
    except SaveConflictError as error:
        raise StudioError(
            409,
            f"{workspace.name} was changed by another program or tab.",
            "Load what is on disk, or save over it.",
            disk=mapping_file(workspace, error.disk),
        ) from error
    except UnicodeEncodeError as error:
        raise StudioError(
            400, "The text has half a character, which no file can hold.", "Remove it."
        ) from error
    return {"hash": hash_, "tests": _tests(workspace)}


def _tests(workspace: Workspace) -> dict[str, object]:
    try:
        report = workspace.test()
    except CefBridgeError as error:
        return {"passed": 0, "failed": 0, "messages": [str(problem_of(error)["message"])]}
    failed = [each for each in report.ran if not each.outcome.passed]
    messages = [*map(_failure, failed), *map(str, report.problems), *report.notes]
    return {
        "passed": len(report.ran) - len(failed),
        "failed": len(failed),
        "messages": messages[:_MOST_MESSAGES],
    }


def _failure(ran: Ran) -> str:
    outcome = ran.outcome
    name = f" ({outcome.name})" if outcome.name else ""
    wrong = "; ".join(
        f"{key}: expected {_quoted(wanted)}, got {_quoted(got)}"
        for key, wanted, got in outcome.differences
    )
    return f"{outcome.at} example{name} fails: {wrong}"


def _quoted(text: str | None) -> str:
    return "nothing" if text is None else f'"{text}"'


def disk(workspace: Workspace) -> dict[str, object]:
    """Return what the file has now; an empty hash where it cannot be read."""
    try:
        hash_ = workspace.disk().hash
    except CefBridgeError:
        hash_ = ""
    return {"hash": hash_, "changed": hash_ != workspace.saved.hash}
