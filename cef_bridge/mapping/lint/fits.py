"""Lint rules about what a key can hold: its type, its length, and the field that goes into it.

In comes a `LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.errors import Removal
from cef_bridge.kubearmor import fields
from cef_bridge.lines.check import misfits
from cef_bridge.lines.dictionary import CEF_KEYS, HEADER_LENGTHS, LABELS, LEEF_KEYS
from cef_bridge.lines.leef import LEEF_HEADER_LENGTHS
from cef_bridge.lines.text import cut
from cef_bridge.mapping.language import codes, template
from cef_bridge.mapping.language.template import paths_of
from cef_bridge.mapping.language.transforms import keeps_whole
from cef_bridge.mapping.lint.context import LintFinding, extension
from cef_bridge.mapping.lint.registry import reports
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.errors import Location
    from cef_bridge.lines.dictionary import Key
    from cef_bridge.mapping.language.mapping_file import RuleSeen
    from cef_bridge.mapping.lint.context import LintContext

_ADDRESSES = frozenset({"HostIP", "source.ip", "destination.ip", "remote.ip", "local.ip"})
_TIMES = frozenset({"Timestamp", "event.time"})
_NUMBERS = frozenset(
    row.path
    for row in (*fields.RAW.values(), *fields.DERIVED.values())
    if row.kind == "integer" and row.path != "event.time"
) | {"Severity", "user.id", "target.user_id", "target.group_id"}
# What may hold anything: what others add, and what operators write.
ANYTHING = frozenset(
    {"cluster", "ClusterName", "NodeID", "Message", "ExecEvent.ExecID"}
    | {row.path for row in fields.RAW.values() if row.path.islower() or "instance" in row.path}
)
FILLS: dict[str, tuple[str, frozenset[str]]] = {
    # 32 bits: a time in milliseconds has more.
    "integer": ("whole numbers below 2,147,483,648", _NUMBERS),
    "long": ("whole numbers", _NUMBERS | _TIMES),
    "float": ("numbers", _NUMBERS | _TIMES),
    "timestamp": ("epoch milliseconds", _TIMES),
    # Some clouds call their nodes by address.
    "ipv4": ("IPv4 addresses", _ADDRESSES | {"HostName"}),
    "ipv6": ("IPv6 addresses", _ADDRESSES | {"HostName"}),
    "ip": ("IP addresses", _ADDRESSES | {"HostName"}),
    "mac": ("MAC addresses", frozenset()),
}
"""Kind of a key -> what it takes, in words, and which fields can be that."""

LENGTHS = {
    "ContainerID": 64,
    "ProcessHash": 64,
    "ParentHash": 64,
    "ResourceHash": 64,
    "file.hash": 64,
    "event.id": 40,
    "image.digest": 71,
    "NamespaceName": 63,
    "Owner.Namespace": 63,
    "ContainerName": 63,
    "PodName": 253,
    "Owner.Name": 253,
    "HostName": 253,
    "PolicyName": 253,
    "dns.name": 253,
    "event.place": 317,
    "remote.host": 380,
    "ContainerImage": 330,
    "image.repository": 255,
    "image.tag": 128,
    "Labels": 1023,
    "Resource": 1023,
    "Source": 1023,
    "Data": 1023,
    "Cwd": 255,
    "ProcessName": 255,
    "ParentProcessName": 255,
    "process.path": 255,
    "process.actor": 255,
    "file.path": 255,
}
"""Characters that a field has (an id, a hash) or well may have (Kubernetes' limits of names, a
path's last part); of texts without a limit what is seen every day."""

_MEANT = frozenset({("dvchost", "HostName")})
"""(key, field): what the standard made the key for; it has no longer one."""


@reports(codes.CONSTANT_UNFIT)
def constant_unfit(view: LintContext) -> Iterator[LintFinding]:
    """A constant fits its key: type, range and length.

    A constant that does not fit is never written, or is cut. This includes `value`, `default`,
    `else`, the values of a table, labels, and the header's texts.

    Bad:
        extension:
          dpt: {from: destination.port, default: none}
    Good:
        extension:
          dpt: {from: destination.port, default: 0}
    """
    for seen in view.draft.rules:
        row = _key(view, seen)
        for text, at in _constants(seen):
            yield from (LintFinding(at, fault) for fault in _faults(view, seen, row, text))
        if seen.rule.table:
            rows = dict.fromkeys(seen.rule.table.rows.values())
            faults = [fault for text in rows for fault in _faults(view, seen, row, text)]
            more = f" {_others(len(faults) - 1)}" if len(faults) > 1 else ""
            for fault in faults[:1]:  # they have one place, and may be many
                yield LintFinding(seen.said.get("table", seen.rule.at), fault + more)
        if view.format == "cef" and "label" in seen.said and seen.key in LABELS:
            for fault in misfits(CEF_KEYS[LABELS[seen.key]], (seen.rule.label or "").strip()):
                yield LintFinding(seen.said["label"], fault)


def _others(number: int) -> str:
    texts = "Another text" if number == 1 else f"{number:,} other texts"
    return f"{texts} of this table {'does' if number == 1 else 'do'} not fit either."


def _constants(seen: RuleSeen) -> Iterator[tuple[str, Location]]:
    """Yield what a rule may write of its own, its table aside, with its place."""
    rule = seen.rule
    for name, text in (("value", rule.value), ("default", rule.default), ("else_", rule.else_)):
        if text is not None:
            yield text, seen.said.get(name, rule.at)


def _faults(view: LintContext, seen: RuleSeen, row: Key | None, text: str) -> Iterator[str]:
    """Yield what is wrong with a text under a rule's key, and the way out."""
    text = text.strip()
    lengths = LEEF_HEADER_LENGTHS if view.format == "leef" else HEADER_LENGTHS
    if seen.section == "header" and len(text) > (most := lengths.get(seen.key, len(text))):
        yield f"{seen.key} has {len(text)} characters. Expected {most} at most."
    if row and text:
        field = fields.find(text) is not None
        way_out = (
            f"Write {{from: {shown(text)}}} for the field." if field else "Choose another text."
        )
        for fault in misfits(row, text, both_families=view.merged.envelope.both_families):
            # The check of lines quotes what no line can hold as it is.
            quoted = cut(text, 40)
            yield f"{fault.replace(quoted, shown(quoted))} {way_out}"


@reports(codes.FIELD_AS_TEXT)
def field_as_text(view: LintContext) -> Iterator[LintFinding]:
    """A plain text is a constant: to read a field, use `from` or `template`.

    `act: Action` writes the word Action into every message.

    Bad:
        extension:
          act: Action
          KubeArmorPlace: "{NamespaceName}/{PodName}"
    Good:
        extension:
          act: {from: Action}
          KubeArmorPlace: {template: "{NamespaceName}/{PodName}"}
    """
    for seen in view.draft.rules:
        text = seen.rule.value or ""
        written = template.parse(text)
        if not written.wrong and all(map(fields.find, written.paths)):
            message = f'This writes "{shown(text)}" as it is. Write {{template: "{shown(text)}"}}.'
            yield LintFinding(seen.said.get("value", seen.rule.at), message)
        # A word in lower case (flags, call) may well be meant.
        if fields.find(text) is None or (text.islower() and "." not in text):
            continue
        row = _key(view, seen)
        if row is None or not any(misfits(row, text)):  # else it is an error already
            what = shown(text)
            message = f'This writes the text "{what}". Write {{from: {what}}} for the field.'
            yield LintFinding(seen.said.get("value", seen.rule.at), message)


@reports(codes.NEVER_FITS)
def never_fits(view: LintContext) -> Iterator[LintFinding]:
    """A field without numbers, addresses or times does not go into a key for those.

    Receivers refuse a value of the wrong type, so it is left out: the key is never written, and
    no error shows it. UpdatedTime is no time that CEF can read; use event.time. A time in
    milliseconds is too large for a 32-bit key.

    To fix it, use a `table` that translates the values to numbers, or a condition of the same
    rule such as `{PodName: {is: integer}}`.

    Bad:
        extension:
          cn1: {from: PodName, label: Pod}
          rt: {from: UpdatedTime}
    Good:
        extension:
          cs3: {from: PodName, label: K8sPod}
          rt: {from: event.time}
    """
    for seen in extension(view):
        row = _key(view, seen)
        if row is None or row.kind not in FILLS or seen.rule.table:
            continue
        what, can = FILLS[row.kind]
        asked = {
            condition.path
            for condition in seen.rule.when
            if any(
                test.kind == "range" or (test.kind == "is" and test.text != "present")
                for test in condition.any_of
            )
        }
        for path in seen.rule.from_:
            known = path in fields.RAW or path in fields.DERIVED
            if known and path not in can | ANYTHING | asked:
                message = (
                    f"{row.name} takes {what}, and {path} never holds one, so it is never "
                    "written. Use another field or key."
                )
                yield LintFinding(seen.said.get("from_", seen.rule.at), message)


@reports(codes.SECONDS)
def in_seconds(view: LintContext) -> Iterator[LintFinding]:
    """Times in CEF are milliseconds.

    ArcSight and Elastic read every number as milliseconds (v27, Appendix A). KubeArmor's
    Timestamp is in seconds, so it becomes a day of January 1970. Use event.time, which is the
    same moment, and exact. SC4S reads seconds, so a mapping for Splunk may write them.

    Bad:
        extension:
          end: {from: Timestamp}
    Good:
        extension:
          end: {from: event.time}
    """
    if view.format != "cef" or any(siem.reads_seconds for siem in view.siems()):
        return
    for seen in extension(view):
        row = _key(view, seen)
        # An event with a Timestamp has an event.time, so behind that it is never taken.
        first = next((it for it in seen.rule.from_ if it in _TIMES), "")
        if row and row.kind == "timestamp" and first == "Timestamp":
            message = f"{row.name} takes milliseconds, and Timestamp has seconds. Use event.time."
            yield LintFinding(seen.said.get("from_", seen.rule.at), message)


@reports(codes.WILL_BE_CUT)
def will_be_cut(view: LintContext) -> Iterator[LintFinding]:
    """A field that is usually longer than its key goes into a longer key.

    A container's id has 64 characters; an image or a pod's name may have 253 and more. A longer
    value is cut, and a cut id finds nothing. Set `max_length` if you intend this.

    Bad:
        extension:
          act: {from: ContainerID}
    Good:
        extension:
          flexString2: {from: ContainerID, label: ContainerID}
          dvchost: {from: HostName, max_length: 63}
    """
    for seen in extension(view):
        row = _key(view, seen)
        rule = seen.rule
        if row is None or not row.max_length or rule.table or not keeps_whole(rule.via):
            continue
        if rule.max_length and rule.max_length <= row.max_length:
            continue
        paths = [(path, LENGTHS.get(path, 0)) for path in rule.from_]
        if rule.template is not None:
            joined = paths_of(rule.template)
            paths.append((rule.template, sum(LENGTHS.get(path, 0) for path in joined)))
        for path, length in paths:
            if length > row.max_length and (row.name, path) not in _MEANT:
                message = (
                    f"{row.name} takes {row.max_length} characters and {shown(path)} can have "
                    f"{length}: it will be cut. Use a longer key such as cs1, or say "
                    f"max_length: {row.max_length} if that is meant."
                )
                yield LintFinding(seen.said.get("from_", rule.at), message)


@reports(codes.IDLE_LENGTH)
def idle_length(view: LintContext) -> Iterator[LintFinding]:
    """A `max_length` is below the key's own length, which applies anyway.

    Bad:
        extension:
          act: {from: Action, max_length: 100}
    Good:
        extension:
          act: {from: Action, max_length: 20}
    """
    for seen in extension(view):
        row = _key(view, seen)
        said = seen.rule.max_length
        if row and row.max_length and said and said > row.max_length:
            message = (
                f"{row.name} takes {row.max_length} characters whatever is said here. "
                f"Lower it, or remove it."
            )
            at = seen.said.get("max_length", seen.rule.at)
            yield LintFinding(at, message, Removal(at, "max_length"))


def _key(view: LintContext, seen: RuleSeen) -> Key | None:
    if seen.section != "extension":
        return None
    return (LEEF_KEYS if view.format == "leef" else CEF_KEYS).get(seen.key)
