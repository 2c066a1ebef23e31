"""Destinations as URLs: what each means, and that all that is wrong is said at once."""

from __future__ import annotations

import msgspec
import pytest

from cef_bridge.delivery import schemes
from cef_bridge.delivery.destination_url import DestinationUrl, parse_target
from cef_bridge.delivery.schemes import SCHEMES
from cef_bridge.delivery.urls import UrlParameters
from cef_bridge.errors import UsageError


def told(url: str) -> list[str]:
    with pytest.raises(UsageError) as caught:
        parse_target(url)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("url", "scheme", "endpoints"),
    [
        ("udp://siem", "udp", (("siem", 514),)),
        ("tcp://siem:601", "tcp", (("siem", 601),)),
        ("TCP://10.0.0.7/", "tcp", (("10.0.0.7", 514),)),
        ("tls://a:6514,b:7000,c", "tls", (("a", 6514), ("b", 7000), ("c", 6514))),
        ("tls://[2001:db8::7],[::1]:99", "tls", (("2001:db8::7", 6514), ("::1", 99))),
        ("tls://[fe80::1%25eth0]:99", "tls", (("fe80::1%eth0", 99),)),
    ],
)
def test_a_url_names_hosts_and_ports_with_the_usual_ports_by_default(url, scheme, endpoints):
    target = parse_target(url)
    assert (target.scheme, target.endpoints) == (scheme, endpoints)


def test_every_word_of_a_tls_url_is_read():
    target = parse_target(
        "tls://siem?framing=octet-counting&ca=%2Fetc%2Fca+x.pem&cert=c.pem&key=k.pem"
        "&key_password=file:/run/secrets/k&server_name=siem.example&verify=no&confirm=off"
        "&confirm_hold=0&unconfirmed_window=1.5M&confirm_interval=500ms&confirm_bytes=4MiB&connect_timeout=3"
        "&tcp_user_timeout=1m"
    )
    assert target == DestinationUrl(
        scheme="tls",
        endpoints=(("siem", 6514),),
        framing="octet-counting",
        ca="/etc/ca+x.pem",
        cert="c.pem",
        key="k.pem",
        key_password="file:/run/secrets/k",  # noqa: S106 - where one would stand
        server_name="siem.example",
        verify=False,
        confirm="off",
        confirm_hold=0,
        unconfirmed_window=3 << 19,
        confirm_interval=0.5,
        confirm_bytes=4 << 20,
        connect_timeout=3.0,
        tcp_user_timeout=60.0,
    )


def test_files_stdout_and_udp_have_words_of_their_own():
    file = parse_target("file:///var/log/a%20b.cef?rotate=64K&keep=0")
    assert (file.path, file.rotate_bytes, file.keep) == ("/var/log/a b.cef", 64 << 10, 0)
    assert parse_target("-").scheme == "stdout"
    udp = parse_target("udp://h?rate=50&max_datagram=1400")
    assert (udp.rate, udp.max_datagram) == (50, 1400)


@pytest.mark.parametrize(
    "url", ["udp://h:5", "tls://a:1,[::1]:2", "file:///var/log/x.cef", "-", "tcp://siem:514"]
)
def test_a_target_prints_as_the_url_it_was(url):
    assert str(parse_target(url)) == url


def test_all_that_is_wrong_with_a_url_is_said_at_once():
    url = "tcp://a:99999,b,b?framming=lf&rate=5&confirm_interval=5x&unconfirmed_window=1K&unconfirmed_window=2K&keep&ca=x"
    assert told(url) == [
        f'"tcp://a:99999,b,b": {problem}'
        for problem in (
            '"keep" has no value. Write keep=VALUE.',
            'Invalid port "99999". Expected 1 to 65535.',
            "Duplicate endpoint b:514.",
            'Unknown setting "framming" of tcp://. Did you mean "framing"?',
            '"rate" does nothing with tcp://: it is for udp://.',
            '"confirm_interval" cannot be "5x". Expected a duration from 0.1s to 1d.',
            'Duplicate "unconfirmed_window". Remove one.',
            '"ca" does nothing with tcp://: it is for tls://, splunk-hec://, elasticsearch://, opensearch:// and kafka://.',
        )
    ]


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", f"This is no destination. Expected {schemes.FORMS} ."),
        ("tsl://h", f'This is no destination. Did you mean "tls"? Expected {schemes.FORMS} .'),
        ("siem:514", f"This is no destination. Expected {schemes.FORMS} ."),
        ("/var/log/x", "A file is written as file:///path."),
        ("file://x/y", "file: is followed by the whole path of a file, such as file:///var/log/x.cef."),
        ("file:///logs/", "file: is followed by the whole path of a file, such as file:///var/log/x.cef."),
        ("tcp://", "A host's name is missing."),
        ("tcp://:514", "A host's name is missing."),
        ("tcp://h:", 'Invalid port "". Expected 1 to 65535.'),
        ("tcp://h:٣", 'Invalid port "٣". Expected 1 to 65535.'),
        ("tcp://h/x", 'Nothing but a ? may follow host and port. Found "h/x".'),
        ("tcp://2001:db8::7:514", '"2001:db8::7:514": put an IPv6 address in brackets, such as [2001:db8::7]:6514.'),
        ("tcp://[2001:db8::zz]:514", 'Invalid IPv6 address "[2001:db8::zz]:514". With a port it is [2001:db8::7]:6514.'),
        ("tls://h?ca=50%", "A % is written as %25; before two hex digits it encodes a character."),
        ("tls://h#x", "A # is written as %23."),
        ("tls://h?ca=a b", "There is a space or an invisible character in it. Write it as %20 or so."),
        ("tls://h?key=k.pem", '"key" does nothing without "cert". Name the certificate.'),
        ("tls://h?verify=perhaps", '"verify" cannot be "perhaps". Expected yes or no.'),
        ("tls://h?framing=octets", '"framing" cannot be "octets". Expected one of: lf, octet-counting.'),
        ("tls://h?framing=octet-count", '"framing" cannot be "octet-count". Did you mean "octet-counting"?'),
        ("udp://h?rate=0", '"rate" cannot be "0". Expected a number from 1 to 10000000.'),
        ("udp://h?rate=1.5", '"rate" cannot be "1.5". Expected a number from 1 to 10000000.'),
        ("udp://a,b", "udp:// takes one collector: UDP reports no failure, so there is no failover. For a copy to each, list them as separate destinations."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_url_is_said_in_a_sentence(url, problem):
    assert problem in [line.partition(": ")[2] for line in told(url)]


@pytest.mark.parametrize(
    "url",
    [
        "tls://admin:hunter2@siem",
        "tls://admin:hunter2@siem?ca=x",
        "tls://siem?cert=c&key_password=hunter2",
        "hunter2@siem",
        "tls://admin:hunter2@siem:99999,b?bad=hunter2@x",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url):
    assert "hunter2" not in "\n".join(told(url))


def test_a_keys_password_is_read_from_its_file_and_stands_in_no_printed_target(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n", encoding="utf-8")
    target = parse_target(f"tls://h?cert=c.pem&key_password=file:{secret}")
    assert target.read_key_password() == "hunter2"
    plain = msgspec.structs.replace(target, key_password="hunter2")  # noqa: S106 - nobody's
    assert plain.read_key_password() == "hunter2"
    assert "hunter2" not in f"{plain} {plain!r}"
    secret.unlink()
    with pytest.raises(UsageError, match=r"cannot read the key's password from .*: No such file"):
        target.read_key_password()


def test_every_word_has_a_meaning_and_a_scheme_that_has_it():
    known = UrlParameters.of(DestinationUrl, tuple(SCHEMES))
    for name, row in known.rows.items():
        assert known.has(row), name
        assert row.type.extra_json_schema["description"]


@pytest.mark.parametrize("row", SCHEMES.values(), ids=SCHEMES)
def test_each_transport_is_written_as_its_row_shows(row):
    url = row.form.replace("port", "5")
    target = parse_target(url)
    assert (target.scheme, str(target)) == (row.name, url.partition("?")[0])
    assert row.check(target, 0.0).warnings == []
