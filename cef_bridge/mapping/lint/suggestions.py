"""What a problem suggests to change, for an editor that offers it: more than `lint --fix` does.

In come a mapping's text and its problems, out come edits with titles. A person chooses, so a word
that is only near is suggested as well, a setting that the message names, and a needed key that was
removed. Nothing else is touched. Must not know editors.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import Addition, Removal, Replacement
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.language.changes import changed, stated
from cef_bridge.mapping.language.fixes import edits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.errors import Fix, Problem
    from cef_bridge.mapping.language.fixes import TextEdit

HINT = re.compile(r' (Did you mean "([^"]*)"\?)')
_SETTINGS = frozenset(
    it.id
    for it in (
        codes.TIME_LOST,
        codes.FORGED_RECORD,
        codes.VERSION_UNREAD,
        codes.RECEIVER_SETTING,
    )
)
_SAY = re.compile(r'Say "?([a-z_0-9]+: (?:\[[^\]]*\]|\{[^}]*\}|[A-Za-z0-9_.-]+(?<!\.)))')
_REMOVE = re.compile(r"Remove ([a-z_0-9]+)\.")
_WORD = re.compile(r"[\"']?([^\s,\[\]{}#:\"']+(?::[^\s,\[\]{}\"']+)*)")


class Suggestion(NamedTuple):
    """A change of a text, and what it does in a few words."""

    title: str
    edit: TextEdit


def suggested(text: str, problems: Sequence[Problem]) -> dict[Problem, Suggestion]:
    """Return what the problems of a text suggest; those without a suggestion are not in it.

    `text` has no byte order mark, and the problems are its own, not those of its parents.
    """
    lines = text.split("\n")
    fixed = {}
    found: dict[Problem, Suggestion] = {}
    for problem in problems:
        if (fix := problem.fix or _meant(problem, lines)) is not None:
            fixed[problem._replace(fix=fix)] = problem
        elif (suggestion := _setting(text, problem)) is not None:
            found[problem] = suggestion
    for problem, edit in edits(text.encode("utf-8", "surrogatepass"), [*fixed]):
        if problem.fix is not None:
            found[fixed[problem]] = Suggestion(_title(problem.fix), edit)
    return found


def _meant(problem: Problem, lines: Sequence[str]) -> Fix | None:
    """Return the fix that a message names without `lint` making it by itself."""
    at = problem.at
    here = lines[at.line - 1][at.column - 1 :] if at.line <= len(lines) else ""
    found = _WORD.match(here)
    word = found[1] if found else ""
    if hint := HINT.search(problem.message):
        return Replacement(at, word, hint[2])
    if problem.code == codes.RECEIVER_NEEDS.id and problem.message.startswith(f"{word} is not"):
        return Removal(at, word)
    if problem.code in _SETTINGS and (gone := _REMOVE.search(problem.message)) and gone[1] == word:
        return Removal(at, word)
    return None


def _setting(text: str, problem: Problem) -> Suggestion | None:
    """Return the setting of the envelope that a message says."""
    said = _SAY.search(problem.message) if problem.code in _SETTINGS else None
    wanted = stated(f"envelope: {{{said[1]}}}") if said else None
    edit = changed(text, wanted.changes) if wanted else None
    return Suggestion(f"Write {wanted.text}", edit) if wanted and edit else None


def _title(fix: Fix) -> str:
    match fix:
        case Replacement():
            return f"Write {fix.new}"
        case Removal():
            return f"Remove {fix.key}"
        case Addition():
            return f"Add {fix.key}: {fix.value}"
