"""Search-time fields of the add-on: what makes fields of a message, as transforms and props.

In comes a `PackContent`, out come stanzas. The fields are those of Splunk's own add-on for CEF (the
simulator knows them), so that both may be installed, in any order; and those of the Common
Information Model. Messages of other products stay as they are. Must not know searches.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.content import acts
from cef_bridge.content.fieldmap import CLASS_ID
from cef_bridge.content.packs.splunk.conf import csv_rows, named, quoted
from cef_bridge.content.vocabulary import LOG_SOURCES
from cef_bridge.errors import CefBridgeError
from cef_bridge.siems.parsed_line import take_apart
from cef_bridge.siems.splunk.simulator import ALIASES, COALESCED

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent
    from cef_bridge.content.vocabulary import LogSource
    from cef_bridge.siems.class_id_rows import ClassIdRow

SOURCETYPE = "cef"
_EXTENSION = "kubearmor_extension"
_CLASSES, _SEVERITIES = "kubearmor_classes", "kubearmor_severities"

_KEY = r"[A-Za-z][\w.]*"
# A value ends before the next key, whose `=` is the first without a backslash. No group is
# repeated: PCRE's depth is limited in Splunk, and a value may have thousands of characters.
_END = rf"(?= {_KEY}=|$)"
_SLOT = r"c(?:n|s|fp|6a)\d|flex(?:String|Number|Date)\d|deviceCustomDate\d"
_HEADER_FIELD = r"[^|\\]*(?:\\.[^|\\]*)*\|"


def class_id_field(content: PackContent) -> str:
    """Return the field that has the class id. CefBridgeError where the mapping writes none."""
    found = content.fields.place(CLASS_ID, tuple(acts.KINDS))
    if not found.names:
        raise CefBridgeError(
            f"the Splunk pack needs the class id as a field, and it is missing: {found.why}. "
            "Add the rule KubeArmorEventId: {from: event.class_id} to the mapping."
        )
    return found.names[0]


def transforms() -> dict[str, dict[str, str]]:
    """Return transforms.conf but for the header, which depends on the mapping."""
    return {
        "kubearmor_fields": {
            "SOURCE_KEY": _EXTENSION,
            "REGEX": rf"(?:^| )(?<_KEY_1>{_KEY})=(?<_VAL_1>.+?){_END}",
        },
        "kubearmor_labels": {
            "SOURCE_KEY": _EXTENSION,
            "REGEX": rf"(?:^| )({_SLOT})=(?<_VAL_1>.+?){_END}(?=.* \1Label=(?<_KEY_1>.+?){_END})",
        },
        _CLASSES: {"filename": f"{_CLASSES}.csv", "case_sensitive_match": "true"},
        _SEVERITIES: {"filename": f"{_SEVERITIES}.csv", "case_sensitive_match": "true"},
    }


def header(content: PackContent) -> dict[str, dict[str, str]]:
    """Return the transform that takes the extension of KubeArmor's messages, and of no others."""
    vendors = sorted(_vendors(content))
    if not vendors:
        raise CefBridgeError(
            f"the Splunk pack reads CEF, and the mapping {content.mapping.name} writes none. "
            "Use a mapping with format: cef."
        )
    vendor = "|".join(re.escape(it).replace(r"\ ", " ") for it in vendors)
    begin = rf"CEF:\d\|(?:{vendor})\|" + _HEADER_FIELD * 5
    return {"kubearmor_header": {"REGEX": f"{begin}(?<{_EXTENSION}>.+)$"}}


def _vendors(content: PackContent) -> set[str]:
    found = set()
    for kind in acts.KINDS:
        for event in acts.probes(kind):
            parts = take_apart(content.store.message(event))
            if parts.format == "cef" and parts.meant:
                found.add(parts.meant.header.device_vendor)
    return found


def props(content: PackContent) -> dict[str, dict[str, str]]:
    """Return props.conf."""
    class_id = class_id_field(content)
    settings = {
        "SHOULD_LINEMERGE": "false",
        "LINE_BREAKER": r"([\r\n]+)",
        # Splunk's own search for key=value would take text of an attacker for fields.
        "KV_MODE": "none",
        "REPORT-kubearmor": "kubearmor_header, kubearmor_fields, kubearmor_labels",
    }
    for key, names in ALIASES.items():
        for name in names:
            settings[f"FIELDALIAS-kubearmor_{key}_{name}"] = f"{key} AS {name}"
    settings |= {f"EVAL-{name}": text for name, text in sorted(evals(content).items())}
    outputs = " ".join(_CLASS_COLUMNS[1:])
    settings["LOOKUP-kubearmor_classes"] = f"{_CLASSES} class_id AS {class_id} OUTPUTNEW {outputs}"
    number = _severity_field(content)
    if number:
        settings["LOOKUP-kubearmor_severities"] = (
            f"{_SEVERITIES} number AS {number} OUTPUTNEW severity"
        )
    return {SOURCETYPE: settings}


def _severity_field(content: PackContent) -> str:
    """Return the field that repeats the header's severity, "" for none."""
    event = acts.probes("exec")[0]
    parts = take_apart(content.store.message(event))
    rated = str(parts.meant.header.severity) if parts.meant else ""
    names = ("KubeArmorSeverity",)
    row = content.store.row(event).fields
    return next((it for it in names if rated and row.get(it) == rated), "")


# CIM's field -> the field of a rule that says it. A dot: a path of events.
_CIM = {
    "process": "CommandLine",
    "process_path": "Image",
    "process_id": "ProcessId",
    "process_hash": "Hashes",
    "process_current_directory": "CurrentDirectory",
    "parent_process_path": "ParentImage",
    "parent_process_id": "ParentProcessId",
    "user": "User",
    "user_id": "user.id",
    "query": "QueryName",
    "record_type": "record_type",
    "transport": "Protocol",
    "signature": "event.name",
    "signature_id": "event.class_id",
    "rule": "PolicyName",
    "mitre_technique_id": "tags.mitre_ids",
}
_BASE_NAMES = {"process_name": "process_path", "parent_process_name": "parent_process_path"}
_LOWER = ("transport",)
_NODE = "HostName"


def evals(content: PackContent) -> dict[str, str]:
    """Return the calculated fields; an event of another product keeps what it has."""
    class_id = named(class_id_field(content))
    found = {}
    for name, asked in _CIM.items():
        cases = _cases(content, asked, class_id)
        if not cases:
            continue
        if name in _LOWER:
            cases = [(when, f"lower({value})") for when, value in cases]
        found[name] = _case([*cases, ("true()", name)])
    for name, path in _BASE_NAMES.items():
        if path in found:
            # An EVAL does not see what another one makes
            cases = _cases(content, _CIM[path], class_id)
            base = [(when, rf'replace({value}, "^.*/", "")') for when, value in cases]
            found[name] = _case([*base, ("true()", name)])
    return found | _ends(content, class_id)


_DNS_AND_CONNECT = ("*.network.connect.*", "*.network.dns.*")
_INWARD, _OUTWARD = ("*.network.accept.*", "*.firewall.ingress.*"), "*.firewall.egress.*"


def _ends(content: PackContent, class_id: str) -> dict[str, str]:
    """Return who is at the ends of what happened: without an address it is the node."""
    nodes = content.field(LOG_SOURCES[-1], _NODE)
    node = _first(nodes) if nodes else "null()"
    goes_out = _matches(class_id, _DNS_AND_CONNECT)
    coalesced = {name: [named(key) for key in keys] for name, keys in COALESCED.items()}
    coalesced["dest"] += [f"if(isnotnull({class_id}), {node}, null())"]
    coalesced["src"] += [f"if({goes_out}, {node}, null())"]
    coalesced["src_ip"] = ["shost", "src"]
    found = {name: f"coalesce({', '.join([*of, name])})" for name, of in coalesced.items()}
    directions = [
        (_matches(class_id, _INWARD), '"inbound"'),
        (_matches(class_id, (*_DNS_AND_CONNECT, _OUTWARD)), '"outbound"'),
    ]
    return found | {"direction": _case([*directions, ("true()", "direction")])}


def _cases(content: PackContent, asked: str, class_id: str) -> list[tuple[str, str]]:
    """Return where a field is by the kind of event: a condition and a value each."""
    by_names: dict[tuple[str, ...], list[LogSource]] = {}
    for source in LOG_SOURCES:
        if source.product == "kubearmor" and source.category:
            names = content.field(source, asked)
            if names:
                by_names.setdefault(names, []).append(source)
    if len(by_names) == 1:
        (names,) = by_names
        return [(f"isnotnull({class_id})", _first(names))]
    cases = []
    for names, sources in by_names.items():
        globs = tuple(it for source in sources for it in source.class_ids)
        cases.append((_matches(class_id, globs), _first(names)))
    return cases


def _matches(class_id: str, globs: tuple[str, ...]) -> str:
    """Return the condition that a class id is one of some that have `*` at both ends."""
    texts = dict.fromkeys(glob.strip("*").replace(".", "[.]") for glob in globs)
    return f"match({class_id}, {quoted('|'.join(texts))})"


def _first(names: tuple[str, ...]) -> str:
    words = [named(name) for name in names]
    return words[0] if len(words) == 1 else f"coalesce({', '.join(words)})"


def _case(cases: list[tuple[str, str]]) -> str:
    return f"case({', '.join(f'{when}, {value}' for when, value in cases)})"


_CLASS_COLUMNS = (
    "class_id",
    "action",
    "type",
    "vendor_product",
    "kubearmor_kind",
    "kubearmor_scope",
    "kubearmor_operation",
    "kubearmor_verb",
    "kubearmor_disposition",
)
# CIM's actions on a file (Endpoint.Filesystem), of acts that were done
_FILE_ACTIONS = {
    "open": "read",
    "read": "read",
    "write": "modified",
    "create": "created",
    "rename": "modified",
    "link": "created",
    "delete": "deleted",
    "attr": "acl_modified",
}
_ACTIONS = {"block": "blocked", "denied": "blocked", "failed": "failure", "none": ""}


def lookups(content: PackContent) -> dict[str, bytes]:
    """Return the lookups: what is known by the class id alone, and names of severities."""
    classes = [
        (row.class_id, _action(row), _type(row), "KubeArmor", *row[1:6])
        for row in content.class_ids
    ]
    severities = [(str(number), _severity(number)) for number in range(11)]
    return {
        f"{_CLASSES}.csv": csv_rows(_CLASS_COLUMNS, classes),
        f"{_SEVERITIES}.csv": csv_rows(("number", "severity"), severities),
    }


def _action(row: ClassIdRow) -> str:
    if row.disposition == "passed" and row.operation == "file":
        return _FILE_ACTIONS.get(row.verb, "allowed")
    return _ACTIONS.get(row.disposition, "allowed")


def _type(row: ClassIdRow) -> str:
    return "alert" if row.kind == "alert" else "event"


def _severity(number: int) -> str:
    """Return CIM's word for a severity of CEF, whose four steps it follows (low is parted)."""
    steps = ((9, "critical"), (7, "high"), (4, "medium"), (2, "low"))
    return next((word for least, word in steps if number >= least), "informational")
