r"""Microsoft Sentinel: the columns of CommonSecurityLog that a CEF line fills.

In comes a line as the agent's forwarder gets it, out comes a Reading. The columns and their types
are Microsoft's ("CEF and CommonSecurityLog field mapping", the table's reference); what has no
column goes into the text AdditionalExtensions. Must not know what wrote the line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.siems.parsed_line import (
    HEADER_3164,
    Parts,
    broken,
    integer,
    moment,
    refused,
    take_apart,
    untimed,
)
from cef_bridge.siems.reading import (
    ARRIVAL,
    Reading,
    SiemField,
    SiemFinding,
    SiemTime,
    Simulator,
    nothing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES = 8096
_DATE = re.compile(r"[A-Z][a-z]{2} +[0-9]{1,2} (?:[0-9]{4} )?[0-9]{2}:[0-9]{2}:[0-9]{2}.*")
_REAL = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

# Key, column, type where it is no text.
COLUMNS: dict[str, tuple[str, str]] = {
    key: (column, kind[0] if kind else "string")
    for key, column, *kind in (
        row.split()
        for row in """
        act DeviceAction
        app ApplicationProtocol
        cat DeviceEventCategory
        cnt EventCount int
        destinationDnsDomain DestinationDnsDomain
        destinationServiceName DestinationServiceName
        destinationTranslatedAddress DestinationTranslatedAddress
        destinationTranslatedPort DestinationTranslatedPort int
        deviceDirection CommunicationDirection
        deviceDnsDomain DeviceDnsDomain
        deviceExternalId DeviceExternalID
        deviceFacility DeviceFacility
        deviceInboundInterface DeviceInboundInterface
        deviceNtDomain DeviceNtDomain
        deviceOutboundInterface DeviceOutboundInterface
        devicePayloadId DevicePayloadId
        deviceProcessName ProcessName
        deviceTranslatedAddress DeviceTranslatedAddress
        dhost DestinationHostName
        dmac DestinationMACAddress
        dntdom DestinationNTDomain
        dpid DestinationProcessId int
        dpriv DestinationUserPrivileges
        dproc DestinationProcessName
        dpt DestinationPort int
        dst DestinationIP
        dtz DeviceTimeZone
        duid DestinationUserID
        duser DestinationUserName
        dvc DeviceAddress
        dvchost DeviceName
        dvcmac DeviceMacAddress
        dvcpid ProcessID int
        end EndTime datetime
        externalId ExternalID int
        fileCreateTime FileCreateTime
        fileHash FileHash
        fileId FileID
        fileModificationTime FileModificationTime
        filePath FilePath
        filePermission FilePermission
        fileType FileType
        fname FileName
        fsize FileSize int
        in ReceivedBytes long
        msg Message
        oldFileCreateTime OldFileCreateTime
        oldFileHash OldFileHash
        oldFileId OldFileID
        oldFileModificationTime OldFileModificationTime
        oldFileName OldFileName
        oldFilePath OldFilePath
        oldFilePermission OldFilePermission
        oldFileSize OldFileSize int
        oldFileType OldFileType
        out SentBytes long
        outcome EventOutcome
        proto Protocol
        reason Reason
        request RequestURL
        requestClientApplication RequestClientApplication
        requestContext RequestContext
        requestCookies RequestCookies
        requestMethod RequestMethod
        rt ReceiptTime
        shost SourceHostName
        smac SourceMACAddress
        sntdom SourceNTDomain
        sourceDnsDomain SourceDnsDomain
        sourceServiceName SourceServiceName
        sourceTranslatedAddress SourceTranslatedAddress
        sourceTranslatedPort SourceTranslatedPort int
        spid SourceProcessId int
        spriv SourceUserPrivileges
        sproc SourceProcessName
        spt SourcePort int
        src SourceIP
        start StartTime datetime
        suid SourceUserID
        suser SourceUserName
        type EventType int
        """.strip().splitlines()
    )
}
# The custom slots, each with its label beside it.
_SLOTS = (
    *(("c6a", "DeviceCustomIPv6Address", number, "string") for number in (1, 2, 3, 4)),
    *(("cfp", "DeviceCustomFloatingPoint", number, "real") for number in (1, 2, 3, 4)),
    # cnN is an int; FieldDeviceCustomNumberN, a long, holds what is larger.
    *(("cn", "DeviceCustomNumber", number, "long") for number in (1, 2, 3)),
    *(("cs", "DeviceCustomString", number, "string") for number in (1, 2, 3, 4, 5, 6)),
    *(("deviceCustomDate", "DeviceCustomDate", number, "string") for number in (1, 2)),
    ("flexDate", "FlexDate", 1, "string"),
    *(("flexNumber", "FlexNumber", number, "int") for number in (1, 2)),
    *(("flexString", "FlexString", number, "string") for number in (1, 2)),
)
for _key, _column, _number, _kind in _SLOTS:
    COLUMNS[f"{_key}{_number}"] = (f"{_column}{_number}", _kind)
    COLUMNS[f"{_key}{_number}Label"] = (f"{_column}{_number}Label", "string")
TYPES = dict(COLUMNS.values())
"""The types of the columns that keys fill; those of the header are texts."""

_HEADER = (
    ("device_vendor", "DeviceVendor"),
    ("device_product", "DeviceProduct"),
    ("device_version", "DeviceVersion"),
    ("device_event_class_id", "DeviceEventClassID"),
    ("name", "Activity"),
    ("severity", "LogSeverity"),
)


def read(line: str) -> Reading:
    """Return what Sentinel makes of a line; never fails."""
    parts = take_apart(line)
    if other := refused(parts, "cef", "The agent's CEF stream"):
        return other
    if away := _elsewhere(parts):
        return nothing(away)
    if parts.meant is None:
        return nothing(*broken(parts))
    findings = [*broken(parts), *_sizes(parts), *_pipes(parts)]
    fields = [
        SiemField(column, getattr(parts.meant.header, name), f"header.{name}")
        for name, column in _HEADER
    ]
    if parts.header:
        fields.append(SiemField("Computer", parts.header.hostname, ""))
    others = []
    for key, value in parts.said.items():
        if key not in COLUMNS:
            others.append((key, value))
            message = "No column: in AdditionalExtensions, a text that a query takes apart."
            findings.append(SiemFinding("ignored", key, message))
            continue
        column, kind = COLUMNS[key]
        if shown := _typed(value, kind):
            fields.append(SiemField(column, shown, key))
        else:
            findings.append(_unfit(key, value, column, kind, parts.said))
    if others:
        text = ";".join(f"{key}={value}" for key, value in others)
        fields.append(SiemField("AdditionalExtensions", text, ", ".join(key for key, _ in others)))
    findings += [*_additional(others), *_timed(parts), *untimed(parts)]
    time = SiemTime("", f"{ARRIVAL}: TimeGenerated; rt is in ReceiptTime, start in StartTime")
    return Reading(tuple(fields), time, tuple(findings))


def _elsewhere(parts: Parts) -> SiemFinding | None:
    """Return why a line does not reach CommonSecurityLog; None when it does."""
    if not parts.body.startswith("CEF:0|"):
        message = "The agent looks for CEF:0: the line ends in the table Syslog, as raw text."
        return SiemFinding("lost", "", message, "Send CEF:0, as every mapping here does.")
    header = parts.header
    if header is None or not (header.timestamp and header.hostname):
        message = "No time and host before CEF: the agent does not take the line for CEF."
        return SiemFinding("lost", "", message, HEADER_3164)
    if header.version == "rfc5424" or parts.tag:
        program = header.app_name or parts.tag.strip(" :")
        message = (
            f'A program\'s name ("{program}") precedes CEF: the event is stored in the table '
            "Syslog, as raw text."
        )
        return SiemFinding("lost", "", message, HEADER_3164)
    return None


def _sizes(parts: Parts) -> Iterator[SiemFinding]:
    if len(parts.line.encode("utf-8", "replace")) > _MOST_BYTES:
        message = f"rsyslog before the agent takes {_MOST_BYTES:,} bytes and cuts the rest off."
        yield SiemFinding("lost", "", message, "envelope: {max_bytes: 8000}")


def _pipes(parts: Parts) -> Iterator[SiemFinding]:
    message = (
        "An older agent takes a pipe in a value for the end of a header field, and tears the event."
    )
    for key, value in parts.said.items():
        if "|" in value:
            yield SiemFinding("misread", key, message, "envelope: {pipe: replace}")
    if parts.meant and any("|" in text for text in parts.meant.header):
        yield SiemFinding("misread", "header", message, "Write no pipe in the header.")


def _typed(value: str, kind: str) -> str:
    """Return a value as a column of a type holds it; nothing when it cannot."""
    if kind == "string":
        return value
    if kind == "datetime":
        shown = moment(value)
        return shown if shown != value or _DATE.fullmatch(value) else ""
    if kind == "real":
        return value if _REAL.fullmatch(value) else ""
    return value if integer(value, 64 if kind == "long" else 32) is not None else ""


def _unfit(key: str, value: str, column: str, kind: str, said: dict[str, str]) -> SiemFinding:
    message = f"{column} is a column of type {kind}, which this value does not fit: it stays empty"
    other = next((name for name, text in said.items() if text == value and name != key), "")
    if other:
        return SiemFinding("note", key, f"{message}. {other} has it as well.")
    fix = f"extension: {{{key}: null}}, and the value under a key whose column is a text"
    if key == "externalId":
        fix = "extension: {devicePayloadId: {from: event.id}}"
    return SiemFinding("lost", key, f"{message}.", fix)


def _additional(others: list[tuple[str, str]]) -> Iterator[SiemFinding]:
    message = "A semicolon in AdditionalExtensions ends a pair for parse-kv: match the key's text."
    for key, value in others:
        if ";" in value:
            yield SiemFinding("note", key, message)


def _timed(parts: Parts) -> Iterator[SiemFinding]:
    if "start" not in parts.said and "rt" in parts.said:
        message = "Without start the column StartTime is empty; ReceiptTime is a text."
        yield SiemFinding("note", "rt", message, "extension: {start: {from: event.time}}")


SIMULATOR = Simulator(
    "sentinel",
    "Microsoft Sentinel, table CommonSecurityLog",
    read,
    (
        "Whether today's agent un-escapes: the values here are as the standard reads them",
        "Whether today's agent still stumbles over pipes in values; the older one does",
        "Your data collection rules: one for CEF and one for Syslog on a facility store all twice",
        "Transformations at ingestion; Azure Monitor's pipeline, which takes RFC 5424 as well",
    ),
    (
        "learn.microsoft.com/azure/sentinel/cef-name-mapping",
        "learn.microsoft.com/azure/azure-monitor/reference/tables/commonsecuritylog",
        "github.com/Azure/Azure-Sentinel issues 2262, 6896, 10455, 11848",
    ),
)
