from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.kubearmor.activity import call_of, describe


def network(verb, resource, data="syscall=SYS_CONNECT fd=3", **rest):
    return describe(operation="network", verb=verb, data=data, resource=resource, **rest)


def ends(values):
    prefixes = ("source.", "destination.", "remote.", "local.", "network.", "dns.")
    return {path: value for path, value in values.items() if path.startswith(prefixes)}


def test_a_connect_has_a_destination_whatever_the_order_of_its_tokens():
    expected = {
        "network.family": "AF_INET",
        "destination.ip": "192.0.2.4",
        "destination.port": "443",
        "remote.ip": "192.0.2.4",
        "remote.port": "443",
        "network.direction": "outbound",
    }
    for resource in (
        "sa_family=AF_INET sin_port=443 sin_addr=192.0.2.4",
        "sin_addr=192.0.2.4 sa_family=AF_INET sin_port=443",
        "sin_port=443 sin_addr=192.0.2.4 sa_family=AF_INET",
    ):
        assert ends(network("connect", resource).values) == expected


def test_an_accept_has_a_source():
    found = network(
        "accept",
        "remoteip=2001:db8::9 port=8080 protocol=TCPv6 remotehost=pod/shop/web-0",
        "kprobe=tcp_accept domain=AF_INET6",
    )
    assert ends(found.values) == {
        "network.family": "AF_INET6",
        "network.protocol": "TCP",
        "source.ip": "2001:db8::9",
        "source.port": "8080",
        "remote.ip": "2001:db8::9",
        "remote.port": "8080",
        "remote.host": "pod/shop/web-0",
        "network.direction": "inbound",
    }


def test_a_listener_has_neither_source_nor_destination():
    found = network("bind", "sa_family=AF_INET sin_port=8080 sin_addr=0.0.0.0")
    assert ends(found.values) == {
        "network.family": "AF_INET",
        "local.ip": "0.0.0.0",  # noqa: S104 - read from an event, not bound
        "local.port": "8080",
    }


def test_a_unix_socket_has_no_direction_and_no_address():
    for family in ("AF_UNIX", "af_unix"):
        found = network("connect", f"sa_family={family} sun_path=/tmp/x sin_addr=203.0.113.9")
        assert ends(found.values) == {"network.family": family}
        assert found.values["data.sun_path"] == "/tmp/x sin_addr=203.0.113.9"


def test_domain_is_a_name_in_a_dns_event_and_a_family_elsewhere():
    found = network("dns", "", "kfunc=UDP_SENDMSG domain=AF_X.example daddr=::1 qtype=A")
    assert ends(found.values) == {
        "dns.name": "AF_X.example",
        "dns.type": "A",
        "destination.ip": "::1",
        "remote.ip": "::1",
        "destination.port": "53",
        "remote.port": "53",
        "network.protocol": "UDP",
    }


def test_a_blocked_dns_query_has_its_name_from_resource_when_data_lacks_it():
    found = network("dns", "evil.example", "lsm=SOCKET_SENDMSG")
    assert found.values["dns.name"] == "evil.example"
    assert found.holds["dns.name"] == ("Resource",)
    assert "Resource" not in found.parts


def test_ports_and_protocols_that_say_nothing_are_dropped_and_not_missed():
    found = network(
        "socket", "domain=AF_INET type=SOCK_DGRAM protocol=HOPOPT", "syscall=SYS_SOCKET"
    )
    assert "network.protocol" not in found.values
    assert found.void == {"data.protocol"}


def test_a_protocol_is_never_a_number():
    found = network("socket", "domain=AF_PACKET type=SOCK_RAW protocol=768", "syscall=SYS_SOCKET")
    assert "network.protocol" not in found.values
    assert found.values["data.protocol"] == "768"


def test_the_firewall_fills_both_ends():
    found = describe(
        operation="firewall",
        verb="ingress",
        data="SourceIP=192.0.2.7 SourcePort=53262 DestinationIP=192.0.2.5 DestinationPort=0"
        " Protocol=IPv6-ICMP QuotaLevel=pod QuotaLimit=2MB",
        resource="INGRESS",
    )
    assert ends(found.values) == {
        "source.ip": "192.0.2.7",
        "source.port": "53262",
        "destination.ip": "192.0.2.5",
        "remote.ip": "192.0.2.7",
        "remote.port": "53262",
        "network.direction": "inbound",
        "network.protocol": "ICMPv6",
    }
    assert found.void == {"data.DestinationPort"}
    assert found.holds["network.direction"] == ("Resource",)


def test_the_protocol_of_a_usb_device_is_no_network_protocol():
    found = describe(
        operation="device",
        verb="attach",
        data="Class=8 SubClass=6 Protocol=80 Level=1 SysPath=/sys/bus/usb/devices/1-3:1.0",
        resource="USB MASS-STORAGE",
    )
    assert ends(found.values) == {}


def test_setgid_names_a_group_though_kubearmor_calls_it_userid():
    uid = describe(
        operation="syscall", verb="setid", data="syscall=SYS_SETUID userid=33", resource=""
    )
    gid = describe(
        operation="syscall", verb="setid", data="syscall=SYS_SETGID userid=33", resource=""
    )
    assert uid.values["target.user_id"] == "33"
    assert "target.group_id" not in uid.values
    assert gid.values["target.group_id"] == "33"
    assert "target.user_id" not in gid.values


def test_the_mount_flag_that_is_always_zero_is_not_missed():
    data = "syscall=SYS_MOUNT source= target=/mnt a filesystem=proc mountflag=0 data="
    found = describe(operation="syscall", verb="mount", data=data, resource="")
    assert found.values["file.path"] == "/mnt a"
    assert found.void == {"data.source", "data.mountflag", "data.data"}


# EventData


def file_event(data, event_data):
    return describe(operation="file", verb="open", data=data, resource="/a", event_data=event_data)


def test_event_data_that_repeats_data_is_not_told_again():
    data = "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY"
    same = {"Syscall": "SYS_OPENAT", "Fd": "-100", "Flags": "O_RDONLY"}
    assert "EventData" not in file_event(data, same).parts


def test_event_data_that_data_lacks_is_kept_even_if_its_value_stands_there():
    found = file_event("syscall=SYS_OPENAT fd=-100 flags=O_RDONLY", {"Fd": "-100", "New": "100"})
    assert found.parts["EventData"] == (("data.new", "New=100"),)
    assert found.values["data.new"] == "100"


def test_event_data_that_contradicts_data_does_not_replace_it():
    found = file_event("syscall=SYS_OPENAT fd=-100 flags=O_RDONLY", {"Fd": "7"})
    assert found.values["data.fd"] == "-100"
    assert found.parts["EventData"] == (("EventData.rest", "Fd=7"),)


def test_event_data_stands_in_where_data_is_missing():
    found = network("connect", "", "", event_data={"Kprobe": "tcp_connect", "Remoteip": "::1"})
    assert found.values["call"] == "tcp_connect"
    assert found.values["destination.ip"] == "::1"
    wall = {"SourceIP": "192.0.2.1", "DestinationIP": "192.0.2.2", "Protocol": "TCP"}
    found = describe(operation="firewall", verb="egress", data="", resource="", event_data=wall)
    assert found.values["destination.ip"] == "192.0.2.2"
    assert found.values["network.protocol"] == "TCP"


def test_the_joined_event_data_of_kubearmor_1_6_4_is_the_same_as_its_data():
    data = "kfunc=UDP_SENDMSG,domain=a.example,daddr=::1,qtype=A"
    joined = {"Kfunc": data.removeprefix("kfunc="), "Sa_family": "AF_INET", "Sin_port": "53"}
    found = network("dns", "sa_family=AF_INET sin_port=53", data, event_data=joined)
    assert "EventData" not in found.parts


hostile = st.text(alphabet="abSYS_=, /|\x05\ud800é", max_size=30)


@given(
    st.sampled_from(["file", "network", "firewall", "syscall", "process", "other"]),
    st.sampled_from(["open", "connect", "dns", "ingress", "mount", "other"]),
    hostile,
    hostile,
    st.none() | st.dictionaries(hostile, hostile | st.integers() | st.none(), max_size=3),
)
def test_any_text_can_be_described(operation, verb, data, resource, event_data):
    found = describe(
        operation=operation, verb=verb, data=data, resource=resource, event_data=event_data
    )
    assert all(isinstance(value, str) and value for value in found.values.values())
    assert found.void.isdisjoint(found.values)
    assert isinstance(call_of(data), tuple)
