"""Syslog headers: RFC 3164 and RFC 5424, written and read.

In come numbers and hostile host names, out comes the text before a message, trailing space
included; `split` takes it off again, and `read_loosely` reads what other products write there. No
TAG in RFC 3164: ArcSight and Sentinel want `CEF:` right behind the host. Must not know what the
message says or how it is framed.
"""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from cef_bridge.errors import UsageError

if TYPE_CHECKING:
    from cef_bridge.lines.zones import Zone

FACILITIES: dict[str, int] = {
    "kern": 0,
    "user": 1,
    "mail": 2,
    "daemon": 3,
    "auth": 4,
    "syslog": 5,
    "lpr": 6,
    "news": 7,
    "uucp": 8,
    "cron": 9,
    "authpriv": 10,
    "ftp": 11,
    "ntp": 12,
    "audit": 13,
    "alert": 14,
    "clock": 15,
    "local0": 16,
    "local1": 17,
    "local2": 18,
    "local3": 19,
    "local4": 20,
    "local5": 21,
    "local6": 22,
    "local7": 23,
}
"""Facility codes (RFC 5424 6.2.1)."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z: RFC 3339 has four digits for the year
# Printable ASCII but the pipe: a header never looks like the beginning of a message. Nor does it
# hold an equals sign, before which the Splunk add-on takes the whole header for a field's name.
_NOT_IN_HOST = re.compile(r"[^!-<>-{}~]")
_NOT_IN_HOST_3164 = re.compile(r"[^!-9;<>-{}~]")
_MESSAGE_MARKS = re.compile(r"(?<=EF):")

_PRI = r"<(0|[1-9]\d{0,2})>"
# A word that begins a message is never a host or a tag; rsyslog writes `CEF: 0|` for `CEF:0|`, and
# some write `tag:CEF:0|`.
_NO_MESSAGE = r"(?!(?:[!-~]*:)?(?:CEF: ?\d+\||LEEF:))"
# A word with a colon at its end is a tag; an IPv6 address may end with two.
_HOST = rf"{_NO_MESSAGE}([!-~]{{1,255}})(?<!(?<!:):)"
# `re` compiles these three on first use and keeps them. That takes 15 ms, which a run that only
# writes headers saves.
_RFC3164 = (
    rf"(?:{_PRI})?({'|'.join(_MONTHS)}) ( [1-9]|[12]\d|3[01]) "
    rf"((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d) {_HOST} "
)
_TIMESTAMP = (
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
    r"(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
)
_SD_NAME = r'[^\x00-\x20\x7f-\U0010ffff="\]]{1,32}'
_SD_VALUE = r'"(?:[^"\\\]]|\\(?s:.))*+"'
_SD_ELEMENT = rf"\[{_SD_NAME}(?: {_SD_NAME}={_SD_VALUE})*+\]"
_WORDS = " ".join(rf"{_NO_MESSAGE}([!-~]{{1,{most}}})" for most in (255, 48, 128, 32))
_RFC5424 = rf"{_PRI}1 (-|{_TIMESTAMP}) {_WORDS} (-|(?:{_SD_ELEMENT})++)(?: \ufeff?|\Z)"
# What products and relays write: no priority, a year or a fraction in the time, ISO 8601, no host.
_FRACTION = r"(?:[.,]\d{1,9})?"
_LOOSE_TIMES = (
    rf"(?:{'|'.join(_MONTHS)}) +\d{{1,2}} (?:\d{{4}} )?\d{{2}}:\d{{2}}:\d{{2}}{_FRACTION}",
    rf"\d{{4}}-\d{{2}}-\d{{2}}[T ]\d{{2}}:\d{{2}}:\d{{2}}{_FRACTION}(?:Z|[+-]\d{{2}}:?\d{{2}})?",
)
_LOOSE = (
    rf"(?:<(?P<priority>\d{{1,3}})> *)?(?:1 +(?=[-\d]))?"
    rf"(?:(?P<time>{'|'.join(_LOOSE_TIMES)}):? +)?(?:(?P<host>{_HOST}) +)?"
)


class SyslogHeader(NamedTuple):
    """A header's parts as text; those that RFC 3164 has not, and nil values, are "".

    `priority` is None where an RFC 3164 header goes without, as in files. A header that is not
    `strict` is like RFC 3164, and may lack its time or host or have the time in another form.
    """

    version: Literal["rfc3164", "rfc5424"]
    priority: int | None
    timestamp: str
    hostname: str
    app_name: str = ""
    procid: str = ""
    msgid: str = ""
    structured_data: str = ""
    strict: bool = True

    @property
    def is_vague(self) -> bool:
        """Tell whether the header says a time, but neither its year nor its zone."""
        return bool(self.timestamp) and not "0" <= self.timestamp[0] <= "9"


def priority(facility: str, severity: int) -> int:
    """Return PRI, 0 to 191, of a facility's name and a severity of 0 to 7 (RFC 5424 6.2.1).

    Raises UsageError for a facility or severity that does not exist.
    """
    if facility not in FACILITIES:
        raise UsageError(
            f'"{facility}" is no syslog facility. Expected one of: {", ".join(FACILITIES)}.'
        )
    if not 0 <= severity <= 7:
        raise UsageError(f"{severity} is no syslog severity. Expected 0 to 7.")
    return FACILITIES[facility] * 8 + severity


def rfc3164_time(epoch_ms: int, zone: Zone | None = None) -> str:
    """Return `Aug 23 18:05:48`, the day padded with a space (RFC 3164 4.1.2), in UTC or in a zone.

    A time before 1970 or after 9999 becomes the nearest one inside.
    """
    seconds = _within(epoch_ms * 1000) // 1_000_000
    return _seconds3164(seconds if zone is None else seconds + zone(seconds))


def rfc5424_time(epoch_us: int, zone: Zone | None = None) -> str:
    """Return `2023-08-23T18:05:48.301798Z` of epoch microseconds (RFC 5424 6.2.3).

    In a zone with its offset in place of the Z. A time before 1970 or after 9999 becomes the
    nearest one inside.
    """
    seconds, micros = divmod(_within(epoch_us), 1_000_000)
    if zone is None:
        return f"{_seconds5424(seconds)}.{micros:06d}Z"
    offset = zone(seconds)
    hours, minutes = divmod(abs(offset) // 60, 60)
    sign = "-" if offset < 0 else "+"
    moment = _seconds5424(min(seconds + offset, _LAST_SECOND))
    return f"{moment}.{micros:06d}{sign}{hours:02d}:{minutes:02d}"


def _within(epoch_us: int) -> int:
    return min(max(epoch_us, 0), _LAST_SECOND * 1_000_000 + 999_999)


# Events come many to a second: measured 1.6 and 2.2 us without, 0.3 and 0.8 us with a memory.
@lru_cache(maxsize=64)
def _seconds3164(seconds: int) -> str:
    at = time.gmtime(seconds)
    return (
        f"{_MONTHS[at.tm_mon - 1]} {at.tm_mday:2d} {at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"
    )


@lru_cache(maxsize=64)
def _seconds5424(seconds: int) -> str:
    at = time.gmtime(seconds)
    return (
        f"{at.tm_year:04d}-{at.tm_mon:02d}-{at.tm_mday:02d}"
        f"T{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"
    )


def hostname3164(text: str) -> str:
    """Return the text as HOSTNAME of RFC 3164: printable ASCII but `:`, `=`, `|`; 255 at most.

    What may not stand becomes `-`; no text becomes `unknown`.
    """
    return _NOT_IN_HOST_3164.sub("-", text[:255]) or "unknown"


def hostname5424(text: str) -> str:
    """Return the text as HOSTNAME of RFC 5424 6.2.4: printable ASCII, no `=`, no `|`; 255 at most.

    What may not stand becomes `-`, as does the colon of `CEF:` and `LEEF:`; no text becomes `-`.
    """
    return _MESSAGE_MARKS.sub("-", _NOT_IN_HOST.sub("-", text[:255])) or "-"


def app_name5424(text: str) -> str:
    """Return the text as APP-NAME of RFC 5424 6.2.5: like a host name, 48 at most."""
    return hostname5424(text[:48])


def rfc3164(pri: int, time_text: str, host: str) -> str:
    """Return `<134>Aug 23 18:05:48 host ` of parts that the functions above made."""
    return f"<{pri}>{time_text} {host} "


def rfc5424(pri: int, time_text: str, host: str, app_name: str) -> str:
    """Return `<134>1 TIME host app - - - ` of parts that the functions above made.

    No BOM, which RFC 5424 6.4 asks for: it hides `CEF:` from receivers that look for it.
    """
    return f"<{pri}>1 {time_text} {host} {app_name} - - - "


def split(line: str) -> tuple[SyslogHeader | None, str]:
    """Return the header of a line and what follows it; (None, line) when none stands there.

    Strict: PRI 0 to 191 without leading zeros, the day padded with a space, at most six digits of
    a second. A TAG of RFC 3164 belongs to what follows; a BOM of RFC 5424 is taken off. A word that
    begins `CEF:0|` or `LEEF:` belongs to no header.
    """
    found = re.match(_RFC5424, line, re.ASCII)
    if found is not None and int(found[1]) <= 191:
        at, host, app, procid, msgid, data = (
            "" if part == "-" else part for part in found.groups()[1:]
        )
        header = SyslogHeader("rfc5424", int(found[1]), at, host, app, procid, msgid, data)
        return header, line[found.end() :]
    found = re.match(_RFC3164, line, re.ASCII)
    if found is not None and (found[1] is None or int(found[1]) <= 191):
        pri = None if found[1] is None else int(found[1])
        stamp = f"{found[2]} {found[3]} {found[4]}"
        return SyslogHeader("rfc3164", pri, stamp, found[5]), line[found.end() :]
    return None, line


def read_loosely(prefix: str) -> tuple[SyslogHeader | None, int]:
    """Return the header in what stands before a message, and where it ends; (None, 0) for none.

    For headers that `split` does not know: each part may be missing. Without priority and time a
    word is no host.
    """
    found = re.match(_LOOSE, prefix, re.ASCII)
    if found is None or not (found["priority"] or found["time"]):
        return None, 0
    pri = int(found["priority"] or 192)
    header = SyslogHeader(
        "rfc3164",
        pri if pri <= 191 else None,
        found["time"] or "",
        "" if found["host"] in (None, "-") else found["host"],
        strict=False,
    )
    return header, found.end()
