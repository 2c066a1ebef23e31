"""The event id and the act key; the vectors of docs/event-id.md are checked against the code."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import raw_events

from cef_bridge.kubearmor.classes import catalogue
from cef_bridge.kubearmor.decode import EventDecoder
from cef_bridge.kubearmor.derive import derive
from cef_bridge.kubearmor.identity import ID_FIELDS, event_id, id_text, stable_resource

FOLDER = Path(__file__).parents[2] / "docs"
DOCS = (FOLDER / "event-id.md").read_text()
CLASSES = (FOLDER / "class-ids.md").read_text()
ROW = re.compile(
    r"^\| `(\w+\.ndjson)` line (\d+)(?:, `([^`]*)`)? \| `([^`]+)` \| `([0-9a-f]{40})` \|$",
    re.MULTILINE,
)
VECTORS = ROW.findall(DOCS)


def test_the_documentation_has_test_vectors():
    assert len(VECTORS) >= 6


@pytest.mark.parametrize(("name", "line", "origin", "text", "expected"), VECTORS)
def test_the_published_vectors_hold(name, line, origin, text, expected):
    hashed = text.replace("␟", "\x1f").encode()
    assert hashlib.sha1(hashed, usedforsecurity=False).hexdigest() == expected
    raw = raw_events(name)[int(line) - 1]
    event = derive(raw, origin=origin.replace("␟", "\x1f"))
    assert event.fields["event.id"] == expected


def test_the_documentation_names_the_fields_of_the_id_in_their_order():
    assert ", ".join(ID_FIELDS) in re.sub(r"\s+", " ", DOCS)


def test_the_documentation_lists_every_operation_with_its_verbs():
    rows = dict(re.findall(r"^\| (\w+) \| ([a-z, ]+) \|$", CLASSES, re.MULTILINE))
    published: dict[str, set[str]] = {}
    for row in catalogue():
        _, _, operation, verb, _ = row.class_id.split(".")
        published.setdefault(operation, set()).add(verb)
    assert {name: set(verbs.split(", ")) for name, verbs in rows.items()} == published


EVENT = {
    "ClusterName": "c",
    "HostName": "h",
    "ContainerID": "i",
    "UpdatedTime": "2026-03-03T09:00:00.000001Z",
    "HostPID": 7,
    "PID": 8,
    "Type": "ContainerLog",
    "Operation": "Network",
    "Resource": "sa_family=AF_INET sin_port=443 sin_addr=192.0.2.4",
    "Data": "syscall=SYS_CONNECT fd=3",
    "Result": "Passed",
}


@pytest.mark.parametrize("value", [7, "7", 7.0])
def test_a_pid_is_the_same_as_number_text_or_double(value):
    assert event_id({**EVENT, "HostPID": value}) == event_id(EVENT)


def test_absent_null_and_empty_are_the_same():
    assert event_id({**EVENT, "PolicyName": None}) == event_id({**EVENT, "PolicyName": ""})
    assert event_id({**EVENT, "PolicyName": None}) == event_id(EVENT)


@pytest.mark.parametrize(
    "tokens",
    list(itertools.permutations(["sa_family=AF_INET", "sin_port=443", "sin_addr=192.0.2.4"])),
)
def test_the_order_of_socket_tokens_does_not_matter(tokens):
    assert event_id({**EVENT, "Resource": " ".join(tokens)}) == event_id(EVENT)


def test_the_remote_host_that_the_relay_appends_does_not_matter():
    tcp = {**EVENT, "Data": "kprobe=tcp_connect domain=AF_INET"}
    tcp["Resource"] = "remoteip=192.0.2.4 port=443 protocol=TCP"
    named = {**tcp, "Resource": f"{tcp['Resource']} remotehost=svc/shop/db"}
    assert event_id(named) == event_id(tcp)


def test_a_command_line_with_remotehost_in_it_counts_whole():
    exec_ = {**EVENT, "Operation": "Process", "Resource": "remoteip=1 /bin/x remotehost=a"}
    assert event_id(exec_) != event_id({**exec_, "Resource": "remoteip=1 /bin/x remotehost=b"})


def test_an_event_without_updated_time_is_told_apart_by_its_place():
    bare = {"ClusterName": "c", "HostName": "h", "Timestamp": 1692813948}
    one = derive(bare, origin="relay.log\x1f0").fields["event.id"]
    two = derive(bare, origin="relay.log\x1f80").fields["event.id"]
    assert one != two
    assert derive(EVENT, origin="a").fields["event.id"] == derive(EVENT).fields["event.id"]


def test_an_assumed_time_does_not_change_the_id():
    bare = {"ClusterName": "c", "HostName": "h"}
    event = derive(bare, origin="f\x1f0", assumed_time=1_000_000)
    assert event.fields["event.time"] == 1000
    assert event.fields["event.id"] == derive(bare, origin="f\x1f0").fields["event.id"]


@pytest.mark.parametrize("field", ID_FIELDS)
def test_each_field_of_the_recipe_counts(field):
    assert event_id({**EVENT, field: "other"}) != event_id(EVENT)


@given(st.dictionaries(st.sampled_from(ID_FIELDS), st.text() | st.integers() | st.floats()))
def test_every_event_has_an_id_of_forty_hex_digits(event):
    assert re.fullmatch("[0-9a-f]{40}", event_id(event))


@given(st.text(alphabet=" =safmily_nuphotdrAFUNIX/\x1f", max_size=60))
def test_the_stable_resource_stays_as_it_is(text):
    assert stable_resource(stable_resource(text)) == stable_resource(text)


def test_two_paths_of_unix_sockets_never_share_an_id():
    one = {**EVENT, "Resource": "sa_family=AF_UNIX sun_path=/a remotehost=x"}
    assert event_id(one) != event_id({**one, "Resource": "sa_family=AF_UNIX sun_path=/a"})


def test_odd_values_have_a_text_in_the_recipe_too():
    assert [id_text(value) for value in (True, 1.5, ["a"], {"b": 1}, 2**70, -0.0)] == [
        "true",
        "1.5",
        '["a"]',
        '{"b":1}',
        "1180591620717411303424",
        "0",
    ]


# The act key


def act_key(event):
    return derive(event).fields.get("event.act_key")


TWIN = {"ClusterName": "c", "HostName": "h", "ContainerID": "i", "HostPID": 7, "PID": 8, "UID": 0}
ALERT = {
    **TWIN,
    "UpdatedTime": "2026-03-03T09:00:00.000001Z",
    "Type": "MatchedPolicy",
    "Action": "Block",
    "Result": "Permission denied",
}
LOG = {
    **TWIN,
    "UpdatedTime": "2026-03-03T09:00:00.000900Z",
    "Type": "ContainerLog",
    "Result": "Permission denied",
}


# sha1 of h, i, 7, file, /etc/shadow
def test_the_alert_of_the_enforcer_and_the_log_of_the_monitor_share_a_key():
    file = {"Operation": "File", "Resource": "/etc/shadow"}
    alert = {**ALERT, **file, "Data": "lsm=FILE_OPEN"}
    log = {**LOG, **file, "Data": "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY"}
    assert act_key(alert) == act_key(log) == "9e3cef5c097f"
    exec_ = {"Operation": "Process", "ProcessName": "/bin/sh", "Resource": "/bin/sh -c id"}
    alert = {**ALERT, **exec_, "Data": "lsm=SECURITY_BPRM_CHECK"}
    log = {**LOG, **exec_, "Data": "syscall=SYS_EXECVE"}
    assert act_key(alert) == act_key(log) != act_key({**log, "HostPID": 9})


def test_the_two_pushes_of_an_audited_system_call_share_a_key():
    data = {"Resource": "/srv/x", "Data": "syscall=SYS_RMDIR", "Action": "Audit"}
    once = act_key({**ALERT, **data, "Operation": "File"})
    assert once == act_key({**ALERT, **data, "Operation": "Syscall"})
    assert once is not None


def test_acts_without_a_path_have_no_key():
    assert act_key(EVENT) is None
    assert act_key({**LOG, "Operation": "Syscall", "Data": "syscall=SYS_SETUID userid=0"}) is None


def test_invalid_text_has_an_id_too():
    (found,) = EventDecoder().decode(json.dumps({**EVENT, "Data": "\ud800"}).encode())
    assert re.fullmatch("[0-9a-f]{40}", event_id(found.fields))
