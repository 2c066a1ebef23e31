"""Connections over TLS: receipts, and every way in which certificates go wrong, in a sentence."""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from certificates import EXPIRED_ON, Authority
from connecting import GaveUp, Patience, connect, eventually, messages, target_of
from hostile import (
    ClosesInMidFrame,
    ClosesWithFin,
    Collector,
    EndsWithoutNotice,
    HalfClosesFirst,
    HangsWithoutReading,
    HidesAReset,
    NeverAnswers,
    ReadsSlowly,
    ResetsAfter,
    Stalls,
    Talks,
)

from cef_bridge.delivery import transport, transport_tls
from cef_bridge.delivery.destination_url import DestinationUrl
from cef_bridge.delivery.framing import frame_lf
from cef_bridge.delivery.transport import (
    STALLED,
    UNANSWERED,
    BrokenError,
    ConnectError,
    PeerEndedError,
    Receipt,
)

MAYBE_PLAIN = "If it takes plain text there, write tcp://; else check its log."
TLS12 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
TLS13 = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue()


@pytest.fixture(params=[TLS12, TLS13], ids=["1.2", "1.3"])
def versions(request):
    return request.param


def refusal(target):
    """Return the error with which a connection does not come about."""
    with pytest.raises(ConnectError) as caught:
        connect(target)
    return caught.value


# Receipts


def test_a_good_collector_gives_a_strong_receipt_and_has_everything(authority, pair, versions):
    sent = messages(20_000)
    data = frame_lf(sent)
    with Collector(tls=pair, versions=versions) as collector:
        connection = connect(target_of(collector, authority))
        connection.check()
        connection.send(data, Patience())
        assert connection.written() == len(data)
        assert connection.finish(Patience()) is Receipt.STRONG
        assert connection.reason == ""
        assert collector.frames() == sent


def test_a_bare_end_is_a_weak_receipt(authority, pair, versions):
    """Python's contexts take a bare end for a close_notify, if they are told of it."""
    sent = messages(1000)
    with EndsWithoutNotice(tls=pair, versions=versions) as collector:
        connection = connect(target_of(collector, authority))
        connection.send(frame_lf(sent), Patience())
        assert connection.finish(Patience()) is Receipt.WEAK
        assert connection.reason == (
            f"127.0.0.1:{collector.port} ended the connection, but not TLS (no close_notify)."
        )
        assert collector.frames() == sent


def test_who_ends_tls_alone_gives_a_weak_receipt(authority, pair):
    class EndsTlsAlone(Collector):
        def misbehave(self, talk):
            talk.read_all()
            talk.close_notify()
            talk.pause(30)

    with EndsTlsAlone(tls=pair) as collector:
        connection = connect(target_of(collector, authority))
        connection.send(frame_lf(messages(3)), Patience())
        assert connection.finish(Patience()) is Receipt.WEAK


def test_who_waits_for_the_end_of_tcp_gets_it(authority, pair):
    class HeedsOnlyTcp(Collector):
        def misbehave(self, talk):
            talk.read_all()
            talk.sock.settimeout(10)
            assert talk.sock.recv(100) == b""

    with HeedsOnlyTcp(tls=pair) as collector:
        connection = connect(target_of(collector, authority))
        connection.send(frame_lf(messages(3)), Patience())
        assert connection.finish(Patience()) is Receipt.WEAK
        assert collector.troubles == []


@pytest.mark.parametrize("kind", [HidesAReset, ResetsAfter, ClosesInMidFrame, ClosesWithFin])
def test_an_end_that_hides_a_reset_is_never_taken_for_a_receipt(kind, authority, pair):
    sent = messages(40)

    def trial(number):
        with kind(1 + number, tls=pair) as collector:
            connection = connect(target_of(collector, authority))
            receipt = Receipt.NONE
            with contextlib.suppress(BrokenError):
                for message in sent:
                    connection.send(frame_lf([message]), Patience())
                    time.sleep(0.0001 * (number % 3))
                receipt = connection.finish(Patience())
            connection.abandon()
            return receipt, collector.frames()

    with ThreadPoolExecutor(5) as pool:
        for receipt, got in pool.map(trial, range(20)):
            assert receipt is not Receipt.STRONG
            assert receipt is Receipt.NONE or got == sent


def test_a_reset_behind_the_answer_to_our_end_is_waited_for(authority, pair):
    """All of it stands unread in the collector's kernel, our end too, when its program goes away."""

    class GoesAway(Collector):
        def misbehave(self, talk):
            talk.pause(0.3)
            assert talk.end_first()
            talk.pause(0.005)
            talk.reset()

    with GoesAway(tls=pair) as collector:
        connection = connect(target_of(collector, authority))
        connection.send(frame_lf(messages(10)), Patience())
        assert connection.finish(Patience()) is Receipt.NONE
        assert collector.received() == [b""]
        assert collector.troubles == []


def test_who_ends_tls_first_gives_no_receipt(authority, pair):
    with HalfClosesFirst(1, tls=pair) as collector:
        connection = connect(target_of(collector, authority))
        connection.send(frame_lf(messages(1)), Patience())
        assert eventually(lambda: ended(connection))
        assert connection.finish(Patience()) is Receipt.NONE
        assert connection.reason == (
            f"127.0.0.1:{collector.port} closed the connection. It was stopped or restarted, or it does not take what is sent: check its log."
        )


def ended(connection):
    try:
        connection.check()
    except PeerEndedError:
        return True
    return False


def test_who_ends_tls_first_and_reads_on_can_be_sent_to(authority, pair):
    sent = messages(2000)
    with HalfClosesFirst(tls=pair) as collector:
        connection = connect(target_of(collector, authority))
        assert eventually(lambda: ended(connection))
        connection.go_on()
        for message in sent:
            connection.check()
            connection.send(frame_lf([message]), Patience())
        assert connection.finish(Patience()) is Receipt.NONE
        assert collector.wait_for(len(sent))


def test_tickets_and_other_records_without_data_are_no_end(authority, pair, versions):
    """TLS 1.3 servers send tickets after the handshake: readable, and nothing to read."""
    with Collector(tls=pair, versions=versions) as collector:
        connection = connect(target_of(collector, authority))
        for _ in range(20):
            connection.check()
            time.sleep(0.01)
        connection.send(frame_lf(messages(1)), Patience())
        connection.check()
        assert connection.finish(Patience()) is Receipt.STRONG


def test_who_talks_is_read_and_not_heeded(authority, pair):
    sent = messages(3000)
    with Talks(tls=pair) as collector:
        connection = connect(target_of(collector, authority))
        for start in range(0, len(sent), 100):
            connection.check()
            connection.send(frame_lf(sent[start : start + 100]), Patience())
        assert connection.finish(Patience()) is Receipt.STRONG
        assert collector.frames() == sent


def test_who_stalls_or_reads_slowly_is_waited_for(authority, pair):
    patience = Patience()
    sent = messages(1000, size=4000)
    with Stalls(3, seconds=2.5, tls=pair) as collector:
        connection = connect(target_of(collector, authority, tcp_user_timeout=1.0))
        connection.send(frame_lf(sent), patience)
        assert connection.finish(patience) is Receipt.STRONG
        assert collector.frames() == sent
    assert STALLED in patience.told
    sent = messages(200)
    with ReadsSlowly(size=2000, tls=pair) as collector:
        connection = connect(target_of(collector, authority))
        connection.send(frame_lf(sent), Patience())
        assert connection.finish(Patience()) is Receipt.STRONG
        assert collector.frames() == sent


def test_who_hangs_or_never_answers_is_waited_for_as_long_as_the_caller_likes(authority, pair):
    patience = Patience(until=STALLED)
    with HangsWithoutReading(tls=pair) as collector:
        connection = connect(target_of(collector, authority))
        with pytest.raises(GaveUp):
            connection.send(frame_lf(messages(50_000)), patience)
        connection.abandon()
    assert STALLED in patience.told
    patience = Patience(2.0)
    with NeverAnswers(tls=pair) as collector:
        connection = connect(target_of(collector, authority))
        connection.send(frame_lf(messages(10)), Patience())
        with pytest.raises(GaveUp):
            connection.finish(patience)
        assert len(collector.frames()) == 10
    assert set(patience.told) == {UNANSWERED}


# The collector's certificate


def test_an_expired_certificate(authority):
    with Collector(tls=authority.issue(expired=True)) as collector:
        error = refusal(target_of(collector, authority))
        assert str(error) == (
            f"cannot reach 127.0.0.1:{collector.port}: its certificate expired on {EXPIRED_ON}. "
            "Renew it there."
        )
        assert error.permanent
        assert eventually(lambda: bool(collector.refused))
        assert "expired" in collector.refused[0].lower()  # the collector's log tells as well


def test_an_unknown_authority(authority, pair, stranger):
    with Collector(tls=pair) as collector:
        error = refusal(target_of(collector, stranger))
        assert str(error) == (
            f"cannot reach 127.0.0.1:{collector.port}: the authority that issued its certificate "
            f"({authority.name}) is not in {stranger.ca}. Name the file of its CA certificate with "
            "ca=."
        )
        assert error.permanent
        assert collector.connections == 0


def test_an_authority_that_the_system_does_not_know(pair):
    with Collector(tls=pair) as collector:
        error = refusal(target_of(collector))
        assert "is not trusted here. Name the file of its CA certificate with ca=." in str(error)


def test_a_wrong_name(authority):
    with Collector(tls=authority.issue("siem.example", "*.siem.example")) as collector:
        error = refusal(target_of(collector, authority))
        assert str(error) == (
            f"cannot reach 127.0.0.1:{collector.port}: its certificate is for siem.example, "
            "*.siem.example, not for 127.0.0.1. Connect by such a name, or say which is meant with "
            "server_name=."
        )
        assert error.permanent


def test_server_name_says_which_name_is_meant(authority):
    with Collector(tls=authority.issue("siem.example")) as collector:
        connection = connect(target_of(collector, authority, server_name="siem.example"))
        assert connection.finish(Patience()) is Receipt.STRONG


def test_a_certificate_that_is_named_itself_is_believed(pair):
    """Whoever has only the collector's own certificate, and not its authority's."""
    with Collector(tls=pair) as collector:
        connection = connect(target_of(collector, ca=str(pair.cert)))
        assert connection.finish(Patience()) is Receipt.STRONG


def test_verify_no_believes_anyone_and_warns_once(stranger, caplog):
    with Collector(tls=stranger.issue("siem.example")) as collector:
        target = target_of(collector, verify=False)
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                assert connect(target).finish(Patience()) is Receipt.STRONG
        (record,) = caplog.records
        assert record.getMessage() == (
            f"127.0.0.1:{collector.port}: its certificate is not verified (verify=no): traffic can be intercepted. Name its CA with ca=."
        )


def test_a_renewed_certificate_is_taken_at_the_next_connection(tmp_path):
    """The collector's, and ours, and the CA file."""
    authority = Authority(tmp_path)
    old = authority.issue(expired=True)
    ours = authority.issue(client=True, expired=True)
    with Collector(tls=old, client_ca=authority.ca, versions=TLS12) as collector:
        target = target_of(collector, authority, cert=str(ours.cert), key=str(ours.key))
        assert "its certificate expired" in str(refusal(target))
        renew(authority.issue(), old)
        assert "our client certificate" in str(refusal(target))
        renew(authority.issue(client=True), ours)
        assert connect(target).finish(Patience()) is Receipt.STRONG
        other = Authority(tmp_path, "other")
        renew(other.issue(), old)
        assert "is not in" in str(refusal(target))
        authority.ca.write_bytes(authority.ca.read_bytes() + other.ca.read_bytes())
        assert connect(target).finish(Patience()) is Receipt.STRONG


def test_files_that_cannot_be_used_leave_those_before_in_use(tmp_path):
    """A renewal that is wrong or half done is no outage; what never worked is one."""
    authority = Authority(tmp_path)
    server, ours = authority.issue(), authority.issue(client=True)
    theirs = tmp_path / "theirs.pem"
    theirs.write_bytes(authority.ca.read_bytes())
    with Collector(tls=server, client_ca=theirs, versions=TLS12) as collector:
        target = target_of(collector, authority, cert=str(ours.cert), key=str(ours.key))
        assert connect(target).finish(Patience()) is Receipt.STRONG
        for break_it in (
            lambda: ours.key.write_text("half a key"),
            lambda: ours.cert.write_bytes(authority.issue(client=True).cert.read_bytes()),
            ours.cert.unlink,
            lambda: authority.ca.write_text(""),
        ):
            break_it()
            assert connect(target).finish(Patience()) is Receipt.STRONG
        other = target_of(collector, authority, cert=str(ours.cert), key=str(server.key))
        assert "cannot be read" in str(refusal(other))


def renew(new, old):
    old.cert.write_bytes(new.cert.read_bytes())
    old.key.write_bytes(new.key.read_bytes())


# Our certificate


def test_a_client_certificate_is_shown(authority, pair, versions):
    ours = authority.issue(client=True)
    with Collector(tls=pair, client_ca=authority.ca, versions=versions) as collector:
        target = target_of(collector, authority, cert=str(ours.cert), key=str(ours.key))
        connection = connect(target)
        connection.send(frame_lf(messages(5)), Patience())
        assert connection.finish(Patience()) is Receipt.STRONG
        assert collector.frames() == messages(5)


def refused_client(collector, target):
    """Return the error that a refused client gets, wherever it shows; nothing counts as sent.

    With TLS 1.3 connecting and writing succeed.
    """
    try:
        connection = connect(target)
    except ConnectError as error:
        return error
    try:
        with pytest.raises(BrokenError) as caught:
            send_until_it_breaks(connection)
        return caught.value
    finally:
        connection.abandon()
        assert collector.connections == 0


def send_until_it_breaks(connection):
    for message in messages(100):
        connection.send(frame_lf([message]), Patience())
        time.sleep(0.001)
    connection.finish(Patience())


REFUSALS = {
    "none": "it asks for a client certificate. Name one with cert= and key=.",
    "stranger": (
        "it refuses our client certificate {cert}: it does not know the authority that issued it. "
        "Get one that it takes, or have it take this one."
    ),
    "expired": (
        "it refuses our client certificate {cert}: it has expired. Get one that it takes, or have "
        "it take this one."
    ),
}


@pytest.mark.parametrize("why", REFUSALS)
def test_a_refused_client_certificate(why, authority, stranger, pair, versions):
    ours = {
        "stranger": lambda: stranger.issue(client=True),
        "expired": lambda: authority.issue(client=True, expired=True),
        "none": lambda: None,
    }[why]()
    words = {"cert": str(ours.cert), "key": str(ours.key)} if ours else {}
    with Collector(tls=pair, client_ca=authority.ca, versions=versions) as collector:
        error = refused_client(collector, target_of(collector, authority, **words))
        expected = REFUSALS[why].format(**words)
        if why == "none" and versions == TLS12:  # the alert does not tell (RFC 5246 7.4.6)
            expected = (
                "it refuses the TLS handshake. It may ask for a client certificate: name one with "
                "cert= and key=. Else it has no cipher in common with us."
            )
        peer = f"127.0.0.1:{collector.port}"
        assert str(error) in {
            f"cannot reach {peer}: {expected}",
            f"{peer} takes nothing from us: {expected}",
        }
        assert error.permanent


@pytest.mark.parametrize("how", ["check", "send", "finish"])
def test_a_client_certificate_refused_after_the_handshake_shows_everywhere(
    how, authority, stranger, pair
):
    """After a reset, too: the alert came before it, and can still be read."""
    ours = stranger.issue(client=True)
    with Collector(tls=pair, client_ca=authority.ca, versions=TLS13) as collector:
        target = target_of(collector, authority, cert=str(ours.cert), key=str(ours.key))
        connection = connect(target)
        connection.send(frame_lf(messages(1)), Patience())
        assert eventually(lambda: bool(collector.refused))
        time.sleep(0.05)
        act = {
            "check": connection.check,
            "send": lambda: connection.send(frame_lf(messages(100_000)), Patience()),
            "finish": lambda: connection.finish(Patience()),
        }[how]
        with pytest.raises(BrokenError, match="it refuses our client certificate"):
            act()
        connection.abandon()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"ca": "{folder}/no.pem"}, "the CA file {folder}/no.pem cannot be read: No such file"),
        ({"ca": "{folder}/text"}, "the CA file {folder}/text holds no certificate (PEM)."),
        (
            {"cert": "{folder}/no.pem"},
            "the certificate {folder}/no.pem cannot be read: No such file",
        ),
        (
            {"cert": "{cert}", "key": "{other}"},
            "the key {other} is not that of the certificate {cert}.",
        ),
        ({"cert": "{cert}", "key": "{folder}/locked"}, "the key {folder}/locked has a password."),
        (
            {"cert": "{cert}", "key": "{folder}/locked", "key_password": "wrong"},
            "the key {folder}/locked does not open with this password.",
        ),
    ],
)
def test_files_of_ours_that_cannot_be_used(words, says, authority, tmp_path):
    from cryptography.hazmat.primitives import serialization as pem

    ours = authority.issue(client=True)
    (tmp_path / "text").write_text("text")
    key = pem.load_pem_private_key(ours.key.read_bytes(), None)
    locked = key.private_bytes(
        pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(b"right")
    )
    (tmp_path / "locked").write_bytes(locked)
    names = {"folder": tmp_path, "cert": ours.cert, "other": authority.issue().key}
    said = {word: value.format(**names) for word, value in words.items()}
    error = refusal(DestinationUrl(scheme="tls", endpoints=(("127.0.0.1", 1),), **said))
    assert str(error).startswith(f"cannot connect to 127.0.0.1:1: {says.format(**names)}")
    assert error.permanent


def test_a_key_with_a_password_opens(authority, pair, tmp_path):
    from cryptography.hazmat.primitives import serialization as pem

    ours = authority.issue(client=True)
    key = pem.load_pem_private_key(ours.key.read_bytes(), None)
    ours.key.write_bytes(
        key.private_bytes(
            pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(b"right")
        )
    )
    (tmp_path / "secret").write_text("right\n")
    with Collector(tls=pair, client_ca=authority.ca) as collector:
        target = target_of(
            collector,
            authority,
            cert=str(ours.cert),
            key=str(ours.key),
            key_password=f"file:{tmp_path}/secret",
        )
        assert connect(target).finish(Patience()) is Receipt.STRONG


# Who speaks no TLS, or an old one


def test_a_plain_collector_that_waits_for_more(authority):
    with NeverAnswers() as collector:
        target = DestinationUrl(
            scheme="tls",
            endpoints=((collector.host, collector.port),),
            ca=str(authority.ca),
            connect_timeout=0.5,
        )
        assert str(refusal(target)) == (
            f"cannot reach 127.0.0.1:{collector.port}: no answer to the TLS handshake within 0.5 "
            f"seconds. {MAYBE_PLAIN}"
        )


class Says(Collector):
    """Reads a little, says something, and closes."""

    def __init__(self, text):
        super().__init__()
        self._text = text

    def misbehave(self, talk):
        talk.read()
        talk.write(self._text)


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        (
            b"220 mail ready\r\nplease\r\n",
            'it does not speak TLS: it says "220 mail ready". If it takes plain text, write tcp://.',
        ),
        (
            b"\x1b[31m",
            'it does not speak TLS: it says "?[31m". If it takes plain text, write tcp://.',
        ),
        (
            b"",
            "it closed the connection in the TLS handshake. " + MAYBE_PLAIN,
        ),
        (
            b"\x15\x03\x03\x00\x02\x02\x46",
            "it offers no TLS that is safe: 1.2 or later is needed. Bring it up to date.",
        ),
        (
            b"\x15\x03\x03\x00\x02\x02\x70",
            "it does not know the name 127.0.0.1. Set server_name= to a name it knows.",
        ),
        (
            b"\x15\x03\x03\x00\x02\x02\x50",
            "the TLS handshake failed: tlsv1 alert internal error. Check its log.",
        ),
    ],
)
def test_who_answers_the_handshake_with_something_else(said, meaning, authority):
    with Says(said) as collector:
        target = DestinationUrl(
            scheme="tls", endpoints=((collector.host, collector.port),), ca=str(authority.ca)
        )
        error = refusal(target)
        assert str(error) == f"cannot reach 127.0.0.1:{collector.port}: {meaning}"
        assert error.permanent is bool(said)


def test_a_collector_that_resets_the_handshake(authority):
    class Resets(Collector):
        def misbehave(self, talk):
            talk.read()
            talk.reset()

    with Resets() as collector:
        target = DestinationUrl(
            scheme="tls", endpoints=((collector.host, collector.port),), ca=str(authority.ca)
        )
        assert str(refusal(target)) == (
            f"cannot reach 127.0.0.1:{collector.port}: it aborted the TLS handshake. {MAYBE_PLAIN}"
        )


def test_nothing_older_than_tls_12_is_spoken():
    context = transport_tls.context_of(DestinationUrl(scheme="tls"))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_stop_ends_the_handshake():
    with NeverAnswers() as collector:
        target = DestinationUrl(
            scheme="tls", endpoints=((collector.host, collector.port),), connect_timeout=60
        )
        stop = threading.Event()
        timer = threading.Timer(0.3, stop.set)
        timer.start()
        with pytest.raises(ConnectError, match="stopped while connecting"):
            transport.connect(target, target.endpoints[0], stop=stop)
        timer.join()


def test_of_several_addresses_the_error_to_act_on_comes_first(authority):
    """Localhost's ::1 refuses where nothing listens there, and its 127.0.0.1 has expired."""
    with Collector(tls=authority.issue(expired=True)) as collector:
        target = DestinationUrl(
            scheme="tls", endpoints=(("localhost", collector.port),), ca=str(authority.ca)
        )
        error = refusal(target)
        assert str(error).startswith(
            f"cannot reach localhost:{collector.port} (127.0.0.1): its certificate expired on "
        )
        assert error.permanent
