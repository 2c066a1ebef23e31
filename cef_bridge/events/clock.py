"""When an event happened: text and numbers become microseconds since 1970, UTC.

`UpdatedTime` is the time with microseconds; `Timestamp` has whole seconds. Numbers are read by
their size, because exporters write seconds, milliseconds, microseconds and nanoseconds under the
same name (an OpenTelemetry collector was seen to put milliseconds into timeUnixNano).
"""

from __future__ import annotations

from datetime import UTC, datetime

_SECONDS: dict[str, int] = {}  # "2023-08-23T18:05:48" -> epoch seconds; events come in bursts
_MOST_SECONDS = 4096
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


def event_time(event: dict[str, object]) -> int | None:
    """Return when it happened, in epoch microseconds; None when nothing says so.

    UpdatedTime, else Timestamp (KubeArmor sets both when it builds the record), else the time that
    the wrapper of the line had.
    """
    updated = event.get("UpdatedTime")
    if isinstance(updated, str) and updated and (found := microseconds(updated)) is not None:
        return found
    if (found := number(event.get("Timestamp"))) is not None:
        return found
    wrapper = event.get(WRAPPER_TIME)
    return wrapper if isinstance(wrapper, int) else None


WRAPPER_TIME = "wrapper.time"
"""Where `unwrap` leaves the time of a log line's wrapper, in epoch microseconds."""
