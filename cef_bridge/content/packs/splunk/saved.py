"""Saved searches of the add-on: one for each rule, and those that prove delivery.

In comes a `PackContent`, out come stanzas. All are off: whoever turns one on sees it fire every ten
minutes, over events that have had five minutes to arrive. Must not know fields of events.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cef_bridge.content.packs.pack_content import EVENT_COUNT

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent, PackCorrelation, PackRule
    from cef_bridge.content.searches import Search

EVENTS = "`kubearmor_events`"
"""The macro that says where the events are: an index is a setting of the customer's."""

_EVERY, _LATE = 10, 5
"""Minutes: from one run to the next, and those that events have to arrive."""
# Splunk: 2 info, 3 warning, 4 error, 5 severe, 6 fatal
_SEVERITIES = {"informational": "2", "low": "2", "medium": "3", "high": "5", "critical": "6"}
_ALERTING = ("missing", "duplicates", "silent")


def saved_searches(content: PackContent) -> dict[str, dict[str, str]]:
    """Return savedsearches.conf."""
    found = {}
    for number, rule in enumerate(content.rules):
        found[f"KubeArmor: {rule.title}"] = _of_rule(content, rule, number % _EVERY)
    for search in content.searches:
        found[f"KubeArmor delivery: {search.name}"] = _of_delivery(search)
    return found


def _of_rule(content: PackContent, rule: PackRule, minute: int) -> dict[str, str]:
    more = 0 if rule.correlation is None else -(-rule.correlation.seconds // 60)
    annotations = json.dumps({"mitre_attack": list(rule.techniques)} if rule.techniques else {})
    return {
        "description": description(rule),
        "search": spl(content, rule),
        "dispatch.earliest_time": f"-{_EVERY + _LATE + more}m@m",
        "dispatch.latest_time": f"-{_LATE}m@m",
        "cron_schedule": f"{minute}-59/{_EVERY} * * * *",
        **_alert(_SEVERITIES.get(rule.level, "3")),
        "action.correlationsearch.label": f"KubeArmor: {rule.title}",
        "action.correlationsearch.annotations": annotations,
    }


def _alert(severity: str) -> dict[str, str]:
    return {
        "disabled": "1",
        "enableSched": "1",
        "is_scheduled": "1",
        "counttype": "number of events",
        "relation": "greater than",
        "quantity": "0",
        "alert.track": "1",
        "alert.severity": severity,
        "alert.digest_mode": "1",
    }


def description(rule: PackRule) -> str:
    """Return what a rule finds and what to do, on one line."""
    parts = [rule.description, f"What to do: {rule.response}"]
    if rule.false_positives:
        parts.append(f"False positives: {'; '.join(rule.false_positives)}.")
    return " ".join(" ".join(part.split()) for part in parts)


def spl(content: PackContent, rule: PackRule) -> str:
    """Return a rule's search."""
    if rule.correlation is None:
        return f"{EVENTS} {content.query(rule, 'spl')}"
    return _correlated(content, rule, rule.correlation)


def _correlated(content: PackContent, rule: PackRule, asked: PackCorrelation) -> str:
    """Return a search over a sliding time span; pySigma's has steps, which cut a burst in two."""
    group = " ".join(asked.group_by)
    searches = [f"{EVENTS} {content.condition(it, 'spl')}" for it in rule.singles]
    if asked.kind == EVENT_COUNT:
        return (
            f"{searches[0]}\n"
            f"| streamstats time_window={asked.seconds}s count as events by {group}\n"
            f"| where events>={asked.at_least}\n"
            f"| stats max(events) as events min(_time) as first max(_time) as last by {group}"
        )
    parts = [
        f'[search {search} | eval kubearmor_step="{it.name}"]'
        for it, search in zip(rule.singles, searches, strict=True)
    ]
    first, last = rule.singles[0].name, rule.singles[-1].name
    return (
        f"| multisearch {' '.join(parts)}\n"
        f'| transaction {group} startswith=eval(kubearmor_step="{first}")'
        f' endswith=eval(kubearmor_step="{last}") maxspan={asked.seconds}s'
    )


def _of_delivery(search: Search) -> dict[str, str]:
    query = search.query.removeprefix("search ")
    common = {
        "description": search.about,
        "search": f"{EVENTS} {query}",
        "dispatch.earliest_time": "-24h@m" if search.name == "silent" else "-70m@m",
        "dispatch.latest_time": "now" if search.name == "silent" else "-10m@m",
    }
    if search.name not in _ALERTING:
        return common
    schedule = "*/10 * * * *" if search.name == "silent" else "20 * * * *"
    return {**common, "cron_schedule": schedule, **_alert("4")}
