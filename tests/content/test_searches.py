"""Searches that prove delivery: their logic by SQL over what each SIEM's parser extracts."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime, timedelta

import commands
import pytest
from commands import COMMAND

from cef_bridge.content import acts
from cef_bridge.content.receivers import receivers
from cef_bridge.content.searches import (
    ABOUT,
    EVENT_TIMES,
    LANGUAGES,
    SQL,
    fields_of,
    searches,
)
from cef_bridge.kubearmor import internal
from cef_bridge.siems.simulators import SIMULATORS

NOON = 1770811200


@pytest.fixture(scope="module")
def stores():
    return {it.siem.name: it for it in receivers()}


def events(count):
    """Return the rows of so many events: number, queue, event, all of other times."""
    probe = acts.probes("exec")[0]
    return [
        (number, "0a1b2c3d", probe | {"UpdatedTime": f"2026-02-11T08:{number // 60:02}:{number % 60:02}.5Z"})
        for number in range(1, count + 1)
    ]  # fmt: skip


def asked(store, rows, name, **values):
    """Return what a search finds among numbered events that a SIEM has stored."""
    fields = fields_of(store)
    columns = dict.fromkeys(fields[:4])
    database = sqlite3.connect(":memory:")
    wanted = ", ".join(f'"{column}"' for column in columns)
    database.execute(f"CREATE TABLE events ({wanted}, event_time)")
    for number, queue, event in rows:
        stored = store.numbered_row(event, queue, number).fields
        marks = ", ".join("?" * (len(columns) + 1))
        row = [*(stored.get(column) for column in columns), event["UpdatedTime"]]
        database.execute(f"INSERT INTO events VALUES ({marks})", row)  # noqa: S608
    names = {key: f'"{text}"' for key, text in fields._asdict().items() if isinstance(text, str)}
    found = database.execute(SQL[name].format(**names), values).fetchall()
    database.close()
    return found


@pytest.mark.parametrize("siem", SIMULATORS)
def test_what_is_missing_is_found_by_the_numbers(stores, siem):
    rows = events(150)
    assert asked(stores[siem], rows, "missing") == []
    lost = [row for row in rows if row[0] not in (17, 99, 100)]
    assert asked(stores[siem], lost, "missing") == [("0a1b2c3d", 3)]
    # Alerts overtake telemetry, and two queues have numbers of their own.
    other = [(number, "ffffffff", event) for number, _, event in rows[::-1]]
    assert asked(stores[siem], rows + other, "missing") == []


@pytest.mark.parametrize("siem", SIMULATORS)
def test_what_is_stored_twice_is_found_by_the_event_id(stores, siem):
    rows = events(12)
    assert asked(stores[siem], rows, "duplicates") == []
    (found,) = asked(stores[siem], [*rows, rows[4]], "duplicates")
    assert found[1] == 2
    # Sent again and numbered again, by a queue that was made anew
    (found,) = asked(stores[siem], [*rows, (1, "ffffffff", rows[4][2])], "duplicates")
    assert found[1] == 2


@pytest.mark.parametrize("siem", SIMULATORS)
def test_a_silent_forwarder_is_found(stores, siem):
    beats = [
        (number, "0a1b2c3d", internal.heartbeat("forwarder", NOON + 60 * number, {"HighestSeq": 7}))
        for number in range(3)
    ]
    assert asked(stores[siem], beats, "silent", since="2026-02-11T12:01:30Z") == []
    assert asked(stores[siem], beats[:1], "silent", since="2026-02-11T12:01:30Z") == [(1,)]
    assert asked(stores[siem], events(5), "silent", since="2026-01-01T00:00:00Z") == [(1,)]


def event_time(siem, line):
    """Return the time that a SIEM takes for the event's, where its query looks for it."""
    reading = SIMULATORS[siem].read(line)
    field = EVENT_TIMES[siem]
    found = next((it.value for it in reading.fields if it.name == field), reading.time.value)
    return datetime.fromisoformat(found)


DELAYS = (0.4, 2.5, 61, 3600)


def late(store, siem):
    """Return class id, event's time and time of storage of events that come late, each by so much."""
    rows = []
    for number, delay in enumerate(DELAYS):
        moment = datetime(2026, 2, 11, 8, number, 30, 250_000, tzinfo=UTC)
        text = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        event = acts.probes("exec")[0] | {"UpdatedTime": text}
        class_id = store.row(event).fields[fields_of(store).class_id]
        stored = moment + timedelta(seconds=delay)
        rows.append((class_id, event_time(siem, store.message(event)), stored))
    return rows


@pytest.mark.parametrize("siem", LANGUAGES)
def test_the_lag_is_that_between_the_events_time_and_its_storage(stores, siem):
    rows = late(stores[siem], siem)
    database = sqlite3.connect(":memory:")
    database.execute('CREATE TABLE events ("id", event_time, stored_time)')
    for class_id, begin, end in rows:
        database.execute(
            "INSERT INTO events VALUES (?, ?, ?)", (class_id, begin.isoformat(), end.isoformat())
        )
    ((average, most),) = database.execute(SQL["lag"].format(class_id='"id"')).fetchall()
    database.close()
    assert average == pytest.approx(sum(DELAYS) / len(DELAYS), abs=0.02)
    assert most == pytest.approx(max(DELAYS), abs=0.02)


LAGS = {
    "splunk": (r"eval lag=(\S+)", {"_indextime": "stored", "_time": "event"}),
    "sentinel": (
        r"extend Lag = (.+)",
        {"ingestion_time()": "stored", "StartTime": "event"},
    ),
    "elastic": (r"EVAL lag = (.+)", {"event.ingested": "stored", "@timestamp": "event"}),
    "qradar": (r"MAX\((.+)\) AS most", {"starttime": "stored", "devicetime": "event"}),
}
"""Where the query of a SIEM says the lag, and what its words mean."""


@pytest.mark.parametrize("siem", LANGUAGES)
def test_the_lag_in_the_query_is_in_seconds_and_not_negative(stores, siem):
    """The expression is taken from the query and run: the SIEM's functions are as its documents say."""
    found, _ = searches(stores[siem])
    (query,) = [it.query for it in found if it.name == "lag"]
    pattern, words = LAGS[siem]
    expression = re.search(pattern, query)[1]
    assert EVENT_TIMES[siem] in words
    for word, name in words.items():
        assert word in expression
        expression = expression.replace(word, name)
    unit = 1000 if siem == "qradar" else 1  # QRadar's times are milliseconds
    for delay, (_, begin, end) in zip(DELAYS, late(stores[siem], siem), strict=True):
        lag = eval(  # noqa: S307 - our own query, in which only these names are known
            expression,
            {"__builtins__": {}},
            {
                "stored": end.timestamp() * unit,
                "event": begin.timestamp() * unit,
                "datetime_diff": lambda _, first, second: first - second,  # KQL: first minus second
                "DATE_DIFF": lambda _, first, second: second - first,  # ES|QL: from first to second
            },
        )
        assert lag == pytest.approx(delay, abs=0.02)


@pytest.mark.parametrize("siem", LANGUAGES)
def test_each_search_is_written_with_the_fields_of_the_siem(stores, siem):
    found, made = searches(stores[siem])
    fields = fields_of(stores[siem])
    assert [it.name for it in found] == list(ABOUT)
    text = {it.name: it.query for it in found}
    assert fields.number in text["missing"]
    assert fields.queue in text["missing"]
    assert fields.event_id in text["duplicates"]
    assert fields.class_id in text["silent"]
    assert not any("{" in query for query in text.values())
    assert bool(made) == (siem == "qradar")


def test_a_mapping_without_an_event_id_is_told(tmp_path):
    (tmp_path / "acme.yaml").write_text(
        "mapping: acme\nextends: splunk\nextension: {externalId: null}\n", encoding="utf-8"
    )
    words = [COMMAND, "content", "searches", "--for", "splunk", "-m", "acme.yaml"]
    done = commands.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    said = "cef-bridge: event.id is missing: the mapping acme writes it to no key.\n"
    assert done.stderr == said
