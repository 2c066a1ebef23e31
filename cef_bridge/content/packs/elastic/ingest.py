"""The ingest pipeline: what Elastic's CEF integration leaves undone, as fields of ECS.

In comes a `PackContent`, out come a pipeline and the fields that it makes. Nothing is moved: rules
ask for the fields that the integration makes, and those stay. Must not know rules.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content import acts, pipeline
from cef_bridge.content.fieldmap import CLASS_ID
from cef_bridge.content.vocabulary import LOG_SOURCES
from cef_bridge.errors import CefBridgeError

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent

NAME = "kubearmor-cef"
"""The pipeline's name in Elasticsearch."""

IngestProcessor = dict[str, dict[str, object]]


class EcsField(NamedTuple):
    """A field of ECS, the field of a rule that says it, and its type in an index."""

    name: str
    asked: str
    type: str = "keyword"


FIELDS = (
    EcsField("host.name", "HostName"),
    EcsField("process.executable", "Image"),
    EcsField("process.command_line", "CommandLine", "wildcard"),
    EcsField("process.working_directory", "CurrentDirectory"),
    EcsField("process.pid", "ProcessId", "long"),
    EcsField("process.parent.executable", "ParentImage"),
    EcsField("process.parent.pid", "ParentProcessId", "long"),
    EcsField("user.id", "user.id"),
    EcsField("user.name", "User"),
    EcsField("container.id", "ContainerID"),
    EcsField("container.name", "ContainerName"),
    EcsField("container.image.name", "ContainerImage"),
    EcsField("orchestrator.cluster.name", "ClusterName"),
    EcsField("orchestrator.namespace", "NamespaceName"),
    EcsField("orchestrator.resource.name", "PodName"),
    EcsField("rule.name", "PolicyName"),
    EcsField("threat.technique.id", "tags.mitre_ids"),
    EcsField("event.reason", "event.reason"),
    EcsField("dns.question.name", "QueryName"),
    EcsField("dns.question.type", "record_type"),
)
_BASE_NAMES = {
    "process.name": "process.executable",
    "process.parent.name": "process.parent.executable",
}
# The integration writes the process that acts here; in ECS it is the one that the event is about.
# The name is replaced by that of the executable.
_REPLACED = "process.pid"
_LISTS = ("threat.technique.id",)
MADE = (
    *(EcsField(name, "") for name in _BASE_NAMES),
    EcsField("orchestrator.type", ""),
    EcsField("orchestrator.resource.type", ""),
    EcsField("threat.framework", ""),
    EcsField("event.kind", ""),
    EcsField("event.category", ""),
    EcsField("event.type", ""),
    EcsField("event.ingested", "", "date"),
)
"""What else the pipeline makes."""

# Operation and verb -> category and type of ECS
_KINDS = {
    "process.exec": ("process", "start"),
    "process.ptrace": ("process", "access"),
    "process.other": ("process", "info"),
    "file.open": ("file", "access"),
    "file.read": ("file", "access"),
    "file.write": ("file", "change"),
    "file.create": ("file", "creation"),
    "file.delete": ("file", "deletion"),
    "file.rename": ("file", "change"),
    "file.link": ("file", "creation"),
    "file.attr": ("file", "change"),
    "file.other": ("file", "info"),
    "network.connect": ("network", "connection"),
    "network.accept": ("network", "connection"),
    "network.dns": ("network", "protocol"),
    "network.bind": ("network", "info"),
    "network.listen": ("network", "info"),
    "network.socket": ("network", "info"),
    "network.other": ("network", "info"),
    "syscall.exec": ("process", "start"),
    "syscall.ptrace": ("process", "access"),
    "syscall.setid": ("process", "change"),
    "syscall.mount": ("host", "change"),
    "syscall.umount": ("host", "change"),
    "syscall.attr": ("file", "change"),
    "syscall.delete": ("file", "deletion"),
    "syscall.other": ("process", "info"),
    "capabilities.use": ("process", "access"),
    "device.attach": ("host", "change"),
    "device.detach": ("host", "change"),
    "firewall.ingress": ("network", "connection"),
    "firewall.egress": ("network", "connection"),
}
_OTHER = ("host", "info")


def class_id_field(content: PackContent) -> str:
    """Return the field that has the class id. CefBridgeError where there is none."""
    found = content.fields.place(CLASS_ID, tuple(acts.KINDS))
    if not found.names:
        raise CefBridgeError(
            f"the Elastic pack needs the class id as a field, and it is missing: {found.why}. "
            "Use a mapping with format: cef."
        )
    return found.names[0]


def custom(content: PackContent) -> dict[str, object]:
    """Return the pipeline that the CEF integration calls, which calls this one."""
    vendor = content.fields.vendor()
    condition = f"{_path(vendor[0])} == {_text(vendor[1])}" if vendor else "true"
    return {
        "description": "Called by the CEF integration behind its own pipeline.",
        "processors": [{"pipeline": {"name": NAME, "if": condition}}],
    }


def ingest_pipeline(content: PackContent) -> dict[str, object]:
    """Return the pipeline."""
    code = class_id_field(content)
    used = used_fields(content)
    processors: list[IngestProcessor] = [
        {
            "set": {
                "field": "event.ingested",
                "value": "{{{_ingest.timestamp}}}",
                "override": False,
            }
        }
    ]
    if _REPLACED not in used:
        gone = {"field": _REPLACED, "ignore_missing": True, "if": _there(code)}
        processors.append({"remove": gone})
    for it in FIELDS:
        if it.name not in used:
            processors += _copies(content, it, code)
            if it.type == "long":
                number = {"field": it.name, "type": it.type, "ignore_missing": True}
                processors.append({"convert": number})
    processors += [_base_name(*it) for it in _BASE_NAMES.items() if it[0] not in used]
    processors += [
        _constant("orchestrator.type", "kubernetes", "orchestrator.resource.name"),
        _constant("orchestrator.resource.type", "pod", "orchestrator.resource.name"),
        _constant("threat.framework", "MITRE ATT&CK", "threat.technique.id"),
        _kinds(code),
        *_verdicts(code),
    ]
    return {
        "description": f"KubeArmor's events in CEF as ECS. By cef-bridge {content.version}.",
        "processors": processors,
        "on_failure": [
            {
                "append": {
                    "field": "error.message",
                    "value": f"{NAME}: {{{{{{ _ingest.on_failure_message }}}}}}",
                }
            }
        ],
    }


def used_fields(content: PackContent) -> set[str]:
    """Return the fields that rules may ask for, which the pipeline must leave as they are."""
    return {
        name
        for source in LOG_SOURCES
        for asked in pipeline.known(source)
        for name in content.field(source, asked)
    }


def _copies(content: PackContent, it: EcsField, code: str) -> list[IngestProcessor]:
    """Return what copies a field, by the kinds of events in which it is somewhere else."""
    by_name: dict[str, dict[str, None]] = {}
    for source in LOG_SOURCES:
        names = content.field(source, it.asked) if source.product == "kubearmor" else ()
        if source.category:
            for name in names:
                by_name.setdefault(name, {}).update(dict.fromkeys(source.class_ids))
    places = [name for name in by_name if re.fullmatch(r"[\w@]+(\.\w+)*", name)]
    found: list[IngestProcessor] = []
    for name in places:
        kinds = [] if len(places) == 1 else [*by_name[name]]
        found.append(_copy(it.name, name, _condition(name, code, kinds)))
    return found


def _copy(target: str, source: str, condition: str) -> IngestProcessor:
    if target in _LISTS:
        return {
            "split": {
                "field": source,
                "separator": ",",
                "target_field": target,
                "if": condition,
            }
        }
    return {"set": {"field": target, "copy_from": source, "override": False, "if": condition}}


def _condition(name: str, code: str, kinds: list[str]) -> str:
    if not kinds:
        return f"{_there(code)} && {_there(name)}"
    said = " || ".join(f"{_plain(code)}.contains({_text(kind.strip('*'))})" for kind in kinds)
    return f"{_there(code)} && {_there(name)} && ({said})"


def _base_name(target: str, source: str) -> IngestProcessor:
    return {
        "gsub": {
            "field": source,
            "pattern": "^.*/",
            "replacement": "",
            "target_field": target,
            "ignore_missing": True,
        }
    }


def _constant(target: str, value: str, beside: str) -> IngestProcessor:
    return {"set": {"field": target, "value": value, "override": False, "if": _there(beside)}}


def _kinds(code: str) -> IngestProcessor:
    kinds = {name: {"category": [of], "type": [kind]} for name, (of, kind) in _KINDS.items()}
    other = {"category": [_OTHER[0]], "type": [_OTHER[1]]}
    return {
        "script": {
            "lang": "painless",
            "description": "event.kind, event.category and event.type by the class id",
            "if": _there(code),
            "params": {"kinds": kinds, "other": other},
            "source": (
                f"def parts = {_plain(code)}.splitOnToken('.');"
                " def row = parts.length == 5"
                " ? params.kinds.getOrDefault(parts[2] + '.' + parts[3], params.other)"
                " : params.other;"
                " ctx.event.category = new ArrayList(row.category);"
                " ctx.event.type = new ArrayList(row.type);"
                " ctx.event.kind = parts[0] == 'alert' ? 'alert' : 'event';"
            ),
        }
    }


def _verdicts(code: str) -> list[IngestProcessor]:
    """Return what says of a connection whether it was allowed: the types that ECS has for it."""
    rows = {
        "denied": ("block", "denied"),
        "allowed": ("unblocked", "audit", "allow", "passed"),
    }
    found: list[IngestProcessor] = []
    for kind, ends in rows.items():
        said = " || ".join(f"{_plain(code)}.endsWith('.{end}')" for end in ends)
        is_network = "ctx.event.category.contains('network')"
        condition = f"{_there(code)} && {is_network} && ({said})"
        found.append({"append": {"field": "event.type", "value": [kind], "if": condition}})
    return found


def _path(name: str) -> str:
    """Return a field in a condition, where its objects may be missing."""
    return f"ctx.{name.replace('.', '?.')}"


def _plain(name: str) -> str:
    return f"ctx.{name}"


def _there(name: str) -> str:
    return f"{_path(name)} != null"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
