from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.kubearmor.split import split_data, split_socket, without_remote_host

# Every format string of KubeArmor, with what it is made of.
DATA = {
    "syscall=SYS_OPEN flags=O_WRONLY|O_CREAT": {"syscall": "SYS_OPEN", "flags": "O_WRONLY|O_CREAT"},
    "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY|O_CLOEXEC": {
        "syscall": "SYS_OPENAT",
        "fd": "-100",
        "flags": "O_RDONLY|O_CLOEXEC",
    },
    "syscall=SYS_UNLINK": {"syscall": "SYS_UNLINK"},
    "syscall=SYS_UNLINKAT flags=": {"syscall": "SYS_UNLINKAT", "flags": ""},
    "syscall=SYS_UNLINKAT flags=AT_REMOVEDIR": {"syscall": "SYS_UNLINKAT", "flags": "AT_REMOVEDIR"},
    "syscall=SYS_RMDIR": {"syscall": "SYS_RMDIR"},
    "syscall=SYS_CHOWN userid=0 group=0": {"syscall": "SYS_CHOWN", "userid": "0", "group": "0"},
    "syscall=SYS_FCHOWNAT userid=0 group=0 mode=256": {
        "syscall": "SYS_FCHOWNAT",
        "userid": "0",
        "group": "0",
        "mode": "256",
    },
    "syscall=SYS_SETUID userid=0": {"syscall": "SYS_SETUID", "userid": "0"},
    "syscall=SYS_SETGID userid=0": {"syscall": "SYS_SETGID", "userid": "0"},
    "syscall=SYS_MOUNT source=/dev/my disk target=/mnt/a b filesystem=ext4 mountflag=0 data=a=b c": {
        "syscall": "SYS_MOUNT",
        "source": "/dev/my disk",
        "target": "/mnt/a b",
        "filesystem": "ext4",
        "mountflag": "0",
        "data": "a=b c",
    },
    "syscall=SYS_MOUNT source= target=/proc filesystem=proc mountflag=0 data=": {
        "syscall": "SYS_MOUNT",
        "source": "",
        "target": "/proc",
        "filesystem": "proc",
        "mountflag": "0",
        "data": "",
    },
    "syscall=SYS_UMOUNT2 target=/mnt/a b flag=0": {
        "syscall": "SYS_UMOUNT2",
        "target": "/mnt/a b",
        "flag": "0",
    },
    "syscall=SYS_PTRACE request=PTRACE_ATTACH pid=4711 process=/opt/my app": {
        "syscall": "SYS_PTRACE",
        "request": "PTRACE_ATTACH",
        "pid": "4711",
        "process": "/opt/my app",
    },
    "syscall=SYS_EXECVE": {"syscall": "SYS_EXECVE"},
    "syscall=SYS_EXECVEAT fd=5 flag=AT_EMPTY_PATH": {
        "syscall": "SYS_EXECVEAT",
        "fd": "5",
        "flag": "AT_EMPTY_PATH",
    },
    "syscall=SYS_SOCKET": {"syscall": "SYS_SOCKET"},
    "syscall=SYS_CONNECT fd=12": {"syscall": "SYS_CONNECT", "fd": "12"},
    "syscall=SYS_BIND fd=6": {"syscall": "SYS_BIND", "fd": "6"},
    "syscall=SYS_ACCEPT fd=6": {"syscall": "SYS_ACCEPT", "fd": "6"},
    "syscall=SYS_LISTEN fd=6": {"syscall": "SYS_LISTEN", "fd": "6"},
    "syscall=SYS_CLOSE fd=6": {"syscall": "SYS_CLOSE", "fd": "6"},
    "syscall=sys_openat fd=-100 flags=o_rdonly": {
        "syscall": "sys_openat",
        "fd": "-100",
        "flags": "o_rdonly",
    },
    "syscall=SYS_SENDTO flags=MSG_OOB fd=4": {
        "syscall": "SYS_SENDTO",
        "flags": "MSG_OOB",
        "fd": "4",
    },
    "kprobe=tcp_connect domain=AF_INET": {"kprobe": "tcp_connect", "domain": "AF_INET"},
    "kprobe=tcp_accept domain=AF_INET6": {"kprobe": "tcp_accept", "domain": "AF_INET6"},
    "kfunc=UDP_SENDMSG domain=example.com daddr=10.43.0.10 qtype=A": {
        "kfunc": "UDP_SENDMSG",
        "domain": "example.com",
        "daddr": "10.43.0.10",
        "qtype": "A",
    },
    "kfunc=UDP_SENDMSG,domain=example.com,daddr=10.43.0.10,qtype=AAAA": {
        "kfunc": "UDP_SENDMSG",
        "domain": "example.com",
        "daddr": "10.43.0.10",
        "qtype": "AAAA",
    },
    "kfunc=UDP_SENDSKB domain=example.com daddr=fd00::a qtype=": {
        "kfunc": "UDP_SENDSKB",
        "domain": "example.com",
        "daddr": "fd00::a",
        "qtype": "",
    },
    "lsm=FILE_OPEN": {"lsm": "FILE_OPEN"},
    "lsm=SOCKET_CREATE type=SOCK_RAW": {"lsm": "SOCKET_CREATE", "type": "SOCK_RAW"},
    "lsm=SOCKET_CREATE protocol=SCTP type=SOCK_STREAM|SOCK_SEQPACKET": {
        "lsm": "SOCKET_CREATE",
        "protocol": "SCTP",
        "type": "SOCK_STREAM|SOCK_SEQPACKET",
    },
    "lsm=SOCKET_CREATE HOPOPT": {"lsm": "SOCKET_CREATE", "protocol": "HOPOPT"},
    "lsm=SOCKET_CREATE type=\x05": {"lsm": "SOCKET_CREATE", "type": "\x05"},
    "lsm=SOCKET_SENDMSG domain=google.com.ns.svc.cluster.local": {
        "lsm": "SOCKET_SENDMSG",
        "domain": "google.com.ns.svc.cluster.local",
    },
    "lsm=CAPABLE CAP_NET_RAW": {"lsm": "CAPABLE", "capability": "CAP_NET_RAW"},
    "lsm=CAPABLE ": {"lsm": "CAPABLE"},
    "PROT_READ|PROT_WRITE,PROT_READ|PROT_EXEC,MAP_PRIVATE|MAP_ANONYMOUS": {
        "": "PROT_READ|PROT_WRITE,PROT_READ|PROT_EXEC,MAP_PRIVATE|MAP_ANONYMOUS"
    },
    "Class=8 SubClass=6 Protocol=80 Level=1 SysPath=/sys/bus/usb/devices/1-3:1.0": {
        "Class": "8",
        "SubClass": "6",
        "Protocol": "80",
        "Level": "1",
        "SysPath": "/sys/bus/usb/devices/1-3:1.0",
    },
    "SourceIP=10.0.0.1 SourcePort=0 DestinationIP=::1 DestinationPort=22 Protocol=TCP": {
        "SourceIP": "10.0.0.1",
        "SourcePort": "0",
        "DestinationIP": "::1",
        "DestinationPort": "22",
        "Protocol": "TCP",
    },
    "SourceIP=10.0.0.1 SourcePort=0 DestinationIP=10.0.0.2 DestinationPort=0 Protocol=ICMP"
    " QuotaLevel=pod QuotaLimit=2MB": {
        "SourceIP": "10.0.0.1",
        "SourcePort": "0",
        "DestinationIP": "10.0.0.2",
        "DestinationPort": "0",
        "Protocol": "ICMP",
        "QuotaLevel": "pod",
        "QuotaLimit": "2MB",
    },
    "DIRECTION=INGRESS LIMIT_SIZE=2M LIMIT_COUNT=10000": {
        "": "DIRECTION=INGRESS LIMIT_SIZE=2M LIMIT_COUNT=10000"
    },
    "": {},
}
RESOURCE = {
    "domain=AF_UNIX type=SOCK_STREAM|SOCK_CLOEXEC protocol=0": {
        "domain": "AF_UNIX",
        "type": "SOCK_STREAM|SOCK_CLOEXEC",
        "protocol": "0",
    },
    "sa_family=AF_INET sin_port=53 sin_addr=10.0.0.10": {
        "sa_family": "AF_INET",
        "sin_port": "53",
        "sin_addr": "10.0.0.10",
    },
    "sin_addr=fd00::1 sa_family=AF_INET6 sin_port=53": {
        "sin_addr": "fd00::1",
        "sa_family": "AF_INET6",
        "sin_port": "53",
    },
    "sa_family=AF_INET sin_port=53 sin_addr=": {
        "sa_family": "AF_INET",
        "sin_port": "53",
        "sin_addr": "",
    },
    "sa_family=AF_UNIX sun_path=/run/my app.sock": {
        "sa_family": "AF_UNIX",
        "sun_path": "/run/my app.sock",
    },
    "sun_path=/run/my app.sock sa_family=AF_UNIX": {
        "sun_path": "/run/my app.sock",
        "sa_family": "AF_UNIX",
    },
    "sa_family=AF_UNIX sun_path=": {"sa_family": "AF_UNIX", "sun_path": ""},
    "sa_family=AF_NETLINK": {"sa_family": "AF_NETLINK"},
    "remoteip=::1 port=443 protocol=TCPv6": {
        "remoteip": "::1",
        "port": "443",
        "protocol": "TCPv6",
    },
    "remoteip=10.0.0.1 port=443 protocol=TCP remotehost=svc/shop/db": {
        "remoteip": "10.0.0.1",
        "port": "443",
        "protocol": "TCP",
        "remotehost": "svc/shop/db",
    },
    "google.com": {"": "google.com"},
    "HOPOPT": {"": "HOPOPT"},
}


@pytest.mark.parametrize("text", DATA)
def test_every_data_text_of_kubearmor_splits_into_its_arguments(text):
    assert {token.key: token.value for token in split_data(text)} == DATA[text]


@pytest.mark.parametrize("text", RESOURCE)
def test_every_resource_of_a_network_event_splits_into_its_arguments(text):
    assert {token.key: token.value for token in split_socket(text)} == RESOURCE[text]


def assert_nothing_lost(text, tokens, separators=" "):
    """Check that the raw texts stand in the text in this order, separators between them."""
    at = 0
    for token in tokens:
        begin = text.index(token.raw, at)
        assert not text[at:begin].strip(separators)
        at = begin + len(token.raw)
    assert not text[at:].strip()


KEYS = sorted({key for tokens in (*DATA.values(), *RESOURCE.values()) for key in tokens} - {""})
pieces = st.one_of(
    st.sampled_from([*DATA, *RESOURCE]),
    st.sampled_from(KEYS).map(lambda key: f"{key}="),
    st.text(alphabet=" =,/|aS\x05\n\u2028\ud800", max_size=8),
    st.text(max_size=8),
)
texts = st.builds("".join, st.lists(st.one_of(pieces, st.just(" ")), max_size=8))


@given(texts)
def test_nothing_of_a_data_text_is_lost(text):
    separators = " ," if text.startswith("kfunc=") else " "
    assert_nothing_lost(text, split_data(text), separators)


@given(texts)
def test_nothing_of_a_resource_is_lost(text):
    assert_nothing_lost(text, split_socket(text))


@given(st.one_of(st.sampled_from([*DATA, *RESOURCE]), texts))
def test_each_key_is_there_once(text):
    for tokens in (split_data(text), split_socket(text)):
        keys = [token.key for token in tokens if token.key]
        assert len(set(keys)) == len(keys)


def test_the_source_of_a_mount_cannot_take_the_place_of_its_data():
    text = "syscall=SYS_MOUNT source=x data=evil target=/mnt filesystem=ext4 mountflag=0 data=ro"
    found = {token.key: token.value for token in split_data(text)}
    assert found["source"] == "x data=evil"
    assert found["data"] == "ro"


@given(st.text(alphabet=" =/ab\n", max_size=20).map(lambda text: f"/tmp/{text}"))
def test_the_path_of_a_unix_socket_cannot_forge_an_address(path):
    hostile = f"{path} sin_addr=203.0.113.9 sin_port=443 sa_family=AF_INET remotehost=svc/a/b"
    for text in (f"sa_family=AF_UNIX sun_path={hostile}", f"sun_path={hostile} sa_family=AF_UNIX"):
        found = {token.key: token.value for token in split_socket(text)}
        assert found == {"sa_family": "AF_UNIX", "sun_path": hostile}


def test_the_remote_host_is_cut_off_what_a_tcp_probe_reports_and_off_nothing_else():
    tcp = "remoteip=10.0.0.1 port=443 protocol=TCP"
    assert without_remote_host(f"{tcp} remotehost=svc/shop/db") == tcp
    assert without_remote_host("sun_path=/a remotehost=x") == "sun_path=/a remotehost=x"


@pytest.mark.parametrize("evil", ["kfunc=" + ",domain" * 20000, "lsm=" + " type=" * 20000])
def test_a_long_hostile_text_does_not_take_long(evil):
    assert sum(len(re.sub(r"[ ,]", "", token.raw)) for token in split_data(evil)) > 100_000
