"""`cef-bridge mapping diff` as an operator and a CI run it."""

from __future__ import annotations

import json

import pytest
from running import Said, event, mapping

EVENTS = b"\n".join(event(number) for number in range(300))


def diff(*words: object, stdin: bytes = EVENTS) -> Said:
    return mapping("diff", *words, stdin=stdin)


@pytest.fixture
def acme(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(
        "mapping: acme\nextends: splunk\ncluster: prod\n"
        "extension:\n  cs2: null\n  KubeArmorTeam: {value: blue}\n"
        "severity: [{value: 4}]\n"
        "drop_events: [{event.kind: log, Resource: '/srv/file-7'}]\n"
    )
    return path


def test_two_mappings_that_write_the_same_end_with_0():
    done = diff("splunk", "splunk")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "splunk → splunk: 300 lines equal, 0 different"


def test_what_differs_is_told_and_ends_with_3(acme):
    done = diff("splunk", acme)
    assert done.returncode == 3
    lines = done.stdout.splitlines()
    assert lines[0] == (f"splunk → {acme}: 0 lines equal, 299 different, 1 filtered by {acme} only")
    rows = [line.split()[:3] for line in lines]
    assert ["KubeArmorTeam", "gained", "299"] in rows
    assert ["cs2", "lost", "299"] in rows
    assert ["cs6", "changed", "299"] in rows
    assert ["1", "4", "299"] in rows
    assert sum(line.startswith(("- <", "+ <")) for line in lines) >= 2


def test_the_document_adds_up(acme):
    done = diff("splunk", acme, "--json", "--samples", "1", "--events-per-day", "1000")
    told = json.loads(done.stdout)
    assert told["events"] == {
        "same": 0,
        "different": 299,
        "filtered": 0,
        "only_old": 1,
        "only_new": 0,
    }
    assert {"key": "cs6", "change": "changed", "events": 299}.items() <= next(
        it for it in told["keys"] if it["key"] == "cs6"
    ).items()
    assert told["severities"] == [{"old": "1", "new": "4", "events": 299}]
    size = told["bytes"]
    assert size["growth_per_day"] == round((size["new"] - size["old"]) / 300 * 1000)
    assert size["growth_per_event"] == pytest.approx(
        size["new_per_event"] - size["old_per_event"], abs=0.02
    )
    assert len(told["samples"]) == 1
    assert told["samples"][0]["old"] != told["samples"][0]["new"]


def test_a_day_is_guessed_from_the_time_between_the_events(acme):
    told = json.loads(diff("splunk", acme, "--json").stdout)
    assert told["bytes"]["events_per_day"] == pytest.approx(300 / 299 * 86400, rel=0.01)
    few = b"\n".join(event(number) for number in range(10))
    done = diff("splunk", acme, stdin=few)
    assert "say how many events a day has: --events-per-day" in done.stdout


def test_envelopes_that_differ_are_told():
    done = diff("splunk", "sentinel")
    assert done.returncode == 3
    assert "\nsyslog_header  rfc5424          rfc3164\n" in done.stdout
    assert "\nleading_key    KubeArmorFormat\n" in done.stdout


def test_a_host_name_of_another_field_is_told(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        "mapping: own\nextends: splunk\nenvelope: {hostname: {from: [cluster, HostName]}}\n"
    )
    lines = diff("splunk", path, "--samples", 0).stdout.splitlines()
    at = lines.index("Settings of the envelope:")
    assert lines[at + 2].split(None, 1) == [
        "hostname",
        "{from: HostName}  {from: [cluster, HostName]}",
    ]


def test_wrong_use_is_told():
    assert diff("splunk").returncode == 2
    assert diff("splunk", "splnuk").stderr.count('Did you mean "splunk"?') == 1
    assert diff("splunk", "elastic", "no/such").returncode == 2
    assert diff("splunk", "elastic", stdin=b"").returncode == 1
