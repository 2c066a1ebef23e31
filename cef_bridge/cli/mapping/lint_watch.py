"""`cef-bridge mapping lint --watch`: the same again when a file that matters has changed.

In come a function that lints and one that says which files matter, out goes nothing: it ends when
it is interrupted. Must not know what is linted.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.cli.logs import say
from cef_bridge.mapping.language import beside
from cef_bridge.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_PAUSE = 0.2  # seconds between two looks; a file that is being saved is left alone for one more

_Signs = tuple[int, int, int] | None
_State = dict[str, frozenset[tuple[str, _Signs]]]
"""Of each path what tells that it, or a file of examples beside it, has changed."""


def watch(files: Callable[[], Collection[str]], lint: Callable[[], object]) -> None:
    """Lint, and again whenever a file has changed, come or gone; KeyboardInterrupt ends it.

    `files` returns the paths of the files that matter, which may be others after a change.
    """
    while True:
        known = files()
        # Looked at before linting, so that no change is missed while a result is printed.
        before = _state(known)
        lint()
        say("watching for changes; Ctrl-C ends")
        while (now := _state(known)) == before:
            time.sleep(_PAUSE)
        while True:
            time.sleep(_PAUSE)
            if (later := _state(known)) == now:
                break
            now = later
        changed = {each for path in now for each, _ in now[path] ^ before[path]}
        names = ", ".join(map(_short, sorted(changed)))
        say(f"\n{names} changed at {time.strftime('%H:%M:%S')}")


def _short(path: str) -> str:
    relative = os.path.relpath(path)
    return printable(path if relative.startswith("..") else relative)


def _state(paths: Collection[str]) -> _State:
    state: _State = {}
    for path in paths:
        tests = [] if beside.is_test_file(path) else beside.candidates(Path(path))
        files = [os.path.realpath(each) for each in (Path(path), *tests)]
        state[path] = frozenset((each, _signs(each)) for each in files)
    return state


def _signs(path: str) -> _Signs:
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
