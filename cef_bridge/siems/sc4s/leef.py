"""LEEF through Splunk Connect for Syslog.

In come the parts of a line, out comes a Reading. What follows the last pipe is taken for the
attributes; a delimiter in hexadecimal is not read as one. Must not know CEF.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.siems.parsed_line import HEADER_3164, Parts, broken, differences, header_time
from cef_bridge.siems.reading import Reading, SiemField, SiemFinding, nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIELDS = 6
_FEW = 4


def read_leef(parts: Parts) -> Reading:
    """Return what SC4S makes of a LEEF line; never fails."""
    if parts.header is not None and parts.header.version == "rfc5424":
        message = (
            "SC4S knows LEEF by the program's name, which an RFC 5424 header gives to another."
        )
        return nothing(SiemFinding("lost", "", message, HEADER_3164))
    pieces = parts.body.split("|")
    if len(pieces) < _FIELDS:
        message = f"The header has {len(pieces) - 1} of its pipes: the event has no attributes."
        return nothing(SiemFinding("lost", "", message, "Write all pipes of the header."))
    separator = _separator(pieces)
    read: dict[str, str] = {}
    for pair in _pairs(pieces, separator):
        key, equal, value = pair.partition("=")
        if not equal:
            break  # its error ends the reading of this event
        read[key] = value
    findings = [*broken(parts), *_causes(parts, pieces, separator)]
    fix = 'envelope: {delimiter: "^"}, and no pipe in any value'
    findings += differences(parts.said, read, fix)
    fields = [SiemField(key, value, key) for key, value in read.items()]
    fields += [SiemField("sc4s_vendor", pieces[1], "header.device_vendor")]
    fields += [SiemField("sc4s_product", pieces[2], "header.device_product")]
    return Reading(tuple(fields), header_time(parts.header), tuple(findings))


def _separator(pieces: list[str]) -> str:
    """Return the delimiter; in hexadecimal (`x09`) it is looked for as it is written."""
    if pieces[0].startswith("LEEF:1") or len(pieces) == _FIELDS or not pieces[5]:
        return "\t"
    return pieces[5][1:] if pieces[5].startswith("0") and len(pieces[5]) > 1 else pieces[5]


def _pairs(pieces: list[str], separator: str) -> list[str]:
    pairs = pieces[-1].split(separator)
    if pieces[0].startswith("LEEF:1") and len(pairs) < _FEW:
        return pieces[5:]
    return pairs


def _causes(parts: Parts, pieces: list[str], separator: str) -> Iterator[SiemFinding]:
    for key, value in parts.said.items():
        if "|" in value:
            message = "What follows the last pipe of a line is taken for all attributes."
            fix = f"extension: {{{key}: {{…, via: comma}}}}"
            yield SiemFinding("misread", key, message, fix)
    if len(separator) > 1:
        message = (
            f'The delimiter is looked for as the text "{separator}": one key has all the rest.'
        )
        yield SiemFinding("misread", "", message, 'envelope: {delimiter: "^"}')
    if not (parts.header and parts.header.timestamp) and pieces:
        yield SiemFinding("note", "", "Without a syslog header the time is that of arrival.")
