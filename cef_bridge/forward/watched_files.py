"""Files that were read, and whether they have changed since.

In comes a piece of work that reads files by `small_files`, out goes whether one of them is another
now: written in place, renamed over, or exchanged behind a link, as kubelet does with ConfigMaps and
Secrets. Must not know what is in them.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cef_bridge.small_files import noted_files, signature_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.small_files import FileSignature


class WatchedFiles:
    """The files of the last `reading`. Not from two threads at once."""

    def __init__(self) -> None:
        self._read: dict[str, FileSignature | None] = {}
        self._seen: dict[str, FileSignature | None] | None = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Watch from now on what is read inside.

        When that fails, what was watched before is watched as well: the mistake may be in any.
        """
        with noted_files() as read:
            try:
                yield
            except BaseException:
                self._read = {**self._now(), **read}
                raise
        self._read = dict(read)

    def changed(self) -> bool:
        """Tell whether a file is another than was read, and the same since the last call.

        So that one that is being written is not read half.
        """
        now = self._now()
        quiet, self._seen = now == self._seen, now
        return quiet and now != self._read

    def _now(self) -> dict[str, FileSignature | None]:
        return {path: signature_of(path) for path in self._read}
