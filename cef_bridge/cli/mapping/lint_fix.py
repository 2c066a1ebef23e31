"""`cef-bridge mapping lint --fix`: what has one right fix is fixed in the files.

In comes a check of mappings, out go changed files, and what was changed on stderr. Must not know
any rule, nor how a fix is put into a text.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.cli.logs import in_json, say
from cef_bridge.cli.styles import styled
from cef_bridge.errors import UsageError
from cef_bridge.files import AtomicFile
from cef_bridge.mapping.language import fixes, nodes, shipped
from cef_bridge.small_files import UnreadableError, read_small
from cef_bridge.wording import counted, printable, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cef_bridge.errors import Problem
    from cef_bridge.mapping.load import Checked

_MOST_ROUNDS = 100


def fix(check: Callable[[], Checked]) -> None:
    """Fix what can be, until nothing is left that a fix would change.

    A name that is put right may show what is wrong with its value: that has its turn next.
    """
    written: set[tuple[str, bytes]] = set()
    count = 0
    for _ in range(_MOST_ROUNDS):
        by_path: dict[str, list[Problem]] = defaultdict(list)
        for problem in check().problems:
            if problem.fix is not None and not _is_shipped(problem.at.path):
                by_path[problem.at.path].append(problem)
        made = [each for path in by_path for each in _fix_file(path, by_path[path], written)]
        for problem in made:
            _say(problem)
        count += len(made)
        if not made:
            break
    if count:
        say(f"{counted(count, 'problem')} fixed")


def _fix_file(
    path: str, problems: Sequence[Problem], written: set[tuple[str, bytes]]
) -> list[Problem]:
    """Fix a file, and return the problems that are fixed now."""
    try:
        before = read_small(path, nodes.MOST_BYTES)
    except UnreadableError as error:
        raise UsageError(f"{shown(path)} cannot be read: {error}.") from error
    after, made = fixes.applied(before, problems)
    if not made or after == before or (path, after) in written:
        return []
    written |= {(path, before), (path, after)}
    with AtomicFile(path) as file:
        file.write(after)
    return made


def _is_shipped(path: str) -> bool:
    return Path(path).resolve().parent == shipped.folder().resolve()


def _say(problem: Problem) -> None:
    fixed = "fixed" if in_json() else styled("fixed", "fixed", err=True)
    say(f"{printable(str(problem.at))} {problem.code} {fixed}: {printable(str(problem.fix))}")
