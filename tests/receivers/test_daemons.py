"""What the receivers write is what they got, byte for byte: else nothing that is compared with it
later would prove a thing. Here plain sockets send.
"""

from __future__ import annotations

import contextlib
import socket
import ssl

import pytest

STREAMS = [
    ("rsyslog", {"module": "imtcp"}),
    ("rsyslog", {"module": "imptcp"}),
    ("rsyslog", {"module": "imtcp", "queue": "disk"}),
    ("rsyslog", {"module": "imtcp", "queue": "stock"}),
    ("rsyslog", {"transport": "tls", "driver": "ossl"}),
    ("rsyslog", {"transport": "tls", "driver": "gtls"}),
    ("rsyslog", {"transport": "mtls", "driver": "ossl"}),
    ("rsyslog", {"transport": "mtls", "driver": "gtls"}),
    ("syslog-ng", {}),
    ("syslog-ng", {"transport": "tls"}),
    ("syslog-ng", {"transport": "mtls"}),
]
HEADER = b"<134>1 2023-08-23T18:05:48.301798Z node-1 kubearmor - - - "
MESSAGES = [
    HEADER + b"CEF:0|KubeArmor|KubeArmor|1.4.3|log.file|File|1|act=Block",
    b"CEF:0|KubeArmor|KubeArmor|1.4.3|log.file|No header|1|msg=a\\=b \\\\ c\\nd",
    HEADER + "CEF:0|KubeArmor|KubeArmor|1|x|\u00fc\u20ac\U0001f512|1|filePath=/tmp/\u00e9".encode(),
    b"<134>Aug 23 18:05:48 node-1 LEEF:2.0|KubeArmor|KubeArmor|1|x|^|cat=File^sev=1",
    HEADER + b"CEF:0|KubeArmor|KubeArmor|1|x|Long|1|msg=" + b"0123456789" * 1200,
    HEADER + b"CEF:0|KubeArmor|KubeArmor|1|x|Two  spaces|1|msg=in  it",
]


def octets(messages):
    return b"".join(b"%d %b" % (len(each), each) for each in messages)


def lf(messages):
    return b"".join(each + b"\n" for each in messages)


FRAMINGS = {"lf": lf, "octet-counting": octets}


def told(kind, words):
    return " ".join([kind, *words.values()])


@pytest.fixture
def connect(authority):
    def connect_to(receiver):
        plain = socket.create_connection(("127.0.0.1", receiver.port), timeout=60)
        if receiver.transport == "tcp":
            return plain
        context = ssl.create_default_context(cafile=str(authority.ca))
        if receiver.transport == "mtls":
            context.load_cert_chain(*authority.issue(client=True))
        with plain:
            return context.wrap_socket(plain, server_hostname="localhost")

    return connect_to


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize(("kind", "words"), STREAMS, ids=[told(*row) for row in STREAMS])
def test_a_stream_is_written_as_it_came(start, connect, kind, words, framing):
    receiver = start(kind, framing=framing, **words)
    with connect(receiver) as client:
        client.sendall(FRAMINGS[framing](MESSAGES))
        assert receiver.wait_for(len(MESSAGES)) == MESSAGES, receiver.log()


@pytest.mark.parametrize("kind", ["rsyslog", "syslog-ng"])
def test_datagrams_are_written_as_they_came(start, kind):
    receiver = start(kind, transport="udp")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for message in MESSAGES:
            client.sendto(message, ("127.0.0.1", receiver.port))
    assert receiver.wait_for(len(MESSAGES)) == MESSAGES, receiver.log()


@pytest.mark.parametrize("kind", ["rsyslog", "syslog-ng"])
def test_after_kill_9_it_listens_on_its_port_again_and_keeps_what_it_wrote(start, connect, kind):
    receiver = start(kind)
    for number, message in enumerate(MESSAGES[:3], 1):
        with connect(receiver) as client:
            client.sendall(lf([message]))
            assert receiver.wait_for(number)[number - 1 :] == [message]
            receiver.kill()  # with the connection open
        with pytest.raises(ConnectionRefusedError):
            connect(receiver)
        receiver.start()
    assert receiver.lines() == MESSAGES[:3]
    receiver.reset()
    with connect(receiver) as client:
        client.sendall(lf(MESSAGES[3:]))
        assert receiver.wait_for(3) == MESSAGES[3:]


@pytest.mark.parametrize("kind", ["rsyslog", "syslog-ng"])
def test_mtls_refuses_a_client_without_a_certificate(start, authority, kind):
    receiver = start(kind, transport="mtls")
    context = ssl.create_default_context(cafile=str(authority.ca))
    with (
        socket.create_connection(("127.0.0.1", receiver.port), timeout=60) as plain,
        # TLS 1.3: the refusal comes after the client thinks that it is done.
        contextlib.suppress(OSError),
        context.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        client.sendall(lf(MESSAGES[:1]))
        while client.recv(1 << 10):
            pass
    assert receiver.wait_for(1, timeout=0.3) == []
