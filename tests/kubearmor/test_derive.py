from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import raw_events

from cef_bridge.kubearmor.clock import WRAPPER_TIME
from cef_bridge.kubearmor.derive import derive, flatten
from cef_bridge.kubearmor.fields import DERIVED, RAW
from cef_bridge.kubearmor.numbers import whole

EXEC = {
    "Type": "ContainerLog",
    "ContainerID": "i",
    "Operation": "Process",
    "Data": "syscall=SYS_EXECVE",
    "HostPID": 41,
    "UID": 1000,
}


def fields(**event):
    return derive(event).fields


def spare(**event):
    return derive(event).spare


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        ("7", 7),
        (" -100 ", -100),
        (261.0, 261),
        ("1.89539e+06", 1895390),
        ("18446744073709551616", 2**64),
        (2**70, 2**70),
        (1.5, None),
        (float("nan"), None),
        (float("inf"), None),
        ("1e999", None),
        ("", None),
        ("seven", None),
        ("²", None),
        ("9" * 5000, None),
        (True, None),
        (None, None),
        ([7], None),
    ],
)
def test_an_integer_may_be_a_number_a_text_or_a_float(value, number):
    assert whole(value) == number


def test_integers_in_any_form_become_integers_and_others_stay():
    found = flatten({"PID": "7", "HostPID": 8.0, "UID": "x", "PPID": True, "Severity": "5"})
    assert found == {"PID": 7, "HostPID": 8, "UID": "x", "PPID": True, "Severity": "5"}
    assert type(found["HostPID"]) is int


def test_what_says_nothing_is_absent_and_zero_and_false_are_not_nothing():
    raw = {"Cwd": "", "TTY": None, "Owner": {}, "ATags": [], "UID": 0, "Odd": False}
    assert flatten(raw) == {"UID": 0, "Odd": False}


def test_maps_with_known_parts_are_flattened():
    raw = {"Owner": {"Name": "web", "Ref": ""}, "ExecEvent": {"ExecID": "0"}, "Nested": {"a": 1}}
    assert flatten(raw) == {"Owner.Name": "web", "ExecEvent.ExecID": "0", "Nested": {"a": 1}}


def test_a_map_that_is_a_text_is_kept():
    assert flatten({"Owner": "web", "EventData": "x"}) == {"Owner": "web", "EventData": "x"}
    assert "EventData" not in derive({"Type": "HostLog", "EventData": "x"}).spare


# UID


@pytest.mark.parametrize(
    ("event", "user"),
    [
        ({"HostPID": 41, "UID": 1000}, 1000),
        ({"HostPID": 41, "UID": 0}, 0),
        ({"HostPID": 41}, 0),  # an emitter before 1.0.1
        ({"HostPID": 41, "UID": None}, None),
        ({"ProcessName": "/bin/x", "UID": 0}, 0),
        ({"ProcessName": "/bin/x"}, None),
        ({"UID": 0}, None),  # firewall, USB, throttle
        ({"HostPID": 0, "UID": 0}, None),  # the same, by the sidekick
        ({"HostPID": 0}, None),
        ({}, None),
    ],
)
def test_a_user_id_of_zero_is_claimed_only_where_a_process_acted(event, user):
    assert fields(Type="HostLog", Operation="File", **event).get("user.id") == user


def test_a_uid_that_is_gos_zero_is_spare():
    assert "UID" in spare(Type="MatchedNetworkPolicy", Operation="NetworkFirewall", UID=0)
    assert "UID" not in spare(Type="HostLog", Operation="File", UID=0, HostPID=5)


# Pids


def test_container_pids_are_those_of_the_container_only():
    found = fields(**EXEC, PID=7, PPID=3, HostPPID=40)
    assert (found["container.pid"], found["container.ppid"]) == (7, 3)
    found = fields(Type="HostLog", Operation="File", PID=41, PPID=40, HostPID=41, HostPPID=40)
    assert "container.pid" not in found
    assert "container.ppid" not in found


@pytest.mark.parametrize("ppid", [0, 40])
def test_a_ppid_that_is_zero_or_the_hosts_is_no_container_ppid(ppid):
    event = {**EXEC, "PID": 7, "PPID": ppid, "HostPPID": 40}
    assert "container.ppid" not in fields(**event)
    assert "PPID" in spare(**event)


def test_a_pid_that_repeats_the_hosts_is_spare():
    assert "PID" in spare(Type="HostLog", HostPID=41, PID=41)
    assert "PID" not in spare(Type="ContainerLog", HostPID=41, PID=7)


# Tags


def tags(**event):
    found = fields(Type="MatchedPolicy", **event)
    return {path: found[path] for path in found if path.startswith("tags.")}


def test_tags_are_sorted_into_mitre_ones_and_others():
    text = "NIST,NIST_800-53_CM-7(4),MITRE,MITRE_T1036_masquerading,File Rules,T1565.001"
    assert tags(Tags=text, ATags=text.split(",")) == {
        "tags.mitre": "MITRE,MITRE_T1036_masquerading,T1565.001",
        "tags.other": "NIST,NIST_800-53_CM-7(4),File Rules",
        "tags.mitre_ids": "T1036,T1565.001",
    }


def test_a_list_of_tags_alone_is_as_good_as_the_text():
    event = {"ATags": ["NIST", "MITRE_T1036_masquerading"]}
    assert tags(**event) == tags(Tags="NIST,MITRE_T1036_masquerading")
    assert fields(Type="MatchedPolicy", **event)["Tags"] == "NIST,MITRE_T1036_masquerading"


def test_tags_are_kept_as_they_are_written_repetitions_too():
    text = "CIS-4.4,4.3,4.12,NIST-4.4,4.3,4.12,MITRE,MITRE"
    others, mitre = "CIS-4.4,4.3,4.12,NIST-4.4,4.3,4.12", "MITRE,MITRE"
    expected = {"tags.other": others, "tags.mitre": mitre}
    assert tags(Tags=text) == expected
    assert tags(ATags=text.split(",")) == expected
    assert tags(Tags=text, ATags=[*text.split(","), "CIS-4.4", "more"]) == {
        "tags.other": f"{others},more",
        "tags.mitre": mitre,
    }


def test_lower_cased_mitre_tags_have_ids_too():
    assert tags(Tags="mitre_t1036_masquerading")["tags.mitre_ids"] == "T1036"


@pytest.mark.parametrize("tag", ["FGT1555", "MITRE_T15520", "MITRE_TA0008_x", "T15", "MITRE_T١٠٣٦"])
def test_what_is_no_technique_has_no_id(tag):
    assert "tags.mitre_ids" not in tags(Tags=tag)


def test_ids_are_whole_and_thirty_two_characters_at_most():
    text = ",".join(f"MITRE_T{1000 + n}.{n:03d}_x" for n in range(9))
    assert tags(Tags=text)["tags.mitre_ids"] == "T1000.000,T1001.001,T1002.002"
    assert tags(Tags=text)["tags.mitre"] == text


@pytest.mark.parametrize("listed", [["null"], [""], []])
def test_the_tag_null_of_an_exporter_is_no_tag(listed):
    assert tags(ATags=listed) == {}


@pytest.mark.parametrize("odd", [5, 0, "NIST", {"a": 1}, [1, "NIST"], True])
def test_tags_of_a_wrong_shape_are_kept_as_they_are(odd):
    event = derive({"Type": "MatchedPolicy", "ATags": odd})
    assert event.fields.get("ATags", odd) == odd
    assert "ATags" not in event.spare or odd == []
    event = derive({"Type": "MatchedPolicy", "Tags": odd})
    if not isinstance(odd, str):
        assert "Tags" not in event.parts


# Image


@pytest.mark.parametrize(
    ("image", "repository", "tag", "digest"),
    [
        ("docker.io/library/nginx:1.25@sha256:0a", "docker.io/library/nginx", "1.25", "sha256:0a"),
        ("nginx:latestsha256:0a", "nginx", "latest", "sha256:0a"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b", "1", None),
        ("localhost:5000/a/b", "localhost:5000/a/b", None, None),
        ("localhost:5000/a/b@sha256:0a", "localhost:5000/a/b", None, "sha256:0a"),
        ("ubuntu", "ubuntu", None, None),
        ("sha256:0a", None, None, "sha256:0a"),
        ("a:", "a", None, None),
    ],
)
def test_an_image_splits_into_repository_tag_and_digest(image, repository, tag, digest):
    found = fields(Type="ContainerLog", ContainerImage=image)
    names = ("image.repository", "image.tag", "image.digest")
    assert tuple(found.get(name) for name in names) == (repository, tag, digest)


@pytest.mark.parametrize("image", ["a\nb", ":" * 100_000, "a" * 5000, 5, ["a"]])
def test_an_image_that_is_none_is_left_alone(image):
    found = fields(Type="ContainerLog", ContainerImage=image)
    assert found["ContainerImage"] == image


# Process, file, hashes


def test_the_path_of_an_exec_is_its_process_name_else_the_first_word():
    event = {**EXEC, "Resource": "/bin/my app -x", "ProcessName": "/bin/my app"}
    assert fields(**event)["process.path"] == fields(**event)["file.path"] == "/bin/my app"
    del event["ProcessName"]
    assert fields(**event)["process.path"] == "/bin/my"
    assert "process.path" not in fields(**{**EXEC, "Resource": "  "})


def test_a_comm_is_never_taken_for_a_path():
    assert "process.path" not in fields(**EXEC, ExecEvent={"ExecutableName": "runc:[2:INIT]"})


def test_a_hash_stands_beside_the_path_it_is_of():
    exec_ = {**EXEC, "ProcessName": "/bin/x", "ProcessHash": "aa"}
    assert fields(**exec_)["file.hash"] == "aa"
    assert fields(**exec_, ResourceHash="bb")["file.hash"] == "bb"
    file = {"Type": "HostLog", "Operation": "File", "Resource": "/etc/x", "ProcessHash": "aa"}
    assert "file.hash" not in fields(**file)
    assert fields(**file, ResourceHash="bb")["file.hash"] == "bb"


@pytest.mark.parametrize(
    ("data", "role"),
    [
        ("syscall=SYS_EXECVE", "executed"),
        ("syscall=SYS_PTRACE request=1 pid=2 process=/x", "tracer"),
    ],
)
def test_the_role_says_what_process_name_is(data, role):
    assert fields(**{**EXEC, "Data": data})["process.role"] == role


# Time


def test_the_time_holds_what_it_was_taken_from_and_nothing_else():
    time = "2026-03-03T09:00:00.000001Z"
    event = derive({"Type": "HostLog", "UpdatedTime": time, "Timestamp": 1772528400})
    assert event.fields["event.time"] == 1772528400000
    assert event.holds["event.time"] == ("UpdatedTime",)
    assert "Timestamp" in event.spare
    event = derive({"Type": "HostLog", "UpdatedTime": "?", "Timestamp": 1772528400})
    assert event.holds["event.time"] == ("Timestamp",)
    event = derive({"Type": "HostLog", "Timestamp": "?", WRAPPER_TIME: 5_000_000})
    assert event.fields["event.time"] == 5000
    assert "event.time" not in event.holds
    assert "event.time" not in fields(Type="HostLog", Timestamp=0)


# Spare


@pytest.mark.parametrize(
    ("event", "path", "expected"),
    [
        ({"Severity": "0"}, "Severity", True),
        ({"Severity": 0}, "Severity", True),
        ({"Severity": "10"}, "Severity", False),
        ({"ExecEvent": {"ExecID": "0"}}, "ExecEvent.ExecID", True),
        ({"ExecEvent": {"ExecID": "5"}}, "ExecEvent.ExecID", False),
        ({"Owner": {"Namespace": "n"}, "NamespaceName": "n"}, "Owner.Namespace", True),
        ({"Owner": {"Namespace": "m"}, "NamespaceName": "n"}, "Owner.Namespace", False),
        ({"Source": "/bin/sh", "ParentProcessName": "/bin/sh"}, "Source", True),
        ({"Source": "/bin/sh -c x", "ParentProcessName": "/bin/sh"}, "Source", False),
    ],
)
def test_a_field_is_spare_only_when_it_says_nothing_of_its_own(event, path, expected):
    assert (path in derive({**EXEC, **event}).spare) is expected


def test_a_resource_that_a_token_repeats_is_spare():
    base = {"Type": "MatchedPolicy", "Action": "Block"}
    assert "Resource" in spare(
        **base, Operation="Capabilities", Data="lsm=CAPABLE CAP_KILL", Resource="CAP_KILL"
    )
    assert "Resource" in spare(
        **base, Operation="Network", Data="lsm=SOCKET_SENDMSG domain=a.b", Resource="a.b"
    )
    assert "Resource" not in spare(
        **base, Operation="Network", Data="lsm=SOCKET_CREATE HOPOPT", Resource="HOPOPT"
    )


# Properties


def test_every_derived_field_has_a_row_in_the_table():
    internal = {"event.time_us"}
    for name in ("seed.ndjson", "kinds.ndjson"):
        for raw in raw_events(name):
            for path in derive(raw).fields:
                known = path in RAW or path in DERIVED or path.startswith(("data.", "EventData."))
                assert known or path in internal or path in raw, path


def test_derive_does_not_change_the_event_it_is_given():
    for raw in raw_events("kinds.ndjson"):
        before = json.dumps(raw)
        assert derive(raw) == derive(raw)
        assert json.dumps(raw) == before


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
names = st.sampled_from(sorted({path.partition(".")[0] for path in RAW} | {"EventData"}))
heads = st.sampled_from(
    ["syscall=SYS_MOUNT source=", "kfunc=UDP_SENDMSG domain=", "lsm=CAPABLE ", "SourceIP=", ""]
)


@given(st.dictionaries(names | st.text(max_size=5), json_values, max_size=8), heads, st.text())
def test_nothing_that_json_can_say_is_a_fault(event, head, rest):
    found = derive({"Type": "MatchedPolicy", "Operation": "Network", "Data": head + rest, **event})
    assert found.fields["event.id"]
    assert found.kind.class_id == found.fields["event.class_id"]


@given(st.dictionaries(names, st.text(max_size=12), max_size=8))
def test_every_raw_field_with_a_value_is_still_there(event):
    found = derive(event).fields
    for name, value in event.items():
        if value:
            assert name in found
