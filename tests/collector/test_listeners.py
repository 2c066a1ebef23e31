"""What `--listen` takes, and what it is told otherwise."""

from __future__ import annotations

import re
import socket

import pytest
from certificates import Authority

from cef_bridge.collector.listeners import Listener, bound, parse_listener, tls_context
from cef_bridge.errors import CefBridgeError, UsageError


@pytest.mark.parametrize(
    ("text", "listener"),
    [
        ("udp://127.0.0.1:514", Listener("udp", "127.0.0.1", 514)),
        ("TCP://localhost:0", Listener("tcp", "localhost", 0)),
        ("tcp://:5514/", Listener("tcp", "0.0.0.0", 5514)),  # noqa: S104 - no host is every host
        ("tcp://[::1]:5514", Listener("tcp", "::1", 5514)),
        (
            "tls://h:6514?cert=a%20b.pem&key=k&client_ca=c",
            Listener("tls", "h", 6514, "a b.pem", "k", "c"),
        ),
        ("tls://h:6514?cert=both.pem", Listener("tls", "h", 6514, "both.pem", "both.pem")),
    ],
)
def test_a_listener_is_a_scheme_an_address_and_files(text, listener):
    assert parse_listener(text) == listener


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "tcp:/x",
            'cannot listen on "tcp:/x": Invalid address "/x". Expected HOST:PORT, such as 127.0.0.1:5514.',
        ),
        (
            "http://a:1",
            'cannot listen on "http://a:1": expected udp://, tcp:// or tls:// and HOST:PORT.',
        ),
        (
            "5514",
            'cannot listen on "5514": expected udp://, tcp:// or tls:// and HOST:PORT.',
        ),
        (
            "tcp://localhost",
            (
                'cannot listen on "tcp://localhost": Invalid address "localhost". '
                "Expected HOST:PORT, such as 127.0.0.1:5514."
            ),
        ),
        (
            "tcp://a:99999",
            (
                'cannot listen on "tcp://a:99999": Invalid address "a:99999". '
                "Expected HOST:PORT, such as 127.0.0.1:5514."
            ),
        ),
        (
            "tls://a:1?certt=x",
            (
                'cannot listen on "tls://a:1?certt=x": Unknown setting "certt" of a listener. Did you mean "cert"? '
                "A TLS listener needs a certificate: add ?cert=FILE&key=FILE."
            ),
        ),
        ("tcp://a:1?cert=x", 'cannot listen on "tcp://a:1?cert=x": "cert" is for tls://.'),
        (
            "tls://a:1?cert=x&cert=y",
            'cannot listen on "tls://a:1?cert=x&cert=y": Duplicate "cert". Remove one.',
        ),
    ],
)
def test_what_cannot_be_listened_on_is_named(text, sentence):
    with pytest.raises(UsageError, match=f"^{re.escape(sentence)}$"):
        parse_listener(text)


def test_an_address_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = f"cannot listen on tcp://127.0.0.1:{port}: address already in use."
        with pytest.raises(CefBridgeError, match=f"^{re.escape(sentence)}$"):
            bound(Listener("tcp", "127.0.0.1", port))


def test_files_that_make_no_tls_are_named(tmp_path):
    pair, other = Authority(tmp_path).issue(), Authority(tmp_path, "other").issue()
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    good = {"cert": str(pair.cert), "key": str(pair.key)}
    assert tls_context(Listener("tls", "h", 1, **good)) is not None
    for files, sentence in (
        ({"cert": "/no/such"}, 'tls://h:1: cert "/no/such": no such file or directory.'),
        ({"key": str(other.key)}, "are no certificate and its key in PEM, without a password."),
        ({"client_ca": str(nonsense)}, "holds no CA certificate in PEM."),
    ):
        with pytest.raises(UsageError, match=re.escape(sentence)):
            tls_context(Listener("tls", "h", 1, **{**good, **files}))
