"""Which files of the package an event goes through, by watching calls.

A file is on the way when one of its functions is given the event's bytes, or returns them: found in
its arguments, in lists, tuples, dicts and blocks of lines. What only keeps books about the event
(positions, limits, locks) is not. `entered` has all files that run meanwhile.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

import cef_bridge
from cef_bridge.queue.values import Messages
from cef_bridge.sources.records.units import Uncut

if TYPE_CHECKING:
    from types import FrameType, TracebackType

_BEGIN = f"{Path(cef_bridge.__file__).parent}/"
_MOST = 200  # values that are looked at of one argument


class Watch:
    """Notes the files on the way of what holds `mark`, in this thread and in those begun meanwhile.

    They are watched until they end. `on` says whether anything is noted.
    """

    def __init__(self, mark: str) -> None:
        self.on = False
        self.way: set[str] = set()
        self.entered: set[str] = set()
        self._marks = (mark, mark.encode())

    def __enter__(self) -> Self:
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, it: BaseException | None, at: TracebackType | None
    ) -> None:
        sys.setprofile(None)
        threading.setprofile(None)
        self.on = False

    def _note(self, frame: FrameType, event: str, returned: object) -> None:
        if not self.on or event not in ("call", "return"):
            return
        name = frame.f_code.co_filename
        if not name.startswith(_BEGIN):
            return
        name = name.removeprefix(_BEGIN)
        self.entered.add(name)
        given = [it for key, it in frame.f_locals.items() if key != "self"]
        if name not in self.way and self._holds([returned] if event == "return" else given):
            self.way.add(name)

    def _holds(self, values: list[object]) -> bool:
        left = _MOST
        while values and left:
            left -= 1
            value = values.pop()
            if isinstance(value, str) and self._marks[0] in value:
                return True
            if isinstance(value, (bytes, bytearray, memoryview)) and self._marks[1] in bytes(value):
                return True
            if isinstance(value, Uncut):
                values.append(value._data)  # noqa: SLF001 - a look from outside, which cuts nothing
            if isinstance(value, Messages):
                values.append(value.text)
            if isinstance(value, (list, tuple)):
                values += value[:_MOST]
            elif isinstance(value, dict):
                values += list(value.values())[:_MOST]
        return False
