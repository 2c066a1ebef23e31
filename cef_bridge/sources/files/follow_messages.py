"""What is said of followed files: one sentence in sum, however many files it is true of.

In come names and sentences, out go log records. Must not know what happened.
"""

from __future__ import annotations

import errno
import logging
from typing import NamedTuple

from cef_bridge.log_fields import fields

_log = logging.getLogger(__name__)

_REMEMBERED = 4096  # names that a sentence was said of; it is not said again
_NAMED = 3


class Warned(NamedTuple):
    """What is true of one file, and of several, as a sentence goes on behind their names."""

    one: str
    several: str


_ALONE = Warned("", "")
PACKED = Warned(
    "it is packed, and is not followed; read it with --once if its events are wanted",
    "they are packed, and are not followed; read them with --once if their events are wanted",
)


def nothing_behind(number: int | None) -> Warned:
    """Return what is said of files that are there by name alone (errno)."""
    why = "leads round in a circle" if number == errno.ELOOP else "leads to nothing"
    return Warned(
        f"this link {why}; nothing is read from it",
        f"these links {why.replace('leads', 'lead')}; nothing is read from them",
    )


def unopened(reason: str) -> Warned:
    """Return what is said of files that cannot be opened now."""
    return Warned(
        f"cannot be opened: {reason}. It is tried again",
        f"cannot be opened: {reason}. They are tried again",
    )


class Told:
    """Collects what is to be said, until `say`."""

    def __init__(self) -> None:
        self._warnings: dict[Warned, list[str]] = {}
        self._losses: dict[str, list[str]] = {}
        self._said: dict[tuple[Warned, str], None] = {}

    def warn(self, what: Warned, name: str) -> None:
        """Have a warning said of a file, once."""
        if (what, name) not in self._said:
            self._said[what, name] = None
            self._warnings.setdefault(what, []).append(name)

    def sentence(self, text: str) -> None:
        """Say a whole sentence, once."""
        if (_ALONE, text) not in self._said:
            self._said[_ALONE, text] = None
            _log.warning("%s", text, extra=fields("file-remark", count=1))

    def lost(self, reason: str, text: str) -> None:
        """Have a whole sentence said of what was lost; `reason` is that of its Notice."""
        self._losses.setdefault(reason, []).append(text)

    def say(self) -> None:
        """Say what was collected."""
        for what, names in self._warnings.items():
            shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
            if len(names) == 1:
                known = fields("file-remark", source=names[0], count=1)
                _log.warning("%s: %s", shown, what.one, extra=known)
            else:
                known = fields("file-remark", count=len(names))
                text = "%s files (%s): %s"
                _log.warning(text, f"{len(names):,}", shown, what.several, extra=known)
        for reason, texts in self._losses.items():
            for text in texts[:_NAMED]:
                _log.error("%s", text, extra=fields("file-lost", reason=reason, count=1))
            if len(texts) > _NAMED:
                known = fields("file-lost", reason=reason, count=len(texts))
                _log.error("… and so on: %s files in all", f"{len(texts):,}", extra=known)
        self._warnings.clear()
        self._losses.clear()
        while len(self._said) > _REMEMBERED:
            del self._said[next(iter(self._said))]
