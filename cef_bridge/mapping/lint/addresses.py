"""The lint rule about addresses of the family that a key does not take.

In comes a `LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.lines.dictionary import CEF_KEYS
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.language.spec import Test
from cef_bridge.mapping.lint.context import LintFinding, removed
from cef_bridge.mapping.lint.registry import reports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.mapping.language.spec import Condition
    from cef_bridge.mapping.lint.context import LintContext

_IPV4_KEYS = frozenset(row.name for row in CEF_KEYS.values() if row.kind == "ipv4")
_IPV6_SLOTS = frozenset(row.name for row in CEF_KEYS.values() if row.kind == "ipv6")
_FAMILIES = frozenset({"HostIP", "source.ip", "destination.ip", "remote.ip", "local.ip"})


@reports(codes.IPV6_LOST)
def ipv6_lost(view: LintContext) -> Iterator[LintFinding]:
    """An address that may be IPv6 has a key that accepts IPv6.

    With CEF:0 src, dst and dvc are IPv4 (`ipv6: custom`), and IPv6 addresses are left out.
    Write them into c6a2 (source) or c6a3 (destination) as well. Or set `ipv6: direct` if the
    receiver reads IPv6 in src and dst. A condition `{is: ipv4}` says that you need only IPv4.

    Bad:
        extension:
          dst: {from: destination.ip}
    Good:
        extension:
          dst: {from: destination.ip, when: {destination.ip: {is: ipv4}}}
          c6a3: {from: destination.ip, label: Destination IPv6 Address}
    """
    mapping = view.merged
    if view.format != "cef" or mapping.envelope.both_families:
        return
    elsewhere = {
        path
        for key, rules in mapping.extension.items()
        if key not in _IPV4_KEYS
        for rule in rules
        for path in rule.from_
    }
    for seen in view.draft.rules:
        if seen.section != "extension" or seen.key not in _IPV4_KEYS or seen.rule.table:
            continue
        asked = {condition.path for condition in seen.rule.when if _is_ipv4_only(condition)}
        for path in seen.rule.from_:
            if path in _FAMILIES - elsewhere - asked:
                message = (
                    f"{seen.key} takes IPv4 only, so an IPv6 {path} is lost. Add a c6a2 or c6a3 "
                    "for it, or set ipv6: direct."
                )
                yield LintFinding(seen.said.get("from_", seen.rule.at), message)
    yield from _slots_gone(view, elsewhere)


def _slots_gone(view: LintContext, elsewhere: set[str]) -> Iterator[LintFinding]:
    """Yield c6aN that the file removes although nothing else takes what stood there."""
    for name in removed(view):
        if name.text not in _IPV6_SLOTS:
            continue
        rules = (view.inherited or {}).get(name.text, ())
        paths = {path for rule in rules for path in rule.from_} & _FAMILIES - elsewhere
        for path in sorted(paths):
            message = f"Without {name.text} an IPv6 {path} is lost. Keep it, or set ipv6: direct."
            yield LintFinding(name.at, message)


def _is_ipv4_only(condition: Condition) -> bool:
    return all(test == Test("is", "ipv4") for test in condition.any_of)
