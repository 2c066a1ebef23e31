"""What is wrong with a request, as the answer says it: a status, the fact, what to do next.

In come errors of the rooms below, out go the plain values of an answer. Must not know a server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.errors import MappingError

if TYPE_CHECKING:
    from cef_bridge.errors import CefBridgeError


class StudioError(Exception):
    """A request that is not answered; `more` is what the answer has beside the problem."""

    def __init__(self, status: int, message: str, fix: str = "", **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.answer: dict[str, object] = {"error": problem(message, fix), **more}


def problem(message: str, fix: str = "") -> dict[str, object]:
    """Return a problem as answers have it."""
    return {"message": message, "fix": fix}


def problem_of(error: CefBridgeError) -> dict[str, object]:
    """Return the problem of an error; of a mapping with several, the first one."""
    if isinstance(error, MappingError) and error.problems:
        first, number = error.problems[0], len(error.problems)
        more = f" ({number - 1:,} more)" if number > 1 else ""
        return problem(f"{first.at.line}:{first.at.column} {first.message}{more}")
    text = str(error)
    return problem(f"{text[:1].upper()}{text[1:].rstrip('.')}.")
