from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.kubearmor.activity import call_of
from cef_bridge.kubearmor.classes import catalogue, classify


def class_id(event, data=None):
    return classify(event, *call_of(event.get("Data", "") if data is None else data)).class_id


def alert(action, result, **fields):
    return {
        "Type": "MatchedPolicy",
        "PodName": "p",
        "Operation": "Process",
        "Data": "syscall=SYS_EXECVE",
        **({"Action": action} if action is not None else {}),
        **({"Result": result} if result is not None else {}),
        **fields,
    }


# Action, Result -> disposition of an alert; what contradicts itself was seen in real events.
@pytest.mark.parametrize(
    ("action", "result", "disposition"),
    [
        ("Block", "Permission denied", "block"),
        ("Block", "Operation not permitted", "block"),
        ("Block", "Unknown error", "block"),
        ("Block", None, "block"),
        ("Block", "Passed", "unblocked"),
        ("block", "passed", "unblocked"),
        ("Audit", "Passed", "audit"),
        ("Audit", "Permission denied", "audit"),
        ("Audit (Block)", "Passed", "audit"),
        ("Audit (Allow)", "Passed", "audit"),
        ("Allow", "Passed", "allow"),
        ("Allow", "Permission denied", "block"),
        ("allow", "operation not permitted", "block"),
        ("Remove", "Removed", "allow"),
        (None, "Permission denied", "block"),
        (None, "Operation not permitted", "block"),
        (None, "Passed", "matched"),
        (None, "No such file or directory", "matched"),
        (None, None, "matched"),
        ("", "Passed", "matched"),
        ("Quarantine", "Passed", "matched"),
        ("Quarantine", "Permission denied", "matched"),
    ],
)
def test_an_alert_is_what_action_and_result_say_together(action, result, disposition):
    assert class_id(alert(action, result)) == f"alert.container.process.exec.{disposition}"


@pytest.mark.parametrize(
    ("result", "disposition"),
    [
        ("Passed", "passed"),
        ("passed", "passed"),
        (None, "passed"),
        ("", "passed"),
        ("Permission denied", "denied"),
        ("operation not permitted", "denied"),
        ("No such file or directory", "failed"),
        ("Operation now in progress", "failed"),
        ("Unknown error", "failed"),
    ],
)
def test_a_log_is_what_its_result_says(result, disposition):
    log = alert(None, result, Type="ContainerLog")
    assert class_id(log) == f"log.container.process.exec.{disposition}"


# Operation, Data -> operation.verb
@pytest.mark.parametrize(
    ("operation", "data", "expected"),
    [
        ("Process", "syscall=SYS_EXECVE", "process.exec"),
        ("Process", "syscall=SYS_EXECVEAT fd=5 flag=0", "process.exec"),
        ("Process", "lsm=SECURITY_BPRM_CHECK", "process.exec"),
        ("Process", "", "process.exec"),
        ("Process", "syscall=SYS_PTRACE request=1 pid=2 process=/x", "process.ptrace"),
        ("Process", "syscall=SYS_CLONE3", "process.other"),
        ("process", "syscall=sys_execve", "process.exec"),
        ("File", "syscall=SYS_OPEN flags=O_RDONLY", "file.read"),
        ("File", "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY|O_CLOEXEC", "file.read"),
        ("File", "syscall=SYS_OPENAT fd=-100 flags=O_WRONLY", "file.write"),
        ("File", "syscall=SYS_OPENAT fd=-100 flags=O_RDWR|O_APPEND", "file.write"),
        ("File", "syscall=SYS_OPENAT fd=-100 flags=O_WRONLY|O_CREAT", "file.create"),
        ("File", "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY|O_CREAT", "file.create"),
        ("File", "syscall=SYS_OPENAT fd=-100 flags=", "file.open"),
        ("file", "syscall=sys_openat fd=-100 flags=o_rdonly", "file.read"),
        ("File", "lsm=FILE_OPEN", "file.open"),
        ("File", "lsm=FILE_PERMISSION", "file.open"),
        ("File", "lsm=FILE_TRUNCATE", "file.write"),
        ("File", "lsm=FILE_MKNOD", "file.create"),
        ("File", "lsm=FILE_MKDIR", "file.create"),
        ("File", "lsm=FILE_RMDIR", "file.delete"),
        ("File", "lsm=FILE_UNLINK", "file.delete"),
        ("File", "syscall=SYS_UNLINK", "file.delete"),
        ("File", "syscall=SYS_UNLINKAT flags=", "file.delete"),
        ("File", "syscall=SYS_RMDIR", "file.delete"),
        ("File", "lsm=FILE_RENAME", "file.rename"),
        ("File", "lsm=FILE_LINK", "file.link"),
        ("File", "lsm=FILE_SYMLINK", "file.link"),
        ("File", "lsm=FILE_CHMOD", "file.attr"),
        ("File", "syscall=SYS_CHOWN userid=0 group=0", "file.attr"),
        ("File", "syscall=SYS_FCHOWNAT userid=0 group=0 mode=0", "file.attr"),
        ("File", "syscall=SYS_CLOSE fd=3", "file.other"),
        ("File", "", "file.other"),
        ("Network", "syscall=SYS_SOCKET", "network.socket"),
        ("Network", "lsm=SOCKET_CREATE type=SOCK_RAW", "network.socket"),
        ("Network", "syscall=SYS_CONNECT fd=3", "network.connect"),
        ("Network", "kprobe=tcp_connect domain=AF_INET", "network.connect"),
        ("Network", "lsm=SOCKET_CONNECT protocol=TCP type=SOCK_STREAM", "network.connect"),
        ("Network", "syscall=SYS_BIND fd=3", "network.bind"),
        ("Network", "syscall=SYS_LISTEN fd=3", "network.listen"),
        ("Network", "syscall=SYS_ACCEPT fd=3", "network.accept"),
        ("Network", "kprobe=tcp_accept domain=AF_INET", "network.accept"),
        ("Network", "lsm=SOCKET_ACCEPT protocol=TCP type=SOCK_STREAM", "network.accept"),
        ("Network", "lsm=SOCKET_SENDMSG domain=example.com", "network.dns"),
        ("Network", "kfunc=UDP_SENDMSG,domain=a.b,daddr=::1,qtype=A", "network.dns"),
        ("Network", "kfunc=UDP_SENDSKB domain=a.b daddr=::1 qtype=A", "network.dns"),
        ("Network", "DIRECTION=INGRESS LIMIT_SIZE=2M", "network.other"),
        ("Syscall", "syscall=SYS_SETUID userid=0", "syscall.setid"),
        ("Syscall", "syscall=SYS_SETGID userid=0", "syscall.setid"),
        ("Syscall", "syscall=SYS_MOUNT source=a target=b", "syscall.mount"),
        ("Syscall", "syscall=SYS_UMOUNT2 target=b flag=0", "syscall.umount"),
        ("Syscall", "syscall=SYS_RMDIR", "syscall.delete"),
        ("Syscall", "syscall=SYS_UNLINKAT flags=", "syscall.delete"),
        ("Syscall", "syscall=SYS_CHOWN userid=0 group=0", "syscall.attr"),
        ("Syscall", "syscall=SYS_PTRACE request=1 pid=2 process=/x", "syscall.ptrace"),
        ("Syscall", "syscall=SYS_EXECVE", "syscall.exec"),
        ("Syscall", "syscall=SYS_BPF", "syscall.other"),
        ("Capabilities", "lsm=CAPABLE CAP_NET_RAW", "capabilities.use"),
        ("Capabilities", "lsm=CAPABLE ", "capabilities.use"),
        ("Entangle", "wave=alpha", "other.other"),
        ("", "", "other.other"),
    ],
)
def test_operation_and_verb_follow_operation_and_call(operation, data, expected):
    event = {"Type": "MatchedHostPolicy", "Operation": operation, "Data": data, "Action": "Block"}
    assert class_id(event) == f"alert.host.{expected}.block"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Operation": "Device", "Action": "Audit"}, "alert.host.device.attach.audit"),
        ({"Operation": "Device", "Action": "Block"}, "alert.host.device.attach.block"),
        (
            {"Operation": "Device", "Action": "Remove", "Result": "Removed"},
            "alert.host.device.detach.allow",
        ),
        (
            {"Operation": "NetworkFirewall", "Resource": "INGRESS", "Action": "Audit"},
            "alert.host.firewall.ingress.audit",
        ),
        (
            {"Operation": "NetworkFirewall", "Resource": "EGRESS", "Action": "Block"},
            "alert.host.firewall.egress.block",
        ),
    ],
)
def test_devices_and_the_firewall_have_verbs_of_their_own(fields, expected):
    assert class_id({"Type": "MatchedHostPolicy", **fields}) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Type": "ContainerLog"}, "log"),
        ({"Type": "HostLog"}, "log"),
        ({"Type": "containerlog"}, "log"),
        ({"Type": "SystemLog"}, "log"),
        ({"Type": "MatchedPolicy"}, "alert"),
        ({"Type": "MatchedHostPolicy"}, "alert"),
        ({"Type": "MatchedNetworkPolicy"}, "alert"),
        ({"Type": "MatchedThoughtPolicy"}, "alert"),
        ({"EventType": "Alert"}, "alert"),
        ({"EventType": "Log"}, "log"),
        ({"PolicyName": "p"}, "alert"),
        ({"Action": "Block"}, "alert"),
        ({"Type": "QuantumLog"}, "log"),
        ({"Type": "QuantumLog", "PolicyName": "p"}, "alert"),
        # The log file's dialect can name a policy on telemetry; the type still says it is a log.
        ({"Type": "ContainerLog", "PolicyName": "p", "Action": "Block"}, "log"),
    ],
)
def test_the_kind_follows_type_and_where_it_is_missing_the_verdict(fields, expected):
    assert class_id({"Operation": "File", **fields}).split(".")[0] == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Type": "SystemEvent", "Operation": "AlertThreshold"}, "event.host.system.throttle.none"),
        # The userland throttle leaves the rest of the alert it swallowed.
        (
            {
                "Type": "SystemEvent",
                "Operation": "AlertThreshold",
                "PodName": "p",
                "PolicyName": "p",
                "Action": "Block",
                "Severity": "9",
            },
            "event.container.system.throttle.none",
        ),
        ({"Operation": "AlertThreshold"}, "event.host.system.throttle.none"),
        ({"Type": "SystemEvent", "Operation": "Process"}, "event.host.system.other.none"),
        ({"Type": "Message", "Level": "INFO"}, "event.host.system.other.none"),
        ({"ClusterName": "c", "HostName": "h", "PPID": 0}, "event.host.system.other.none"),
        ({}, "event.host.system.other.none"),
    ],
)
def test_markers_and_messages_are_no_alerts(fields, expected):
    assert class_id(fields) == expected


@pytest.mark.parametrize(
    ("fields", "scope"),
    [
        ({"ContainerID": "c"}, "container"),
        ({"PodName": "p"}, "container"),
        ({"NamespaceName": "n"}, "container"),
        ({"ContainerID": "", "PodName": None, "HostName": "h"}, "host"),
    ],
)
def test_the_scope_is_container_when_one_is_named(fields, scope):
    event = {"Type": "MatchedHostPolicy", "Operation": "File", "Action": "Audit", **fields}
    assert class_id(event) == f"alert.{scope}.file.other.audit"


LISTED = {row.class_id for row in catalogue()}
TYPES = ["ContainerLog", "HostLog", "MatchedPolicy", "MatchedHostPolicy", "MatchedNetworkPolicy"]
OPERATIONS = ["Process", "File", "Network", "Capabilities", "Syscall", "Device", "NetworkFirewall"]
CALLS = [
    *("SYS_OPEN", "SYS_EXECVE", "SYS_CONNECT", "SYS_MOUNT", "SYS_PTRACE", "SYS_RMDIR", "CAPABLE"),
    *("tcp_connect", "UDP_SENDMSG", "SOCKET_SENDMSG", "FILE_OPEN", "SECURITY_BPRM_CHECK"),
]
values = st.one_of(
    st.none(), st.text(max_size=12), st.integers(), st.lists(st.integers(), max_size=2)
)
events = st.fixed_dictionaries(
    {},
    optional={
        "Type": st.one_of(
            st.sampled_from([*TYPES, "SystemEvent", "Message", "SystemLog", "CefBridge"]), values
        ),
        "Operation": st.one_of(
            st.sampled_from(
                [*OPERATIONS, "AlertThreshold", "Heartbeat", "SourceGap", "AlertFlood"]
            ),
            values,
        ),
        "Action": st.one_of(st.sampled_from(["Block", "Audit", "Allow", "Remove"]), values),
        "Result": st.one_of(st.sampled_from(["Passed", "Permission denied", "Removed"]), values),
        "EventType": st.one_of(st.sampled_from(["Alert", "Log"]), values),
        "Resource": st.one_of(st.sampled_from(["INGRESS", "EGRESS"]), values),
        "PolicyName": values,
        "PodName": values,
    },
)


@given(events, st.one_of(st.sampled_from(CALLS), st.text(max_size=8)), st.text(max_size=12))
def test_every_event_whatever_it_says_has_a_listed_class(event, call, flags):
    assert classify(event, call, flags).class_id in LISTED


@pytest.mark.parametrize(
    ("operation", "verb"),
    [
        ("Heartbeat", "heartbeat"),
        ("SourceGap", "gap"),
        ("TestEvent", "test"),
        ("AlertFlood", "flood"),
    ],
)
def test_what_the_forwarder_says_of_itself_has_a_class_that_no_event_of_kubearmor_gets(
    operation, verb
):
    own = classify({"Type": "CefBridge", "Operation": operation, "HostName": "h"}, "", "")
    assert own.class_id == f"event.host.system.{verb}.none"
    assert own.urgent
    for kind in ("MatchedPolicy", "ContainerLog", "SystemEvent", None):
        assert verb not in class_id({"Type": kind, "Operation": operation, "PodName": "p"}).split(
            "."
        )


def test_urgent_is_what_a_soc_waits_for_and_telemetry_is_not():
    assert classify(alert("Audit", "Passed"), "", "").urgent
    assert classify({"Type": "SystemEvent", "Operation": "AlertThreshold"}, "", "").urgent
    assert not classify({"Type": "Message", "Message": "started"}, "", "").urgent
    assert not classify({"Type": "HostLog", "Operation": "File"}, "", "").urgent


def test_the_list_of_class_ids_is_finite_and_each_row_tells_all():
    rows = catalogue()
    assert len(rows) == len(LISTED)  # docs/class-ids.md has them, and test_docs.py compares
    assert all(row.name and row.category and 1 <= int(row.severity) <= 10 for row in rows)


def test_a_name_is_a_fixed_sentence():
    names = {row.class_id: row.name for row in catalogue()}
    assert names["alert.container.process.exec.block"] == "Process execution blocked by policy"
    assert (
        names["alert.host.file.create.unblocked"]
        == "File creation matched a blocking policy but was not blocked"
    )
    assert names["log.container.network.connect.failed"] == "Network connection failed"
    assert names["event.host.system.throttle.none"] == "Alerts suppressed by throttling"
