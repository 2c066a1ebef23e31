"""Time zones of syslog headers: an IANA name, an offset, or `local`, resolved once.

In comes what a mapping says, out comes a function of epoch seconds that gives the offset from UTC.
Daylight saving time is the zone database's. Reads that database, and nothing else.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from cef_bridge.errors import UsageError
from cef_bridge.wording import did_you_mean, shown

if TYPE_CHECKING:
    import zoneinfo
    from collections.abc import Callable

Zone: TypeAlias = "Callable[[int], int]"
"""Epoch seconds to seconds east of UTC, in whole minutes."""

_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})?", re.ASCII)
_MOST = 14 * 60  # minutes: Kiritimati; the west ends at -12:00
_MINUTE = 60
_LAST = 253_402_214_400  # 9999-12-31T00:00:00Z: what is later has no local time east of it
_FORMS = "Expected a name such as Europe/Berlin, an offset such as +01:00, UTC, or local."


def zone(text: str) -> Zone | None:
    """Return a zone by what a mapping says of it; None is UTC.

    Takes `UTC`, `local` (that of this machine), `+01:00`, and names of the IANA database. Raises
    UsageError for any other text, and for a name where no database is installed.
    """
    if text in {"UTC", "Z"}:
        return None
    if text == "local":
        return _local
    if (found := _OFFSET.fullmatch(text)) is not None:
        return _fixed(text, *found.groups())
    import zoneinfo  # noqa: PLC0415 - most headers are in UTC

    try:
        return _named(zoneinfo.ZoneInfo(text))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(_unknown(text)) from None


def changes(offset: Zone) -> list[tuple[int, int]]:
    """Return the offsets that a zone has from 1970 to `END`, each with the second it begins."""
    found = [(0, offset(0))]
    for step in range(_STEP, END + _STEP, _STEP):
        before, after = step - _STEP, step
        if offset(after) == found[-1][1]:
            continue
        while after - before > 1:
            middle = (before + after) // 2
            if offset(middle) == found[-1][1]:
                before = middle
            else:
                after = middle
        found.append((after, offset(after)))
    return found


END = 4_102_444_800
"""2100-01-01T00:00:00Z: how far `changes` looks."""
_STEP = 14 * 24 * 3600  # seconds; no zone changes twice in so short a time


def _fixed(text: str, sign: str, hours: str, minutes: str | None) -> Zone | None:
    offset = int(hours) * 60 + int(minutes or 0)
    if offset > _MOST or int(minutes or 0) > 59:
        raise UsageError(f'Invalid offset from UTC "{shown(text)}". Expected -14:00 to +14:00.')
    seconds = offset * _MINUTE * (-1 if sign == "-" else 1)
    return (lambda _: seconds) if seconds else None


def _named(info: zoneinfo.ZoneInfo) -> Zone:
    # Many events come in a second: the database is asked once for each.
    @lru_cache(maxsize=64)
    def offset(seconds: int) -> int:
        moment = datetime.fromtimestamp(min(seconds, _LAST), UTC)
        return _minutes(moment.astimezone(info).utcoffset())

    return offset


@lru_cache(maxsize=64)
def _local(seconds: int) -> int:
    return _minutes(timedelta(seconds=time.localtime(seconds).tm_gmtoff))


def _minutes(offset: timedelta | None) -> int:
    # Local mean times had seconds (Monrovia until 1972), which RFC 3339 cannot say.
    return round((offset or timedelta()) / timedelta(minutes=1)) * _MINUTE


def _unknown(text: str) -> str:
    import zoneinfo  # noqa: PLC0415 - as above

    known = zoneinfo.available_timezones()
    if not known:
        return (
            f'The time zone "{shown(text)}" cannot be looked up: this machine has no time zone '
            "database. Install the package tzdata (of the system, or with pip), or write an offset "
            "such as +01:00."
        )
    names = [*sorted(known), "UTC", "local"]
    return f'Unknown time zone "{shown(text)}".{did_you_mean(text, names) or f" {_FORMS}"}'
