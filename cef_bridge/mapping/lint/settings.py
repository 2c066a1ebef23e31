"""Lint rules about settings that do nothing, and a header that has no end of values.

In comes a `LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.kubearmor import fields
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.language.names import PREFIX, camel
from cef_bridge.mapping.language.template import paths_of
from cef_bridge.mapping.lint.context import LintFinding, named, replacing
from cef_bridge.mapping.lint.registry import reports
from cef_bridge.mapping.program.compile import dropper
from cef_bridge.wording import closest, only_one_near, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.mapping.lint.context import LintContext

# What KubeArmor or we choose from a list, or what is one for the whole installation.
_BOUNDED = frozenset(
    {"cluster", "KubeArmorVersion", "Type", "EventType", "Operation", "Action", "Severity"}
    | {"Level", "Enforcer", "HashAlgo", "Owner.Ref", "call", "process.role", "event.severity"}
    | {"event.kind", "event.scope", "event.operation", "event.verb", "event.disposition"}
    | {"event.class_id", "event.name", "network.direction", "network.protocol", "network.family"}
)


@reports(codes.HEADER_VARIES)
def header_varies(view: LintContext) -> Iterator[LintFinding]:
    """A header field before the severity has values from a closed list.

    Receivers depend on the header. QRadar's event map and SC4S' table of source types have a
    row for each id or product; Sentinel and ArcSight categorize by id and name. With a policy's
    name, a path, a label or a message in it, there is no end of rows, and an attacker may write
    them. Put variable values into the extension. A `table` makes a closed list of any field.

    Bad:
        header:
          name: {from: Message}
    Good:
        header:
          name: {from: event.name}
          device_product: {from: NamespaceName, table: {shop: Shop}, else: KubeArmor}
    """
    for seen in view.draft.rules:
        if seen.section != "header" or seen.key == "severity" or seen.rule.table:
            continue
        for path in (*seen.rule.from_, *paths_of(seen.rule.template)):
            if fields.find(path) is not None and path not in _BOUNDED:
                message = (
                    f"{shown(path)} has unlimited values, and receivers keep a list of the values "
                    f"of {seen.key}. Write it into the extension, or translate it by a table."
                )
                yield LintFinding(seen.said.get("from_", seen.rule.at), message)


@reports(codes.SHEDS_NOTHING)
def sheds_nothing(view: LintContext) -> Iterator[LintFinding]:
    """A key under `truncate_first` is one that the mapping writes.

    Another name has no effect, and a message that is too long then loses other keys. With
    `unmapped: keep` the fields that no rule reads have keys, too (KubeArmorCwd). A label is
    removed with its key.

    Bad:
        envelope: {truncate_first: [KubeArmorLabel]}
    Good:
        extends: splunk
        envelope: {truncate_first: [KubeArmorLabels, cs5]}
    """
    envelope = view.draft.said.get("envelope")
    first = envelope.get("truncate_first") if isinstance(envelope, dict) else None
    if not first:
        return
    written = _written(view)
    spread = tuple(
        key for key, rules in view.merged.extension.items() if any(rule.spread for rule in rules)
    )
    for name in named(view, "key"):
        if name.text not in first or name.text in written or name.text.startswith(spread):
            continue
        meant = closest(name.text, written, likeness=0.8)
        hint = f'Did you mean "{meant}"?' if meant else "Remove it."
        sure = only_one_near(name.text, written, likeness=0.8)
        fix = replacing(name.at, name.text, None if sure in first else sure)
        yield LintFinding(name.at, f'Nothing writes "{shown(name.text)}". {hint}', fix)


def _written(view: LintContext) -> dict[str, None]:
    """The keys that a mapping writes, those of fields that no rule reads too."""
    mapping = view.merged
    written = dict.fromkeys(mapping.extension)
    if mapping.envelope.leading_key:
        written[mapping.envelope.leading_key] = None
    if mapping.unmapped == "keep":
        used: set[str] = set()
        paths = (*fields.RAW, "EventData")
        own = [name.text for name in named(view, "field") if fields.find(name.text) is None]
        written |= dict.fromkeys(camel(PREFIX, path, used) for path in (*paths, *own))
    return written


@reports(codes.NEVER_WRITTEN)
def never_written(view: LintContext) -> Iterator[LintFinding]:
    """A rule reads fields that the mapping does not drop.

    `drop_fields` applies before all rules, so no rule can read such a field. (You may disable a
    parent's rules this way.)

    Bad:
        extension:
          KubeArmorCwd: {from: Cwd}
        drop_fields: [Cwd]
    Good:
        extension:
          KubeArmorCwd: {from: [Cwd, TTY]}
        drop_fields: [Cwd]
    """
    if "drop_fields" not in view.draft.said:
        return
    drops = dropper(view.merged.drop_fields)
    for seen in view.draft.rules:
        rule = seen.rule
        paths = (*rule.from_, rule.spread) if rule.spread else rule.from_
        gone = [path for path in paths_of(rule.template) if drops(path)]
        if paths and not rule.default and all(map(drops, paths)):
            gone = [paths[0]]
        if gone and seen.section == "extension":
            message = (
                f"drop_fields takes {shown(gone[0])} out, so this is never written. "
                "Keep one of them."
            )
            source = next((it for it in ("from_", "spread", "template") if it in seen.said), "")
            yield LintFinding(seen.said.get(source, rule.at), message)


@reports(codes.NO_FACILITY)
def no_facility(view: LintContext) -> Iterator[LintFinding]:
    """Every event has a facility: the last rule of a list has no condition.

    A child's rules replace those of its parent. An event that none of them matches gets local0,
    whatever the parent sets. A collector that sorts by facility then stores it in the wrong
    place.

    Bad:
        extends: sentinel
        envelope:
          facility: [{value: local3, when: {NamespaceName: shop}}]
    Good:
        extends: sentinel
        envelope:
          facility: [{value: local3, when: {NamespaceName: shop}}, {value: local4}]
    """
    said = [seen for seen in view.draft.rules if seen.section == "facility"]
    sure = any(
        not seen.rule.when and (seen.rule.value is not None or seen.rule.default is not None)
        for seen in said
    )
    if not said or sure:
        return
    parents = view.parent.merged.envelope.facility if view.parent else ()
    last = next((text for rule in reversed(parents) for text in rule.constants), "local0")
    message = f"An event that no rule is about gets local0. End the list with {{value: {last}}}."
    yield LintFinding(said[0].key_at, message)


_IDLE = {
    "cef": ("delimiter", "leef_version"),
    "leef": ("cef_version", "ipv6", "pipe"),
}


@reports(codes.IDLE_SETTING)
def idle_setting(view: LintContext) -> Iterator[LintFinding]:
    """A setting of the envelope or header has an effect in this mapping.

    `delimiter` and `leef_version` are for LEEF. `cef_version`, `ipv6`, `pipe` and the header's
    name are for CEF. LEEF 1.0 always has TAB as its delimiter, and CEF:1 always has IPv6 in src
    and dst.

    Bad:
        envelope: {delimiter: "^"}
    Good:
        format: leef
        envelope: {delimiter: "^"}
    """
    other = "CEF" if view.format == "leef" else "LEEF"
    for name in _IDLE[view.format]:
        if at := view.at_setting(name):
            yield LintFinding(at, f'"{name}" is for {other} and does nothing here. Remove it.')
    for key in view.draft.keys if view.format == "leef" else ():
        if (key.kind, key.text) == ("header", "name"):
            yield LintFinding(key.at, "LEEF's header has no name. Write it into the extension.")
    envelope = view.merged.envelope
    if view.format == "cef" and envelope.cef_version == "1" and (at := view.at_setting("ipv6")):
        yield LintFinding(
            at, "CEF:1 has IPv6 in src, dst and dvc, whatever is said here. Remove it."
        )
    is_old = view.format == "leef" and envelope.leef_version == "1.0"
    if is_old and (at := view.at_setting("delimiter")):
        yield LintFinding(at, "LEEF 1.0 always has TAB between attributes. Remove this.")
