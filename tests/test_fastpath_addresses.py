"""Network events with addresses never seen before: filled-in texts are those of the plain path."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pod_event import IN_A_POD

from cef_bridge.converter import Converted, Converter
from cef_bridge.events.split import CAPITAL_KEYS
from cef_bridge.fastpath import FastPath
from cef_bridge.mapping.load import load
from cef_bridge.mapping.shipped import names

# They look at the address itself: which one it is, or only a part of it.
NOSY = """mapping: nosy
extends: kubearmor-cef
extension:
  cs1: {from: remote.ip, table: {10.0.0.1: ours, 198.51.100.247: documented}, else: theirs, label: Peer}
  cs2: {from: remote.port, when: {remote.ip: ["10.0.*"]}, label: PortOfOurs}
  cs3: {from: Resource, max_length: 24, label: Beginning}
  cs4: {from: remote.ip, max_length: 9, label: Short}
  cs5: {from: Resource, via: first_word, label: Word}
  cs6: {from: data.port, when: {remote.port: "443"}, label: Https}
"""
IPS = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.sampled_from(
        ["10.0.0.1", "198.51.100.247", "127.0.0.1", "", "1.2.3", "2001:db8::5", "010.0.0.1"]
    ),
)  # fmt: skip
PORTS = st.one_of(
    st.integers(0, 99999).map(str), st.sampled_from(["443", "60317", "0", "", "053", "-1"])
)
WORDS = st.sampled_from(
    ["TCP", "TCPv6", "HOPOPT", "0", "AF_INET", "60317", "198.51.100.247", "a b"]
)
KEYS = ["remoteip", "sin_addr", "port", "sin_port", "protocol", "sa_family", "remotehost", "type"]
DATA = ["kprobe=tcp_connect domain=AF_INET", "kprobe=tcp_accept domain=AF_INET",
        "syscall=SYS_CONNECT fd=7", "syscall=SYS_BIND fd=60317", "lsm=SOCKET_CONNECT"]  # fmt: skip


@st.composite
def resources(draw: st.DrawFn) -> str:
    kind = draw(st.integers(0, 3))
    ip, port = draw(IPS), draw(PORTS)
    if kind <= 1:
        return f"remoteip={ip} port={port} protocol=TCP"
    if kind == 2:
        return " ".join(
            draw(st.permutations([f"sin_addr={ip}", f"sin_port={port}", "sa_family=AF_INET"]))
        )
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4))
    return " ".join(f"{key}={draw(st.one_of(IPS, PORTS, WORDS))}" for key in keys)


def event(resource: str, data: str, **more: object) -> dict[str, object]:
    return {
        **IN_A_POD,
        "Type": "ContainerLog",
        "Source": "/usr/bin/curl",
        "Operation": "Network",
        "Resource": resource,
        "Data": data,
        "Result": "Passed",
        **more,
    }


@pytest.fixture(scope="module", params=[*names(), "nosy", "198.51.100.247 in a value"])
def paths(request, tmp_path_factory):
    """A plain converter and a fast path that has seen some peers."""
    name = request.param
    if name not in names():
        path = tmp_path_factory.mktemp("mapping") / "nosy.yaml"
        text = NOSY
        if name != "nosy":  # what stands in for an address is a constant's text
            text = "mapping: odd\nextends: kubearmor-cef\nextension:\n"
            text += (
                '  cs1: {value: "198.51.100.247", when: {remote.port: {is: present}}, label: A}\n'
            )
            text += '  cs6: {value: "60317", when: {remote.ip: {is: ipv4}}, label: B}\n'
        path.write_text(text)
        name = str(path)
    plain, fast = Converter(load(name, env={})), FastPath(Converter(load(name, env={})))
    for data in DATA:
        for number in range(4):
            for resource in (
                f"remoteip=192.0.2.{number} port=8{number} protocol=TCP",
                f"sa_family=AF_INET sin_addr=192.0.2.{number} sin_port=8{number}",
            ):
                fast.convert(event(resource, data))
    return plain, fast


@given(resource=resources(), data=st.sampled_from(DATA))
@settings(max_examples=120, deadline=None)
def test_any_address_gives_the_plain_message(paths, resource, data):
    plain, fast = paths
    found = event(resource, data)
    assert fast.convert(dict(found)) == plain.convert(dict(found))


@given(resource=resources(), data=st.sampled_from(DATA))
@settings(max_examples=60, deadline=None)
def test_a_copy_of_the_address_in_another_field_stays_what_it_is(paths, resource, data):
    plain, fast = paths
    found = event(resource, data, EventData={"Remoteip": "192.0.2.1", "Port": "80"})
    for each in (found, {**found, "Source": f"/usr/bin/curl {resource}"}):
        assert fast.convert(dict(each)) == plain.convert(dict(each))


def test_a_new_address_is_filled_in_and_not_evaluated_again(monkeypatch):
    fast = FastPath(Converter(load("kubearmor-cef", env={})))
    for number in range(1, 4):
        fast.convert(event(f"remoteip=192.0.2.{number} port=80 protocol=TCP", DATA[0]))

    def fails(*_: object, **__: object) -> None:
        raise AssertionError("a new address was evaluated")

    monkeypatch.setattr("cef_bridge.fastpath.joints.derive", fails)
    fate = fast.recall(event("remoteip=203.0.113.77 port=4711 protocol=TCP", DATA[0]))
    assert isinstance(fate, Converted)
    assert " dst=203.0.113.77 dpt=4711 " in fate.message


def test_no_key_that_holds_an_address_is_one_that_data_can_have_too():
    # Else an address of Resource would be compared with one of Data.
    assert CAPITAL_KEYS.isdisjoint({"remoteip", "port", "sin_addr", "sin_port"})
