"""Lint rules about events: which ones a rule or filter can meet, what of them stays findable.

In comes a `LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

from cef_bridge.kubearmor.classes import catalogue, kind_of, role_of
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.language.condition_forms import form_of
from cef_bridge.mapping.lint.context import LintFinding, removed
from cef_bridge.mapping.lint.names import vocabulary
from cef_bridge.mapping.lint.registry import reports
from cef_bridge.mapping.program.conditions import holds
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cef_bridge.mapping.language.spec import Condition
    from cef_bridge.mapping.lint.context import LintContext

_EVENT_ID = {"cef": "externalId", "leef": "eventId"}


@reports(codes.NO_EVENT_ID)
def no_event_id(view: LintContext) -> Iterator[LintFinding]:
    """A message has the event id, in externalId (in LEEF: eventId).

    After a connection failure, unconfirmed messages are resent. The id lets the SIEM recognize
    duplicates, and lets people refer to an event.

    Bad:
        extends: splunk
        extension:
          externalId: null
    Good:
        extends: splunk
        extension:
          externalId: {from: event.id}
    """
    key = _EVENT_ID[view.format]
    if key in view.merged.extension:
        return
    gone = next((name.at for name in removed(view) if name.text == key), None)
    if gone or view.stands_alone:
        message = (
            f"Without {key} an event that is sent again counts twice. "
            f'Write "{key}: {{from: event.id}}".'
        )
        yield LintFinding(gone or view.top, message)


@reports(codes.NO_EXAMPLES)
def no_examples(view: LintContext) -> Iterator[LintFinding]:
    """A mapping of your own has examples.

    They are its tests and its documentation. `mapping test` reports when a change of the
    mapping, of a parent or of cef-bridge changes a message. Write examples in the mapping, or
    beside it in STEM.test.yaml or STEM.NAME.test.yaml.

    Bad:
        extends: splunk
    Good:
        extends: splunk
        examples:
          - event: {Type: MatchedPolicy, Operation: File, Action: Block}
            expect: {act: Block}
    """
    faulty = "examples" in view.draft.places and view.draft.problems  # told as what it is
    if (
        view.own
        and view.draft.places
        and not view.merged.examples
        and not view.tested
        and not faulty
    ):
        message = 'No example shows what this mapping does. Add "examples:", or a test file.'
        yield LintFinding(view.top, message)


@reports(codes.NEVER_TOGETHER)
def never_together(view: LintContext) -> Iterator[LintFinding]:
    """The conditions of a rule, or of an item of drop_events, fit an existing kind of event.

    Each condition may match, but never all of them: an execution is no file event, and a log
    was not blocked. `cef-bridge mapping class-ids` lists all kinds of events.

    Bad:
        drop_events: [{event.operation: file, event.verb: exec}]
    Good:
        drop_events: [{event.operation: process, event.verb: exec, event.kind: log}]
    """
    for conditions in _all_conditions(view):
        asked = [each for each in conditions if each.path in _PATHS and each.any_of]
        # One of a listed value alone is M032's.
        if all(map(_is_listed, asked)) and len(asked) < 2:
            continue
        if not any(_classes_of(asked)) and not any(map(_is_impossible, asked)):
            words = " and ".join(f"{each.path}: {_values(each)}" for each in asked)
            message = (
                f'No kind of event has {words}. See "cef-bridge mapping class-ids" for all of them.'
            )
            yield LintFinding(asked[-1].at, message)


def _values(condition: Condition) -> str:
    return shown(" or ".join(map(form_of, condition.any_of)))


def _all_conditions(view: LintContext) -> Iterator[tuple[Condition, ...]]:
    for seen in view.draft.rules:
        if seen.rule.when:
            yield seen.rule.when
    yield from (*_items(view), *_items(view, "keep_events"))


def _items(view: LintContext, name: str = "drop_events") -> Iterable[tuple[Condition, ...]]:
    said = view.draft.said.get(name)
    return cast("tuple[tuple[Condition, ...], ...]", said if isinstance(said, tuple) else ())


_PARTS = ("event.kind", "event.scope", "event.operation", "event.verb", "event.disposition")
_PATHS = (*_PARTS, "event.class_id", "event.name", "process.role")


@cache
def kinds_of_events() -> tuple[dict[str, object], ...]:
    """Every kind of event, as the fields that conditions can ask."""
    kinds = []
    for row in catalogue():
        kind: dict[str, object] = dict(zip(_PARTS, row.class_id.split("."), strict=True))
        kind |= {"event.class_id": row.class_id, "event.name": row.name}
        kinds.append(kind | {"process.role": role_of(str(kind["event.verb"]))})
    return tuple(kinds)


def _classes_of(conditions: Iterable[Condition]) -> Iterator[dict[str, object]]:
    """Yield the kinds of events that meet some conditions."""
    predicates = [holds(condition) for condition in conditions]
    return (kind for kind in kinds_of_events() if all(holds_for(kind) for holds_for in predicates))


def _is_impossible(condition: Condition) -> bool:
    """Tell whether M032 says already that a condition never holds."""
    return _is_listed(condition) and not any(_classes_of([condition]))


def _is_listed(condition: Condition) -> bool:
    return condition.path in vocabulary() and all(test.kind != "is" for test in condition.any_of)


_ALERT_TYPES = ("MatchedPolicy", "MatchedHostPolicy", "MatchedNetworkPolicy", "MatchedNativePolicy")


@reports(codes.DROPS_ALERTS)
def drops_alerts(view: LintContext) -> Iterator[LintFinding]:
    """An item of drop_events matches telemetry only, or alerts explicitly.

    An item without `event.kind` also drops alerts, and the events that report withheld alerts.
    With `event.kind: log` an item never drops an alert. With `event.kind: alert` it does so on
    purpose.

    Bad:
        drop_events: [{NamespaceName: kube-system}]
    Good:
        drop_events:
          - {event.kind: log, NamespaceName: kube-system}
          - {event.kind: alert, PolicyName: noisy-audit}
    """
    for item in _items(view):
        if item and not _means_alerts(item) and _may_be_alert(item):
            message = (
                "This drops alerts too. Add event.kind: log, or event.kind: alert if you mean them."
            )
            yield LintFinding(item[0].at, message)


@reports(codes.KEEPS_NO_ALERTS)
def keeps_no_alerts(view: LintContext) -> Iterator[LintFinding]:
    """One item of keep_events matches alerts.

    `keep_events` drops all alerts and logs that it does not match. When all of its items match
    only telemetry, no alert reaches the SIEM.

    Bad:
        keep_events: [{event.kind: log, NamespaceName: shop}]
    Good:
        keep_events:
          - {event.kind: alert}
          - {event.kind: log, NamespaceName: shop}
    """
    items = [item for item in _items(view, "keep_events") if item]
    if items and not any(map(_may_be_alert, items)):
        message = "This keeps no alert. Add an item such as {event.kind: alert}."
        yield LintFinding(items[0][0].at, message)


def _means_alerts(item: tuple[Condition, ...]) -> bool:
    return any(
        (each.path, test.kind, test.text) == ("event.kind", "literal", "alert")
        or (each.path == "Type" and test.kind == "literal" and test.text.lower()[:7] == "matched")
        for each in item
        for test in each.any_of
    )


def _may_be_alert(item: tuple[Condition, ...]) -> bool:
    asked = [each for each in item if each.path in _PATHS]
    if any(not each.any_of for each in item):
        return False  # it never holds
    if not any(kind["event.kind"] == "alert" for kind in _classes_of(asked)):
        return False
    for each in item:
        if each.path == "Type" and not any(holds(each)({"Type": it}) for it in _ALERT_TYPES):
            return False
        if each.path == "EventType" and not holds(each)({"EventType": "Alert"}):
            return False
        # A throttle mark keeps all of its alert but the operation.
        if each.path == "Operation" and all(
            test.kind == "literal"
            and kind_of({"Type": _ALERT_TYPES[0], "Operation": test.text}) != "alert"
            for test in each.any_of
        ):
            return False
    return True
