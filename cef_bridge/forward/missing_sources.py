"""Sources that are not there when a forwarder has begun: one warning, and one line when they come.

In come sources and how they are doing, out go log records. Starts and ends nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.forward.config.sources import SOURCES
from cef_bridge.log_fields import fields
from cef_bridge.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.forward.config import Source
    from cef_bridge.sources.feed import FeedState

PATIENCE = 5.0
"""Seconds until a source that is not there is worth a warning."""

_log = logging.getLogger(__name__)


class SourceLook(NamedTuple):
    """A source at one moment; `ended`: it was read to its end."""

    key: str
    spec: Source
    state: FeedState
    ended: bool


class MissingSources:
    """Looks at sources until each has been there once. Times are those of a monotonic clock."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._told: set[str] = set()
        self._there: set[str] = set()

    def look(self, sources: Iterable[SourceLook], now: float) -> None:
        """Say what is new; to be called once a second."""
        for each in sources:
            if each.key in self._there:
                continue
            waited = now - self._since.setdefault(each.key, now)
            why = "" if each.ended else _missing(each)
            if not why:
                self._there.add(each.key)
                if each.key in self._told:
                    self._found(each, waited)
            elif waited >= PATIENCE and each.key not in self._told:
                self._told.add(each.key)
                self._warn(each, why)

    def _warn(self, each: SourceLook, why: str) -> None:
        name = printable(str(each.spec))
        _log.warning(
            "source %s is not there after %.0f seconds: %s. %s",
            *(name, PATIENCE, printable(why), SOURCES[each.spec.kind].advice),
            extra=fields("source-missing", source=str(each.spec), reason=why),
        )

    def _found(self, each: SourceLook, waited: float) -> None:
        _log.info(
            "source %s is there now",
            printable(str(each.spec)),
            extra=fields("source-found", source=str(each.spec), seconds=round(waited, 1)),
        )


def _missing(each: SourceLook) -> str:
    """Return why a source is not there, "" when it is."""
    looked = SOURCES[each.spec.kind].look(each.spec)
    if looked.found is False:
        return looked.text
    if each.state.connected:
        return ""
    # A stream that is away says so after its name.
    return each.state.text.removesuffix(": ") or "no answer yet"
