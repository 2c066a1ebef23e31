"""Lint rules about keys that one receiver needs, empties, or reads something else in.

A mapping is for a receiver when it, or one that it extends, has the name of the shipped mapping.
In comes a `LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.kubearmor import fields
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.language.template import paths_of
from cef_bridge.mapping.language.transforms import keeps_whole
from cef_bridge.mapping.lint.context import (
    LintFinding,
    extension,
    output_keys,
    removed,
    said_extension,
)
from cef_bridge.mapping.lint.registry import reports
from cef_bridge.siems.detection_keys import rules_by_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cef_bridge.mapping.language.spec import Rule
    from cef_bridge.mapping.lint.context import LintContext


@reports(codes.RECEIVER_NEEDS)
def receiver_needs(view: LintContext) -> Iterator[LintFinding]:
    """A mapping writes the keys that its receiver needs.

    Some shipped mappings write a value twice, or in an unusual key, because the receiver reads
    it only there. Without such a key the receiver loses the value. The message says what is
    lost.

    Bad:
        extends: splunk
        extension:
          KubeArmorEventId: null
    Good:
        extends: splunk
        extension:
          KubeArmorEventName: null
    """
    gone = {name.text: name.at for name in removed(view)}
    for siem in view.siems():
        for need in siem.needs:
            names = siem.mappings_of(need)
            if not view.is_for(*names) or need.key in view.merged.extension:
                continue
            new = not (view.parent and view.parent.is_for(*names))
            if need.key in gone or new:
                at = gone.get(need.key, view.top)
                yield LintFinding(at, f"{need.key} is not written. {need.reason}")


@reports(codes.SLOT_EMPTIED)
def slot_emptied(view: LintContext) -> Iterator[LintFinding]:
    """A mapping for Splunk does not use c6a1 to c6a4.

    Splunk's CEF add-on empties these keys at search time. It makes no field of their labels, as
    it does for cs1 and cn1, so the address is lost. Use src, dst and dvc, which accept IPv6
    there (`ipv6: direct`).

    Bad:
        extends: splunk
        extension:
          c6a3: {from: destination.ip, label: DestinationIPv6Address}
    Good:
        extends: splunk
        extension:
          dst: {from: destination.ip}
    """
    said = said_extension(view)
    emptied = {key: siem for siem in view.siems() for key in siem.empties}
    for name in output_keys(view):
        if (siem := emptied.get(name.text)) and said.get(name.text):
            message = (
                f"{siem.title}'s add-on empties {name.text}, and the address is gone. Use src, "
                "dst, dvc or a key such as KubeArmorPeer."
            )
            yield LintFinding(name.at, message)


@reports(codes.BLINDS_RULES)
def blinds_rules(view: LintContext) -> Iterator[LintFinding]:
    """A mapping keeps the fields that the shipped detection rules need.

    The rules of `content test` and `content build` ask for fields such as the path of a file.
    When a mapping removes the key with such a field, or writes something else there, these rules
    find nothing, and no error shows it. Write the field to another key, or check with
    `cef-bridge content test -m FILE` which rules are left. What `unmapped: drop`, a condition or
    a table takes away is only found by `content test`.

    Bad:
        extends: splunk
        unmapped: drop
        extension:
          filePath: null
    Good:
        extends: splunk
        unmapped: drop
        extension:
          filePath: null
          KubeArmorFile: {from: file.path}
    """
    if view.parent is None or not view.own:
        return
    here = _readings_of_all(view)
    for name in output_keys(view):
        needed = {rule: None for it in _mappings(view) for rule in it.get(name.text, ())}
        before = _readings(view.parent.merged.extension.get(name.text, ()))
        lost = dict.fromkeys(it.path for it in before if it not in here)
        if needed and lost:
            more = len(needed) - _SHOWN
            rules = ", ".join([*needed][:_SHOWN]) + (f" and {more} more" if more > 0 else "")
            message = (
                f"No key has {', '.join(lost)} any longer. Detection rules that need it: {rules}. "
                'Write it to another key, or see "cef-bridge content test -m FILE".'
            )
            yield LintFinding(name.at, message)


_SHOWN = 3


def _mappings(view: LintContext) -> Iterator[Mapping[str, tuple[str, ...]]]:
    """Yield keys and rules of the shipped mappings that a mapping is made from.

    What a SIEM needs anyway (`needs`) has a rule of its own.
    """
    needs = {it.key for siem in view.siems() for it in siem.needs}
    for name in {name: None for siem in view.siems() for name in siem.mappings}:
        if view.is_for(name):
            yield {key: it for key, it in rules_by_key(name).items() if key not in needs}


class _Reading(NamedTuple):
    """How a rule reads a field: whole, or changed by these."""

    path: str
    changed: str = ""


def _readings(rules: Iterable[Rule]) -> list[_Reading]:
    found = []
    for rule in rules:
        is_whole = keeps_whole(rule.via) and rule.table is None and rule.template is None
        changed = "" if is_whole else repr((rule.via, rule.table, rule.template))
        found += [_Reading(it, changed) for it in (*rule.from_, *paths_of(rule.template))]
    return found


def _readings_of_all(view: LintContext) -> set[_Reading]:
    """Return how all keys read fields, those that no rule reads included."""
    found = {it for rules in view.merged.extension.values() for it in _readings(rules)}
    return found | {_Reading(it) for it in fields.RAW if view.merged.unmapped == "keep"}


_HOSTS = frozenset(
    {"shost", "dhost", "dvchost", "sntdom", "dntdom", "sourceDnsDomain", "destinationDnsDomain"}
    | {"deviceDnsDomain", "deviceNtDomain", "identHostName", "identNetBios", "vSrcName"}
)
_NO_HOSTS = {
    "PodName": "cs3",
    "ContainerName": "cs4",
    "NamespaceName": "cs2",
    "event.place": "cs3",
    "Owner.Name": "sourceServiceName",
    "Owner.Ref": "KubeArmorOwnerRef",
    "Owner.Namespace": "cs2",
    "workload": "sourceServiceName",
}


@reports(codes.NO_HOST)
def no_host(view: LintContext) -> Iterator[LintFinding]:
    """A key for a host's name or domain holds no pod, container, namespace or workload.

    Receivers read a host there. Splunk's add-on makes src_ip of shost and dest of dhost,
    ArcSight an asset of each new name, QRadar an identity. Pods are short-lived, and their
    names stay in those models.

    Bad:
        extension:
          shost: {from: PodName}
    Good:
        extension:
          cs3: {from: PodName, label: K8sPod}
          dvchost: {from: HostName, max_length: 63}
    """
    for seen in extension(view):
        paths = (*seen.rule.from_, *paths_of(seen.rule.template))
        for path in paths if seen.key in _HOSTS else ():
            if path in _NO_HOSTS and seen.rule.table is None:
                hint = f" Use {_NO_HOSTS[path]}." if view.format == "cef" else ""
                message = f"Receivers read a host in {seen.key}, which {path} is not.{hint}"
                yield LintFinding(seen.said.get("from_", seen.rule.at), message)
