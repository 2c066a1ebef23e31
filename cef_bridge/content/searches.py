"""Searches that prove delivery: is anything missing, is anything there twice, is the sensor silent.

In comes a SIEM behind a mapping, out come queries in its language. The names of fields are found
as those of rules are; each query has a twin in SQL, which is the one that can be run here. Must not
know how that is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content import acts
from cef_bridge.content.fieldmap import CLASS_ID, FieldMap
from cef_bridge.content.pipeline import parse_kv
from cef_bridge.errors import CefBridgeError

if TYPE_CHECKING:
    from cef_bridge.content.receivers import SiemStore

_QUEUE, _NUMBER = "probe0a1", 4711003


class Search(NamedTuple):
    """A query: what it answers, and the text in the SIEM's language."""

    name: str
    about: str
    query: str


class DeliveryFields(NamedTuple):
    """The SIEM's fields that the searches ask; `made`: those that somebody has to make first."""

    class_id: str
    event_id: str
    queue: str
    number: str
    made: tuple[str, ...]


ABOUT = {
    "missing": "Numbers of a queue that are not stored. Needs envelope.sequence.",
    "duplicates": "Events that are stored more than once.",
    "silent": "Forwarders without a heartbeat for ten minutes. Needs the setting heartbeat.",
    "lag": "Seconds from an event to its storage.",
}
"""What each search answers."""

SQL = {
    "missing": (
        "SELECT {queue}, MAX(CAST({number} AS INTEGER)) - MIN(CAST({number} AS INTEGER)) + 1"
        " - COUNT(DISTINCT {number}) AS missing FROM events WHERE {number} IS NOT NULL"
        " GROUP BY {queue} HAVING missing > 0"
    ),
    "duplicates": (
        "SELECT {event_id}, COUNT(*) AS copies FROM events WHERE {event_id} IS NOT NULL"
        " GROUP BY {event_id} HAVING copies > 1"
    ),
    "silent": (
        "SELECT 1 WHERE NOT EXISTS (SELECT * FROM events WHERE {class_id}"
        " LIKE '%.system.heartbeat.%' AND event_time > :since)"
    ),
    "lag": (
        "SELECT AVG(lag) AS average, MAX(lag) AS most FROM (SELECT"
        " (JULIANDAY(stored_time) - JULIANDAY(event_time)) * 86400 AS lag"
        " FROM events WHERE {class_id} IS NOT NULL)"
    ),
}
"""The same in SQL, over a table `events` of the SIEM's fields, with its time of the event and the
time at which it was stored."""

EVENT_TIMES = {
    "splunk": "_time",
    "sentinel": "StartTime",
    "elastic": "@timestamp",
    "qradar": "devicetime",
}
"""What each SIEM has of the event's own time, which `lag` begins at."""

_SPL = {
    "missing": (
        "search {number}=* | stats min({number}) as low, max({number}) as high, "
        "dc({number}) as stored by {queue}\n"
        "| eval missing=high-low+1-stored | where missing>0"
    ),
    "duplicates": "search {event_id}=* | stats count as copies by {event_id} | where copies>1",
    "silent": (
        'search {class_id}="*.system.heartbeat.*" | stats max(_time) as last by host\n'
        "| where last<now()-600"
    ),
    "lag": (
        "search {class_id}=* | eval lag=_indextime-_time\n"
        "| timechart span=5m median(lag) as median, perc99(lag) as p99, max(lag) as most"
    ),
}
_KQL = {
    "missing": (
        "{table}| where isnotempty({number}) | extend Number = tolong({number})\n"
        "| summarize Low = min(Number), High = max(Number), Stored = count_distinct(Number)"
        " by {queue}\n"
        "| extend Missing = High - Low + 1 - Stored | where Missing > 0"
    ),
    "duplicates": (
        "{table}| where isnotempty({event_id})\n"
        "| summarize Copies = count() by {event_id} | where Copies > 1"
    ),
    "silent": (
        '{table}| where {class_id} contains ".system.heartbeat."\n'
        "| summarize Last = max(TimeGenerated) by Computer | where Last < ago(10m)"
    ),
    "lag": (
        "{table}| extend Lag = datetime_diff('second', ingestion_time(), StartTime)\n"
        "| summarize percentiles(Lag, 50, 99), max(Lag) by bin(TimeGenerated, 5m)"
    ),
}
_ESQL = {
    "missing": (
        "FROM logs-cef.log-* | WHERE {number} IS NOT NULL\n"
        "| EVAL number = TO_LONG({number})\n"
        "| STATS low = MIN(number), high = MAX(number), stored = COUNT_DISTINCT(number, 40000)"
        " BY {queue}\n"
        "| EVAL missing = high - low + 1 - stored | WHERE missing > 0"
    ),
    "duplicates": (
        "FROM logs-cef.log-* | STATS copies = COUNT(*) BY {event_id} | WHERE copies > 1"
    ),
    "silent": (
        'FROM logs-cef.log-* | WHERE {class_id} LIKE "*.system.heartbeat.*"\n'
        "| STATS last = MAX(@timestamp) BY observer.hostname\n"
        "| WHERE last < NOW() - 10 minutes"
    ),
    "lag": (
        'FROM logs-cef.log-* | EVAL lag = DATE_DIFF("second", @timestamp, event.ingested)\n'
        "| STATS median = MEDIAN(lag), p99 = PERCENTILE(lag, 99), most = MAX(lag)"
        " BY bucket = DATE_TRUNC(5 minutes, @timestamp)"
    ),
}
_AQL = {
    "missing": (
        "SELECT {queue}, MIN({number}) AS low, MAX({number}) AS high,\n"
        "  UNIQUECOUNT({number}) AS stored, MAX({number}) - MIN({number}) + 1"
        " - UNIQUECOUNT({number}) AS missing\n"
        "FROM events WHERE {number} > 0 GROUP BY {queue} HAVING missing > 0 LAST 1 HOURS"
    ),
    "duplicates": (
        "SELECT {event_id}, COUNT(*) AS copies FROM events WHERE {event_id} IS NOT NULL\n"
        "GROUP BY {event_id} HAVING copies > 1 LAST 1 HOURS"
    ),
    "silent": (
        "SELECT COUNT(*) AS heartbeats FROM events\n"
        "WHERE {class_id} ILIKE '%.system.heartbeat.%' LAST 10 MINUTES"
    ),
    "lag": (
        "SELECT AVG((starttime - devicetime) / 1000) AS average,"
        " MAX((starttime - devicetime) / 1000) AS most\n"
        "FROM events WHERE {class_id} ILIKE 'alert.%' LAST 1 HOURS"
    ),
}
LANGUAGES = {"splunk": _SPL, "sentinel": _KQL, "elastic": _ESQL, "qradar": _AQL}
"""The SIEMs that have a language of queries here, and their queries."""


def fields_of(store: SiemStore) -> DeliveryFields:
    """Return the SIEM's fields that the searches ask. CefBridgeError names one that is missing."""
    fields = FieldMap(store)
    every = tuple(acts.KINDS)
    found = {path: fields.place(path, every) for path in (CLASS_ID, "event.id")}
    for path, place in found.items():
        if not place.names:
            raise CefBridgeError(f"{path} is missing: {place.why}.")
    row = store.numbered_row(acts.probes("exec")[0], _QUEUE, _NUMBER)
    names = {value: name for name, value in reversed(row.fields.items())}
    class_id, event_id = (place.names[0] for place in found.values())
    queue, number = names.get(_QUEUE, ""), names.get(str(_NUMBER), "")
    if not queue or not number:
        raise CefBridgeError(f"{store.siem.title} has no field for KubeArmorQueue, KubeArmorSeq.")
    made = [name for place in found.values() for name in place.made]
    made += [name for name in (queue, number) if name in row.made]
    return DeliveryFields(class_id, event_id, queue, number, tuple(made))


def searches(store: SiemStore) -> tuple[list[Search], tuple[str, ...]]:
    """Return the searches for a SIEM, and the fields that somebody has to make there first."""
    fields = fields_of(store)
    siem = store.siem
    names = fields._asdict()
    if siem.name in ("elastic", "qradar"):
        quote = '"' if siem.name == "qradar" else "`"
        asked = [name for name, value in names.items() if isinstance(value, str)]
        names |= {name: f"{quote}{names[name]}{quote}" for name in asked}
    if siem.made_by_query:
        names["table"] = "CommonSecurityLog\n" + (parse_kv(fields.made) if fields.made else "")
    texts = LANGUAGES[siem.name]
    found = [Search(name, about, texts[name].format(**names)) for name, about in ABOUT.items()]
    return found, () if siem.made_by_query else fields.made
