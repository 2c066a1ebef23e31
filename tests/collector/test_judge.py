"""One message as it came over the network, and each thing a strict reader finds wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cef_bridge.collector.judge import MessageLimits, judge, kind_of
from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.mapping.language.shipped import names
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter

DATA = Path(__file__).parent.parent / "data"
MESSAGE = b"CEF:0|KubeArmor|KubeArmor|1.6|alert.container.process.exec.block|Blocked|6|act=Block"
LEEF = b"LEEF:2.0|KubeArmor|KubeArmor|1.6|alert.container.process.exec.block|^|act=Block"
HEADER = b"<134>Aug 23 18:05:48 node-a1 "
HEADER5424 = b"<134>1 2026-03-01T12:00:00.000001Z node-a1 kubearmor - - - "


def texts(message: bytes, rules: MessageLimits = MessageLimits()) -> list[str]:  # noqa: B008 - frozen
    return [fault.text for fault in judge(message, rules)]


@pytest.mark.parametrize("header", [b"", HEADER, HEADER5424])
@pytest.mark.parametrize("message", [MESSAGE, LEEF])
def test_a_strict_message_has_no_faults(header, message):
    assert judge(header + message) == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        # KubeArmor's sidekick: six fields in the header, and its values separated by colons.
        (
            (b"<129>2026-03-01T12:00:00Z host sidekick[7]: CEF:0|Accuknox|Kubearmor|1.0|"
            b"Kubearmor Event|Alert|uid=0 start=2026-03-01T12:00:00Z Alert=ClusterName:default"),
            [
                ('the syslog header "<129>2026-03-01T12:00:00Z host sidekick[7]:" is neither RFC 3164 '
                "(<PRI>Mmm dd hh:mm:ss host) nor RFC 5424 (<PRI>1 time host app - - -)."),
                ("position 96: the header has 6 of its 7 pipes: version, vendor, product, device version, "
                "class id, name, severity."),
            ],
        ),
        # falcosidekick: nothing is escaped, and a severity that does not exist.
        (
            HEADER + b"CEF:0|Falcosecurity|Falco|1.0|Falco Event|Rule|Uknown|msg=cmd a=b",
            [
                ('position 77: "Uknown" is no severity. Expected 0 to 10, Unknown, Low, Medium, High or '
                "Very-High.")
            ],
        ),
        (
            b"CEF:0|Falcosecurity|Falco|1.0|Falco Event|Rule|5|msg=opened (file=/etc/x =y)",
            [
                ("position 66: an equals sign without a key of letters and digits before it. In a value it "
                "is written \\=.")
            ],
        ),
        (
            HEADER + b"kubearmor: " + MESSAGE,
            ['"kubearmor:" between the syslog header and the message.'],
        ),
        (
            b"Aug 23 18:05:48 node-a1 " + MESSAGE,
            ["the syslog header has no priority. Over a network it begins with <PRI>."],
        ),
        (
            b"<999>Aug 23 18:05:48 node-a1 " + MESSAGE,
            [
                ('the syslog header "<999>Aug 23 18:05:48 node-a1" is neither RFC 3164 (<PRI>Mmm dd '
                "hh:mm:ss host) nor RFC 5424 (<PRI>1 time host app - - -).")
            ],
        ),
        (b"node-a1 " + MESSAGE, ['"node-a1" before the message is no syslog header.']),
        (MESSAGE + b" msg=\xff\xfe", ["byte 90 is no UTF-8 (hex FF). Expected UTF-8 throughout."]),
        (
            MESSAGE + b" msg=a\x1b[31mb",
            [
                "position 91: a raw control character U+001B. A message has it escaped or not at all."
            ],
        ),
        (
            MESSAGE + b"\r",
            [
                "position 85: a raw control character U+000D. A message has it escaped or not at all."
            ],
        ),
        (
            MESSAGE + b"\n" + MESSAGE,
            [
                "position 85: a raw control character U+000A. A message has it escaped or not at all."
            ],
        ),
        (MESSAGE + b" ", ["white space at the end of the line, which readers lose."]),
        (MESSAGE + b" cs1=x", ["cs1 has no cs1Label."]),
        (MESSAGE + b" dst=nowhere", ['dst is "nowhere". Expected an IP address.']),
        (
            MESSAGE + b" team=blue",
            [
                "team is not in the dictionary. A key of one's own begins with KubeArmor."
            ],
        ),
        (LEEF + b"^act=Audit", ["position 81: duplicate key act. Write each key once."]),
        (b"", ["the message is empty."]),
        (
            b'{"Type":"MatchedPolicy"}',
            [
                "this is JSON. Expected CEF: or LEEF:; cef-bridge convert or forward make it of events."
            ],
        ),
        (
            b"\x16\x03\x01\x02\x00\x01\x00",
            ["this is a TLS handshake. Send without TLS, or listen on tls://.",
             ],
        ),
        (b"GET / HTTP/1.1\r", ["this is HTTP. Expected syslog."]),
        (
            b"85 <134>Aug",
            ["a frame length before the message. Remove it for datagrams and lines."],
        ),
        (
            b"<134>Aug 23 18:05:48 node-a1 sshd[1]: \x1b]0;bye\x07",
            ['syslog without a CEF or LEEF message: "sshd[1]: <U+001B>]0;bye<U+0007>".'],
        ),
        (
            b"hello \xe2\x80\xae world",
            [
                'no message: "hello <U+202E> world". Expected CEF: or LEEF:, with or without a syslog header.'
            ],
        ),
    ],
)  # fmt: skip
def test_each_fault_is_named(message, expected):
    assert texts(message) == expected


def test_a_message_is_too_long_with_its_syslog_header():
    assert texts(HEADER + MESSAGE, MessageLimits(max_bytes=len(HEADER + MESSAGE))) == []
    assert texts(HEADER + MESSAGE, MessageLimits(max_bytes=100)) == [
        "the message has 113 bytes. Expected 100 at most."
    ]


def test_ipv6_where_cef_0_has_ipv4_is_a_fault_when_asked():
    message = MESSAGE + b" src=2001:db8::1"
    assert texts(message) == []
    assert texts(message, MessageLimits(ipv6_in_addresses=False)) == [
        'src is "2001:db8::1". Expected an IPv4 address.'
    ]


def test_faults_of_one_kind_count_as_one_wherever_they_stand():
    kinds = {
        fault.kind
        for number in (3, 30, 300)
        for fault in judge(
            b"CEF:0|" + b"v" * number + b"|p|1|id|name|Uknown" + b"x" * number + b"|"
        )
    }
    assert kinds == {
        'position …: "…" is no severity. Expected 0 to 10, Unknown, Low, Medium, High or Very-High.'
    }
    assert kind_of("byte 28 is no UTF-8 (hex FF).") == kind_of("byte 9 is no UTF-8 (hex 80).")


def test_a_fault_never_drives_a_terminal():
    for fault in judge(MESSAGE + b" cs1Label=\x1b[2J\xc2\x9b\r\n cs1Label=\xe2\x80\xae"):
        assert fault.text.isprintable()
        assert fault.kind.isprintable()


@pytest.mark.parametrize("name", names())
def test_what_a_shipped_mapping_writes_has_no_faults(name):
    mapping = load(name)
    converter = Converter(mapping, syslog_header=mapping.envelope.syslog_header or "none")
    decoder, judged = EventDecoder(), 0
    for line in (DATA / "kinds.ndjson").read_bytes().splitlines():
        for found in decoder.decode(line):
            fate = converter.convert(found.fields) if isinstance(found, Decoded) else None
            if isinstance(fate, Converted):
                judged += 1
                assert texts(fate.message.encode()) == []
    assert judged > 100
