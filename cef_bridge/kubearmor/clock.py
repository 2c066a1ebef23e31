"""When an event happened: text and numbers become microseconds since 1970, UTC.

`UpdatedTime` is the time with microseconds; `Timestamp` has whole seconds. Numbers are read by
their size, because exporters write seconds, milliseconds, microseconds and nanoseconds under the
same name (an OpenTelemetry collector was seen to put milliseconds into timeUnixNano).
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from cef_bridge.kubearmor.numbers import read_number

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2})"
    r"(?::([0-9]{2})(?:[.,]([0-9]+))?)?(?:[Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?)?"
)
_YEAR_1970 = date(1970, 1, 1).toordinal()
_LEAST_NUMBER = 100_000_000_000_000  # microseconds: March 1973
_EARLIEST, _LATEST = 0, 253402300800  # 1970 to 9999: what a syslog header can say


def microseconds(text: str) -> int | None:
    """Return epoch microseconds of `2023-08-23T18:05:48.301798Z`; None when it is no such time.

    Also with a small `t` or `z`, one space instead of the `T`, without seconds, with any count of
    fraction digits (what is beyond six is cut) behind a point or comma, with an offset (`+02:00`,
    `+0200`, `+02`), and with white space around it. A time without zone is UTC, as KubeArmor's is.
    Digits are ASCII; a second is never 60, an hour never 24. This grammar is ours, so that a time
    is one on every Python, and in the engine.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups("0")
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _YEAR_1970
    except ValueError:
        return None
    if hour > "23" or minute > "59" or second > "59" or hours > "23" or minutes > "59":
        return None
    seconds = days * 86400 + int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign != "0":
        offset = int(hours) * 3600 + int(minutes) * 60
        seconds -= offset if sign == "+" else -offset
    if not _EARLIEST < seconds < _LATEST:
        return None
    return seconds * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def number(value: object) -> int | None:
    """Return epoch microseconds of a number of seconds, ms, us or ns, told apart by its size.

    A text is read as `numbers.read_number` reads it.
    """
    if isinstance(value, str):
        value = read_number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e19:
        return None
    for limit, factor in ((1e11, 1e6), (1e14, 1e3), (1e17, 1)):
        if value < limit:
            return int(value * int(factor)) if isinstance(value, int) else round(value * factor)
    return int(value) // 1000


def moment(value: object) -> int | None:
    """Return epoch microseconds of a time in any form: a text as `microseconds` reads it, or a
    number of 1973 or later, since a small number is something else.
    """
    if isinstance(value, str) and (found := microseconds(value)) is not None:
        return found
    found = number(value)
    return found if found is not None and found >= _LEAST_NUMBER else None


def event_time(event: Mapping[str, object]) -> int | None:
    """Return when it happened, in epoch microseconds; None when nothing says so."""
    return timed(event)[0]


def timed(event: Mapping[str, object]) -> tuple[int | None, str]:
    """Return when it happened, in epoch microseconds, and the field that says it; None and "".

    UpdatedTime, else Timestamp (KubeArmor sets both when it builds the record), else what an
    exporter added, else the time that the wrapper of the line had.
    """
    if (found := moment(event.get("UpdatedTime"))) is not None:
        return found, "UpdatedTime"
    stamp = event.get("Timestamp")
    if (found := number(stamp)) is not None or (found := moment(stamp)) is not None:
        return found, "Timestamp"
    for name in ADDED_TIMES:
        if name in event and (found := moment(event[name])) is not None:
            return found, name
    wrapper = event.get(WRAPPER_TIME)
    return (wrapper, WRAPPER_TIME) if isinstance(wrapper, int) else (None, "")


def repeats(event: Mapping[str, object]) -> bool:
    """Tell whether nothing in an event's id, and no number of seconds, tells its repetitions apart.

    Part of the id's recipe: it does not change with what `timed` learns to read.
    """
    return (
        not event.get("UpdatedTime")
        and number(event.get("Timestamp")) is None
        and WRAPPER_TIME not in event
    )


ADDED_TIMES = ("@timestamp", "UpdatedTimeISO", "_time", "time", "date", "ts")
"""Names under which exporters and collectors add the time to an event; KubeArmor has none of them.
"""
WRAPPER_TIME = "wrapper.time"
"""Where `unwrap` leaves the time of a log line's wrapper, in epoch microseconds."""
