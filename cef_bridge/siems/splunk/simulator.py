r"""The Splunk Add-on for CEF: what a search finds in an event of source type `cef`.

In comes a line as Splunk keeps it (`_raw`), out comes a Reading. The rules are those of the
add-on's props.conf and transforms.conf: one expression takes all fields from the whole of `_raw`,
so that the first key swallows the header; others rename by label; then cs, cn and c6a are
emptied. Nothing is un-escaped. Must not know what wrote the line.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from cef_bridge.lines import Cef
from cef_bridge.lines.dictionary import CEF_KEYS
from cef_bridge.siems.parsed_line import (
    HEADER_5424,
    Parts,
    broken,
    differences,
    header_time,
    is_address,
    is_ipv6,
    refused,
    take_apart,
)
from cef_bridge.siems.reading import Reading, SiemField, SiemFinding, SiemTime, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(r" ([^ ]*)")
_UNESCAPED = re.compile(r"(?<!\\)=")
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_]")

ALIASES = {
    key: tuple(names)
    for key, *names in (
        row.split()
        for row in """
        act vendor_action
        cat vendor_category
        dhost dest_host dest_nt_host
        dmac dest_mac
        dntdom dest_nt_domain
        dpid dest_pid
        dpt dest_port
        dst dest_ip
        duid dest_user_id
        duser dest_user
        dvchost dvc_host
        dvcmac dvc_mac
        dvc dvc_ip
        dvcpid dvc_pid
        eventId event_id
        fileHash file_hash
        filePath file_path
        fname file_name
        fsize file_size
        in bytes_in
        msg message
        out bytes_out
        outcome vendor_outcome
        proto protocol
        reason vendor_reason
        request url
        shost src_ip src_nt_host
        smac src_mac
        sntdom src_nt_domain
        spid src_pid
        sproc src_process
        spt src_port
        suid src_user_id
        suser src_user
        """.strip().splitlines()
    )
}
"""FIELDALIAS in props.conf: a key, then the names it gets as well."""

COALESCED = {
    "dest": ("dhost", "dmac"),
    "dvc": ("dvchost", "dvc"),
    "src": ("shost", "src", "smac"),
    "dest_process": ("dproc",),
    "dvc_nt_domain": ("deviceNtDomain",),
}
"""EVAL in props.conf: the first of these keys that is there; `dst` is not asked for `dest`."""

_DASH_IS_NOTHING = ("dproc", "deviceNtDomain")
_EMPTIED = re.compile(r"(?:c[ns][1-9]|cf[1-6]|c6a[1-9])(?:Label)?")
_RENAMED = re.compile(r"c[ns][1-9]|cf[1-6]")
# Renamed and kept. The reverse expression, for a label that comes first, lacks the digit.
_RENAMED_TOO = re.compile(r"flex(?:String|Number|Date)[0-9]|deviceCustomDate[0-9]")


def pairs(text: str) -> list[tuple[str, str]]:
    r"""Return what the add-on's field expression finds in a text, in its order.

    A key is all from the text's start or a space up to the next `=`; its value, of one character
    at least and no space first, ends before a space whose word has an `=` without `\` before it.
    """
    ends = [found.start() for found in _TOKEN.finditer(text) if _UNESCAPED.search(found[1])]
    found, begin = [], 0
    while begin >= 0:
        equal = text.find("=", begin)
        if equal < 0:
            break
        if equal + 1 == len(text) or text[equal + 1] == " ":
            # Whatever space before it the search begins at, it fails here: no value.
            space = text.find(" ", equal)
            begin = space + 1 if space >= 0 else -1
            continue
        index = bisect_left(ends, equal + 2)
        end = ends[index] if index < len(ends) else len(text)
        found.append((text[begin:equal], text[equal + 1 : end]))
        begin = end + 1 if end < len(text) else -1
    return found


def read(line: str) -> Reading:
    """Return what the add-on makes of a line; never fails."""
    parts = take_apart(line)
    if other := refused(parts, "cef", "The add-on for CEF"):
        return other
    found = pairs(line)
    # The first key is the end of the first name, behind the header: only renaming sees it.
    named = [
        (key.rpartition("|")[2] if not at else key, value) for at, (key, value) in enumerate(found)
    ]
    seen: dict[str, str] = {}
    for key, value in named:
        seen.setdefault(key, value)
    first = named[0][0] if named else ""
    kept = {key: value for key, value in seen.items() if key != first}
    findings = [*broken(parts), *_first(parts, first), *_header(parts, kept)]
    escaped = {key: Cef().escape(value) for key, value in parts.said.items()}
    findings += differences(escaped, seen)
    fields, more = _renamed(named, kept)
    findings += [*more, *_misnamed(kept), *_escapes(kept), *_timed(parts)]
    return Reading(tuple(fields), _time(parts), tuple(findings))


def _first(parts: Parts, first: str) -> Iterator[SiemFinding]:
    if not first:
        return
    if parts.said.get(first) == "1" and first not in CEF_KEYS:
        message = "Swallowed with the header, as the first key always is; it says nothing else."
        yield SiemFinding("ignored", first, message)
        return
    yield SiemFinding(
        "lost",
        first,
        "The first key is lost: the add-on takes all up to the first `=`, header and all, for "
        "one field's name.",
        "envelope: {leading_key: KubeArmorFormat}",
    )


_HEADER = (
    ("device_event_class_id", "KubeArmorEventId: {from: event.class_id}"),
    ("name", "KubeArmorEventName: {from: event.name}"),
    ("severity", "KubeArmorSeverity: {from: event.severity}"),
)


def _header(parts: Parts, kept: dict[str, str]) -> Iterator[SiemFinding]:
    """The header is no field: what a key of one's own does not say again can not be searched."""
    if parts.meant is None:
        return
    own = {value for key, value in kept.items() if key not in CEF_KEYS}
    for name, fix in _HEADER:
        text = getattr(parts.meant.header, name)
        if text and Cef().escape(text) not in own:
            message = "The header is no field: this is only in the raw text."
            yield SiemFinding("lost", f"header.{name}", message, f"extension: {{{fix}}}")
    message = "In the raw text only: no search field, and the same in every event of one sender."
    for name in ("device_vendor", "device_product", "device_version"):
        yield SiemFinding("ignored", f"header.{name}", message)


def _renamed(
    named: list[tuple[str, str]], kept: dict[str, str]
) -> tuple[list[SiemField], list[SiemFinding]]:
    """Return the fields, with those named by labels, and what became of the slots."""
    places: dict[str, int] = {}
    for place, (key, _) in enumerate(named):
        places.setdefault(key, place)
    values = {key: named[place][1] for key, place in places.items()}
    fields, findings = _named(kept)
    for key, value in values.items():
        label = values.get(f"{key}Label", "")
        slot = _RENAMED.fullmatch(key)
        if not slot and not _RENAMED_TOO.fullmatch(key):
            continue
        if not slot and label and places[f"{key}Label"] < places[key]:
            message = "Its label comes first, and then is not taken for a name."
            findings.append(SiemFinding("note", key, message, "Write the value before its label."))
            continue
        name = _cleaned(label)
        if not name:
            if slot:
                message = "Emptied at search time, and without a label no field takes its place."
                findings.append(SiemFinding("lost", key, message, "Add `label: NAME` to its rule."))
        elif name in fields:
            message = f'A field "{name}" is there already, and the first one stays.'
            findings.append(SiemFinding("lost", key, message, "Give it a label of its own."))
        else:
            fields[name] = SiemField(name, value, key)
            findings.append(SiemFinding("renamed", key, "Named by its label."))
    findings += _emptied(fields)
    aliased = _aliased(fields)  # and takes the keys away that an EVAL replaces
    return [*fields.values(), *aliased], findings


def _named(kept: dict[str, str]) -> tuple[dict[str, SiemField], list[SiemFinding]]:
    """Return the keys as fields by their names, and what cleaning does to the names."""
    fields: dict[str, SiemField] = {}
    findings: list[SiemFinding] = []
    for key, value in kept.items():
        name = _cleaned(key)
        if not name:
            message = "No letter is in the key, so that no field's name is left of it."
            findings.append(SiemFinding("lost", key, message, "Give the key another name."))
        elif name in fields:
            message = f'A field "{name}" is there already, and the first one stays.'
            findings.append(SiemFinding("lost", key, message, "Give the key another name."))
        else:
            fields[name] = SiemField(name, value, key)
            if name != key:
                message = (
                    "Cleaned: a field's name has letters, digits and _, and begins with a letter."
                )
                findings.append(SiemFinding("renamed", key, message))
    return fields, findings


def _cleaned(name: str) -> str:
    """Return a key or label as a field's name (CLEAN_KEYS)."""
    return _NOT_IN_NAME.sub("_", name).lstrip("_0123456789")


def _emptied(fields: dict[str, SiemField]) -> list[SiemFinding]:
    findings = []
    for name in [name for name in fields if _EMPTIED.fullmatch(name)]:
        field = fields.pop(name)
        if name.startswith("c6a") and not name.endswith("Label"):
            end = "source.ip" if name == "c6a2" else "destination.ip"
            into = "src" if name == "c6a2" else "dst"
            findings.append(
                SiemFinding(
                    "lost",
                    name,
                    f"Emptied at search time, and the renaming by label does not know c6aN: "
                    f"{field.value} is gone.",
                    f"extension: {{{into}: {{from: {end}}}, {name}: null}}, "
                    "envelope: {ipv6: direct}",
                )
            )
    for key in _DASH_IS_NOTHING:
        if key in fields and fields[key].value == "-":
            del fields[key]
            message = 'A value of "-" is emptied at search time.'
            findings.append(SiemFinding("lost", key, message, f"extension: {{{key}: null}}"))
    return findings


def _aliased(fields: dict[str, SiemField]) -> list[SiemField]:
    """Return the fields of FIELDALIAS and EVAL; an EVAL takes the place of a key of its name."""
    found = {
        name: SiemField(name, fields[key].value, key)
        for key, names in ALIASES.items()
        if key in fields
        for name in names
    }
    for name, keys in COALESCED.items():
        if key := next((key for key in keys if key in fields), ""):
            found[name] = SiemField(name, fields[key].value, key)
    for name in ("src", "dvc"):
        if name in found:
            fields.pop(name, None)
    return list(found.values())


def _misnamed(kept: dict[str, str]) -> Iterator[SiemFinding]:
    shost = kept.get("shost", "")
    if shost and not is_address(shost):
        yield SiemFinding(
            "misread",
            "shost",
            "It becomes src_ip and src: a name where searches and the data model expect an "
            "address.",
            "extension: {shost: null}; a pod's name belongs in cs3",
        )
    if shost and kept.get("src", shost) != shost:
        message = "shost takes its place: the field src shows that one."
        yield SiemFinding("lost", "src", message, "extension: {shost: null}")
    if "dst" in kept and "dhost" not in kept and "dmac" not in kept:
        message = "The data model's dest is made of dhost or dmac: it stays empty here."
        yield SiemFinding("note", "dst", message, "extension: {dhost: {from: destination.ip}}")
    if "dvc" in kept and "dvchost" in kept:
        yield SiemFinding("renamed", "dvc", "dvc shows dvchost; the address is dvc_ip.")
    if any(is_ipv6(kept.get(key, "")) for key in ("src", "dst")):
        yield SiemFinding("note", "", "An IPv6 address in src or dst is taken unchanged.")


def _escapes(kept: dict[str, str]) -> Iterator[SiemFinding]:
    message = r"Not un-escaped: search for the text as it is written, such as app\=web."
    for key, value in kept.items():
        if "\\" in value:
            yield SiemFinding("note", key, message)


def _time(parts: Parts) -> SiemTime:
    if parts.header is None or not parts.header.timestamp:
        return SiemTime(
            "", "Splunk's guess: the first date in the first 128 characters, or arrival"
        )
    return header_time(parts.header)


def _timed(parts: Parts) -> Iterator[SiemFinding]:
    if "rt" in parts.said and (
        parts.header is None or not parts.header.timestamp or parts.header.is_vague
    ):
        message = "A field, not the event's time: that has whole seconds and a guessed zone."
        yield SiemFinding("note", "rt", message, HEADER_5424)


SIMULATOR = Simulator(
    "splunk",
    "Splunk Add-on for CEF, at search time",
    read,
    (
        "Field extractions, aliases and source types of your own",
        "What your time settings (props.conf: TIME_FORMAT, TZ) make of the line's beginning",
        "Whether a relay has taken the syslog header off, as SC4S and HEC do",
    ),
    ("splunk/splunk-add-on-for-cef: package/default/props.conf, transforms.conf (491caf71)",),
)
