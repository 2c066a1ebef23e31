from __future__ import annotations

import pytest

from cef_bridge.lines import Cef, Leef
from cef_bridge.lines.check import faults

HEAD = "CEF:0|KubeArmor|KubeArmor|1.4.3|id|name|5|"
LEEF_HEAD = "LEEF:2.0|KubeArmor|KubeArmor|1.4.3|id|^|"


@pytest.mark.parametrize(
    "extension",
    [
        "",
        "rt=1692813948301 act=Block dst=10.0.0.1 dpt=443 in=0",
        "start=Aug 23 2023 18:05:48.301 UTC end=Aug 23 18:05:48 rt=1692813948",
        "cs1=p cs1Label=PolicyName c6a3=2001:db8::7 c6a3Label=Destination IPv6 Address",
        "cfp1=-1.5e3 cfp1Label=Load cn1=-9223372036854775808 cn1Label=Pid",
        "smac=00:0D:60:AF:1B:61 KubeArmorAnything=x",
    ],
)
def test_a_strict_message_has_no_faults(extension):
    assert faults(HEAD + extension, Cef()) == []


@pytest.mark.parametrize(
    ("extension", "found"),
    [
        ("foo=1", ["foo is not in the dictionary. A key of one's own begins with KubeArmor."]),
        ("agt=10.0.0.1", ["agt is filled by receivers. A device leaves it out."]),
        (f"act={'x' * 64}", ["act has 64 characters. Expected 63 at most."]),
        ("dpt=http", ['dpt is "http". Expected an integer below 2147483648.']),
        ("dpt=65536", ["dpt is 65536. Expected a port, 0 to 65535."]),
        ("spid=2147483648", ['spid is "2147483648". Expected an integer below 2147483648.']),
        ("spid=٣", ['spid is "٣". Expected an integer below 2147483648.']),
        ("cn1=9223372036854775808 cn1Label=x", ['cn1 is "9223372036854775808". Expected an integer of 64 bits.']),
        ("dst=2001:db8::7", ['dst is "2001:db8::7". Expected an IPv4 address.']),
        ("dst=node-1", ['dst is "node-1". Expected an IPv4 address.']),
        ("c6a1=10.0.0.1 c6a1Label=x", ['c6a1 is "10.0.0.1". Expected an IPv6 address.']),
        ("c6a1=fe80::1%eth0 c6a1Label=x", ['c6a1 is "fe80::1%eth0". Expected an IPv6 address.']),
        ("rt=2023-08-23T18:05:48Z", ['rt is "2023-08-23T18:05:48Z". Expected epoch seconds or milliseconds, or MMM dd yyyy HH:mm:ss.']),
        ("smac=00-0D-60-AF-1B-61", ['smac is "00-0D-60-AF-1B-61". Expected six pairs of hex digits with colons.']),
        ("cs1=x", ["cs1 has no cs1Label."]),
        ("cs1Label=x", ["cs1Label without cs1."]),
        ("cs1=a cs1Label=x cs2=b cs2Label=x", ['two custom keys have the label "x". Labels differ within an event.']),
        ("act=a  msg=b", ["act begins or ends with white space."]),
        ("act=a ", ["white space at the end of the line, which readers lose."]),
        (" act=a", ["a space behind the seventh pipe, which breaks strict readers."]),
        ("msg=a\u202eb", ["msg holds a control or bidi character."]),
        ("msg=a=b", [r"position 48: an equals sign without a key of letters and digits before it. In a value it is written \=."]),
    ],
)  # fmt: skip
def test_each_fault_is_a_sentence(extension, found):
    assert faults(HEAD + extension, Cef()) == found


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("CEF:0||P|1|id|n|5|", ["the header's device_vendor is empty."]),
        (
            f"CEF:0|V|P|{'1' * 32}|id|n|5|",
            ["the header's device_version has 32 characters. Expected 31 at most."],
        ),
        (
            r"CEF:0|V|P|1|id|a\|b|5|",
            ["the header's name holds a pipe, which Splunk takes for the field's end."],
        ),
        ("CEF:0|V |P|1|id|n|5|", ["the header's device_vendor begins or ends with white space."]),
        ("CEF:2|V|P|1|id|n|5|", ["version 2 of CEF does not exist. Expected 0 (or 1)."]),
    ],
)
def test_the_header_is_checked_too(head, found):
    assert faults(head, Cef()) == found


def test_ipv6_may_stand_in_addresses_where_the_receiver_or_version_wants_it():
    assert faults(HEAD + "dst=2001:db8::7", Cef(), ipv6_in_addresses=True) == []
    assert faults(HEAD.replace("CEF:0", "CEF:1") + "dst=2001:db8::7", Cef()) == []


def test_the_prefix_of_own_keys_can_be_another():
    assert faults(HEAD + "acmeTeam=x", Cef(), own_prefix="acme") == []


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ("sev=5^src=2001:db8::7^devTime=1692813948301^anything=a=b", []),
        ("devTime=Aug 23 2023^devTimeFormat=MMM dd yyyy", []),
        ("sev=0", ["sev is 0. Expected 1 to 10."]),
        ("sev=high", ['sev is "high". Expected an integer below 2147483648.']),
        ("src=pod", ['src is "pod". Expected an IP address.']),
        ("srcPort=70000", ["srcPort is 70000. Expected a port, 0 to 65535."]),
        (f"usrName={'u' * 256}", ["usrName has 256 characters. Expected 255 at most."]),
    ],
)
def test_leef_is_checked_by_its_own_table(attributes, found):
    assert faults(LEEF_HEAD + attributes, Leef()) == found


def test_an_event_id_of_leef_has_255_characters():
    assert faults(f"LEEF:2.0|V|P|1|{'e' * 256}|^|sev=1", Leef()) == [
        "the header's device_event_class_id has 256 characters. Expected 255 at most."
    ]
