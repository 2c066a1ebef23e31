"""How many files are open at once: a limit that holds whatever happens to them.

In come Tails; out go Tails that are open or shut. One that is shut goes on at its place once it is
opened again. Must not know why one is read.
"""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

from cef_bridge.errors import UsageError
from cef_bridge.sources.files.follow_paths import open_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.sources.files.follow_siblings import Rest
    from cef_bridge.sources.files.follow_tail import Tail

_SHARE = 4  # of the files that may be open are rests: one in so many
_LEAST = 2


class Descriptors:
    """Counts open files. `most`: as many may be open, and one or two more for a moment.

    It is never more than half of what the system lets this process open.
    """

    def __init__(self, most: int) -> None:
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = max(_LEAST, min(most, allowed // 2))
        self._open = 0

    @property
    def crowded(self) -> bool:
        """Whether no more should be opened and kept."""
        return self._open >= self._most

    def kept(self, fd: int | None) -> int | None:
        """Take a descriptor in charge; None when it was closed instead, for there are enough."""
        if fd is None:
            return None
        if self.crowded:
            os.close(fd)
            return None
        self._open += 1
        return fd

    def keep(self, rest: Rest) -> Rest:
        """Take the descriptor of a file in charge, or close it."""
        return rest._replace(fd=self.kept(rest.fd))

    def let_go(self, fd: int | None) -> None:
        """Close a descriptor that was kept."""
        if fd is not None:
            os.close(fd)
            self._open -= 1

    def open(self, tail: Tail) -> bool:
        """Open a stream's file; False if it is not where it was, which the next look sees."""
        if tail.fd is not None:
            return True
        try:
            fd, file = open_file(tail.opens)
        except (OSError, UsageError):
            return False
        if file.node != tail.node:
            os.close(fd)
            return False
        tail.fd = fd
        self._open += 1
        return True

    def shut(self, tail: Tail) -> None:
        """Close a stream's file."""
        self._open -= tail.fd is not None
        tail.close()

    def relax(self, tail: Tail) -> None:
        """Shut a file that was read if others want to be open; a rest is read on to its end."""
        if self._open > self._most and (tail.attached or tail.caught_up):
            self.shut(tail)

    def spare(self, tails: Iterable[Tail], max_busy: int) -> None:
        """Shut what has been quiet the longest, and forget what it had begun to read."""
        quiet = [each for each in tails if each.attached and each.caught_up]
        quiet.sort(key=lambda each: each.changed)
        for tail in quiet:
            if self._open <= self._most:
                break
            self.shut(tail)
        busy = [each for each in quiet if each.busy]
        for tail in busy[: max(0, len(busy) - max_busy)]:
            tail.rest()

    def turns(self, tails: Iterable[Tail]) -> list[Tail]:
        """Return those that can be read now: of rests that are shut, as many as can be open."""
        found = list(tails)
        rests = [each for each in found if not each.attached]
        room = max(1, self._most // _SHARE) - sum(each.fd is not None for each in rests)
        waiting = [each for each in rests if each.fd is None][max(0, room) :]
        late = {id(each) for each in waiting}
        return [each for each in found if id(each) not in late]
