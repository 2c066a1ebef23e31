"""When an event happened: text and numbers become microseconds since 1970, UTC.

`UpdatedTime` is the time with microseconds; `Timestamp` has whole seconds. Numbers are read by
their size, because exporters write seconds, milliseconds, microseconds and nanoseconds under the
same name (an OpenTelemetry collector was seen to put milliseconds into timeUnixNano).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS: dict[str, int] = {}  # "2023-08-23T18:05:48" -> epoch seconds; events come in bursts
_MOST_SECONDS = 4096
_LEAST_NUMBER = 100_000_000_000_000  # microseconds: March 1973
_EARLIEST, _LATEST = 0, 253402300800  # 1970 to 9999: what a syslog header can say


def microseconds(text: str) -> int | None:
    """Return epoch microseconds of `2023-08-23T18:05:48.301798Z`; None when it is no such time.

    Any count of fraction digits, a small `t` or `z`, a space instead of the `T` and an offset are
    taken too; a time without zone is UTC, as KubeArmor's is.
    """
    usual = len(text) == 27 and text[26] == "Z" and text[19] == "." and text.isascii()
    if usual and (known := _SECONDS.get(text[:19])) is not None and text[20:26].isdigit():
        return known * 1_000_000 + int(text[20:26])
    try:
        moment = datetime.fromisoformat(text.strip().upper())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        seconds = int(moment.replace(microsecond=0).timestamp())
    except (OverflowError, ValueError):
        return None
    if not _EARLIEST < seconds < _LATEST:
        return None
    if usual:
        if len(_SECONDS) >= _MOST_SECONDS:
            _SECONDS.clear()
        _SECONDS[text[:19]] = seconds
    return seconds * 1_000_000 + moment.microsecond


def number(value: object) -> int | None:
    """Return epoch microseconds of a number of seconds, ms, us or ns, told apart by its size."""
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return None
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
