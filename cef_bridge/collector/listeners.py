"""Where a collector listens: `udp://HOST:PORT`, `tcp://HOST:PORT`, `tls://HOST:PORT?cert=…&key=…`.

In comes what `--listen` says, out go a frozen `Listener`, its bound socket and its TLS context, or
sentences that say what is wrong. Must not know what is received.
"""

from __future__ import annotations

import re
import socket
import ssl
from typing import NamedTuple

from cef_bridge.delivery import urls
from cef_bridge.delivery.settings import did_you_mean, quoted
from cef_bridge.delivery.urls import shown_endpoint
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.small_files import MOST_PEM, UnreadableError, read_small

SCHEMES = ("udp", "tcp", "tls")
_WORDS = ("cert", "key", "client_ca")
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s/?#@:\[\]]*)):(\d{1,5})")
_BACKLOG = 128
_UDP_BUFFER = 8 << 20  # asked for; the kernel gives net.core.rmem_max at most


class Listener(NamedTuple):
    """One address that is listened on; port 0 lets the kernel choose. Paths are of PEM files."""

    scheme: str
    host: str
    port: int
    cert: str = ""
    key: str = ""
    client_ca: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{shown_endpoint((self.host, self.port))}"


def parse_listener(text: str) -> Listener:
    """Return the listener of a URL; UsageError names all that is wrong with it.

    No host means all addresses of the machine. `cert` may hold the key too. With `client_ca` a
    sender must show a certificate of that CA.
    """
    url, problems = urls.split(text)
    if url.scheme not in SCHEMES:
        hint = did_you_mean(url.scheme, SCHEMES)
        raise UsageError(
            f"cannot listen on {quoted(text)}: expected udp://, tcp:// or tls:// and HOST:PORT."
            f"{hint}"
        )
    found = _ADDRESS.fullmatch(url.rest.removesuffix("/"))
    if found is None or int(found[3]) > 65535:
        problems.append(
            f"Invalid address {quoted(url.rest)}. Expected HOST:PORT, such as 127.0.0.1:5514."
        )
    words: dict[str, str] = {}
    for name, value in url.words:
        if name not in _WORDS:
            hint = did_you_mean(name, _WORDS) or f" There are: {', '.join(_WORDS)}."
            problems.append(f"Unknown setting {quoted(name)} of a listener.{hint}")
        elif url.scheme != "tls":
            problems.append(f'"{name}" is for tls://.')
        elif name in words:
            problems.append(f'Duplicate "{name}". Remove one.')
        else:
            words[name] = value
    if url.scheme == "tls" and "cert" not in words:
        problems.append("A TLS listener needs a certificate: add ?cert=FILE&key=FILE.")
    if found is None or problems:
        raise UsageError(f"cannot listen on {quoted(text)}: {' '.join(problems)}")
    host = found[1] or found[2] or "0.0.0.0"  # noqa: S104 - who names no host asks for all
    return Listener(
        url.scheme,
        host,
        int(found[3]),
        words.get("cert", ""),
        words.get("key", "") or words.get("cert", ""),
        words.get("client_ca", ""),
    )


def bound(listener: Listener) -> socket.socket:
    """Return the listener's socket, non-blocking; CefBridgeError when the address cannot be had."""
    datagrams = listener.scheme == "udp"
    try:
        rows = socket.getaddrinfo(
            listener.host,
            listener.port,
            type=socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
    except OSError as error:
        raise CefBridgeError(f"cannot listen on {listener}: the host is not known.") from error
    family, kind, protocol, _, address = rows[0]
    found = socket.socket(family, kind, protocol)
    try:
        if datagrams:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UDP_BUFFER)
        else:
            # A collector that is started again must get its port while old connections linger.
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        if not datagrams:
            found.listen(_BACKLOG)
        found.setblocking(False)
    except OSError as error:
        found.close()
        why = (error.strerror or "unknown error").lower()
        raise CefBridgeError(f"cannot listen on {listener}: {why}.") from error
    return found


def tls_context(listener: Listener) -> ssl.SSLContext | None:
    """Return the TLS context of a listener, None without TLS; UsageError names the bad file."""
    if listener.scheme != "tls":
        return None
    for name, path in (
        ("cert", listener.cert),
        ("key", listener.key),
        ("client_ca", listener.client_ca),
    ):
        try:
            if path:
                read_small(path, MOST_PEM)
        except UnreadableError as error:
            why = str(error)
            why = why[:1].lower() + why[1:]
            raise UsageError(
                f"cannot listen on {listener}: {name} {quoted(path)}: {why}."
            ) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty password: a prompt would wait for ever where no one sits.
        context.load_cert_chain(listener.cert, listener.key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise UsageError(
            f"cannot listen on {listener}: {quoted(listener.cert)} and {quoted(listener.key)} are "
            "no certificate and its key in PEM, without a password."
        ) from error
    if listener.client_ca:
        try:
            context.load_verify_locations(listener.client_ca)
        except ssl.SSLError as error:
            raise UsageError(
                f"cannot listen on {listener}: {quoted(listener.client_ca)} holds no CA "
                "certificate in PEM."
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context
