"""Lint rules about the severity, that every event has one, and about keys that repeat the header.

In comes a `LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from cef_bridge.mapping.language import codes
from cef_bridge.mapping.language.spec import Rule
from cef_bridge.mapping.lint.context import LintFinding, extension
from cef_bridge.mapping.lint.events import kinds_of_events
from cef_bridge.mapping.lint.names import bad_severities
from cef_bridge.mapping.lint.registry import reports
from cef_bridge.mapping.program.compile import DEFAULT_SEVERITY, rates, repeats_the_table
from cef_bridge.mapping.program.rules import rule_paths
from cef_bridge.wording import named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.errors import Location
    from cef_bridge.mapping.language.spec import Mapping
    from cef_bridge.mapping.lint.context import LintContext
    from cef_bridge.mapping.program.conditions import Fields

_OF_POLICIES = tuple(str(number) for number in range(1, 11))  # what a policy's author may choose


@reports(codes.NO_SEVERITY)
def no_severity(view: LintContext) -> Iterator[LintFinding]:
    """A severity rule matches every event.

    An event that no rule matches gets severity 5. Rules of `severity` precede those of the
    parent mapping, so a few of them change only the events that they match. With `replace`, or
    without a parent, the rules must match every event. So must rules of the header's severity,
    which replace the parent's. To match the rest, end with a rule without `when`, or with
    `{from: event.severity}` in the header.

    Bad:
        severity: [{value: 10, when: {NamespaceName: shop, event.kind: alert}}]
    Good:
        extends: splunk
        severity: [{value: 10, when: {NamespaceName: shop, event.kind: alert}}]
    """
    at = _place(view)
    parent_unread = view.parent is None and not view.stands_alone
    if at is None or view.draft.problems or parent_unread:
        return
    if any(True for seen in view.draft.rules for _ in bad_severities(seen)):
        return  # told as what it is
    missed = _missed(_with_a_table(view))
    if missed:
        others = f" and {len(missed) - 1:,} other kinds of events" if len(missed) > 1 else ""
        last = "{value: 3}" if "severity" in view.draft.places else "{from: event.severity}"
        message = (
            f"Some events meet no rule, and get {DEFAULT_SEVERITY}: {missed[0]}{others}. "
            f"Add a rule without when at the end, such as {last}."
        )
        yield LintFinding(at, message)


def _place(view: LintContext) -> Location | None:
    """Return where the file says a severity, None when it does not."""
    in_header = (
        key.at for key in view.draft.keys if (key.kind, key.text) == ("header", "severity")
    )
    return view.draft.places.get("severity") or next(in_header, None)


def _with_a_table(view: LintContext) -> Mapping:
    """Return the mapping; where nobody has said a table, all get the same, and that is one."""
    if view.merged.severity or "severity" in view.draft.places:
        return view.merged
    return replace(view.merged, severity=(Rule(value=str(DEFAULT_SEVERITY)),))


def _missed(mapping: Mapping) -> list[str]:
    """Return the class ids of kinds of events of which some meet no rule.

    Of what a kind does not say, nothing is there, or something that no rule names.
    """
    rules = (*mapping.severity, *mapping.header.get("severity", ()))
    rate = rates(mapping)
    by_table = repeats_the_table(mapping)

    def is_missed(kind: Fields) -> bool:
        found = rate(kind)
        if found is None:
            return True
        rule = found.rule
        if by_table and rule.value is not None and all(it.path in kind for it in rule.when):
            return False  # this rule rates the whole kind; trying all severities takes 110 ms more
        others = dict.fromkeys([path for path in asked if path not in kind], "\0")
        numbers = ({**others, "Severity": number, **kind} for number in _OF_POLICIES)
        return any(rate(fields) is None for fields in numbers)

    asked = sorted({path for rule in rules for path in rule_paths(rule)})
    missed = []
    tried: dict[tuple[object, ...], bool] = {}
    for kind in kinds_of_events():
        said = tuple(kind.get(path) for path in asked)
        if said not in tried:
            tried[said] = is_missed(kind)
        if tried[said]:
            missed.append(str(kind["event.class_id"]))
    return missed


# Keys of the shipped mappings that say again what only the header says otherwise.
_REPEAT = {
    "KubeArmorEventId": "event.class_id",
    "KubeArmorEventName": "event.name",
    "KubeArmorSeverity": "event.severity",
}


@reports(codes.HEADER_DIFFERS)
def header_differs(view: LintContext) -> Iterator[LintFinding]:
    """A key that repeats the header has the header's value.

    Splunk's add-on makes no search fields of the header, and LEEF's header has no severity.
    There the keys KubeArmorSeverity and sev repeat it. They read `event.severity`
    (`event.name`, `event.class_id`), which has the header's value. With a rule of its own, one
    message would have two severities. Change `severity` or the header, and the keys follow.

    Bad:
        extends: splunk
        extension:
          KubeArmorSeverity: {from: Severity, default: 5}
    Good:
        extends: splunk
        severity: [{value: 9, when: {PolicyName: "crown-jewels-*", event.kind: alert}}]
    """
    for seen in extension(view):
        path = _repeated_by(view, seen.key)
        if path and path not in rule_paths(seen.rule):
            message = (
                f"{named(seen.key)} repeats the header's {_WORDS[path]}, and would say something "
                f"else. Remove this rule, and change {_CHANGE[path]}."
            )
            yield LintFinding(seen.rule.at, message)


_WORDS = {"event.class_id": "event id", "event.name": "name", "event.severity": "severity"}
_CHANGE = {
    "event.class_id": "header.device_event_class_id",
    "event.name": "header.name",
    "event.severity": "severity",
}


def _repeated_by(view: LintContext, key: str) -> str:
    """Return the path by which a key repeats the header; "" for one that does not."""
    if view.format == "cef" and key in _REPEAT:
        return _REPEAT[key]
    rules = (view.inherited or {}).get(key, ())
    return next((path for rule in rules for path in rule.from_ if path in _WORDS), "")
