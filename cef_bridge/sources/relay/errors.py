"""What went wrong between us and a relay, as a sentence that says what to do.

In comes what gRPC says (a status code and its details, made for programmers); out goes a Fault.
When gRPC knows no more than that the socket was closed, a look at the port tells why.
"""

from __future__ import annotations

import socket
import ssl
from typing import NamedTuple

LOOK_TIMEOUT = 2.0


class RelayError(NamedTuple):
    """A sentence without a full stop; `permanent`: it stays so until someone acts."""

    text: str
    permanent: bool = False


class RelayEndpoint(NamedTuple):
    """Where a relay is and how it is spoken to; `ca`, `cert` and `key` are paths."""

    host: str
    port: int
    tls: bool = False
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None

    @property
    def address(self) -> str:
        """Host and port, as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


# What gRPC's details contain -> the sentence, and whether it stays so. First match wins.
_DETAILS: tuple[tuple[str, str, bool], ...] = (
    ("Connection refused", "{at} refuses connections: nothing listens there", False),
    (
        "lookup",
        "cannot resolve {host}: the name server does not know it, or there is no name server",
        False,
    ),
    ("WRONG_VERSION_NUMBER", "{at} does not speak TLS: leave out tls=yes", True),
    (
        "certificate has expired",
        "the certificate of {at} has expired: it needs a new one",
        True,
    ),
    (
        "certificate is not yet valid",
        "the certificate of {at} is not valid yet: compare the clocks",
        True,
    ),
    (
        "CERTIFICATE_VERIFY_FAILED",
        (
            "the certificate of {at} is not signed by an authority known here: name the file with "
            "its authority as ca=PATH (KubeArmor's own is ca.crt below its TLS folder)"
        ),
        True,
    ),
    (
        "Hostname Verification",
        (
            "the certificate of {at} is not for the name {name}: set server_name= to a name it "
            "covers"
        ),
        True,
    ),
    ("http1.x", "{at} speaks HTTP/1, not gRPC: is the port right?", True),
    ("No route to host", "there is no route to {at}", False),
    ("Network is unreachable", "there is no route to {at}", False),
    ("timed out", "{at} does not answer", False),
    ("Timeout", "{at} does not answer", False),
)

_CLOSED = ("Cancelling all calls", "GOAWAY", "losed", "reset", "roken pipe")

_REFUSED_CERTIFICATE = (
    "{at} wants a client certificate that its own authority has signed: say cert=PATH and key=PATH"
)


def unreachable(place: RelayEndpoint, details: str) -> RelayError:
    """Return why there is no connection, or none any more (gRPC's UNAVAILABLE)."""
    values = {
        "at": place.address,
        "host": place.host,
        "name": place.server_name or place.host,
    }
    for sign, text, permanent in _DETAILS:
        if sign in details:
            return RelayError(text.format(**values), permanent)
    if details.startswith("failed to connect") and "losed" in details:
        found = look(place)
        return found or RelayError(f"{place.address} closes connections at once")
    if details.startswith("failed to connect"):
        return RelayError(f"{place.address} cannot be reached ({plain(details)})")
    if any(sign in details for sign in _CLOSED):
        return RelayError(f"{place.address} closed the connection")
    return RelayError(f"{place.address} is gone ({plain(details)})")


def look(place: RelayEndpoint) -> RelayError | None:
    """Find out by a connection of our own why a server closes ours before the first answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent or believed
    context.set_alpn_protocols(["h2"])
    try:
        if place.cert:
            context.load_cert_chain(place.cert, place.key)
        with (
            socket.create_connection((place.host, place.port), LOOK_TIMEOUT) as raw,
            context.wrap_socket(raw, server_hostname=place.server_name or place.host) as wrapped,
        ):
            if not place.tls:
                return RelayError(f"{place.address} speaks TLS: say tls=yes", permanent=True)
            # TLS 1.3: only now is it seen that our certificate was refused. Some say why (below),
            # gRPC's C core just closes.
            if not wrapped.recv(1):
                return _refusal(place, "")
    except ssl.SSLError as error:
        if place.tls and "ALERT" in str(error.reason):
            return _refusal(place, str(error.reason))
    except OSError:
        return None
    return None


def _refusal(place: RelayEndpoint, alert: str) -> RelayError:
    if place.cert is None:
        return RelayError(_REFUSED_CERTIFICATE.format(at=place.address), permanent=True)
    why = {
        "TLSV1_ALERT_UNKNOWN_CA": "its authority is not the one that is wanted",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it has expired",
        "SSLV3_ALERT_BAD_CERTIFICATE": "it is not valid there",
    }.get(alert, "it is not valid there")
    return RelayError(
        f"{place.address} refuses the client certificate {place.cert}: {why}", permanent=True
    )


def refused(place: RelayEndpoint, code: str, details: str, limit: int) -> RelayError:
    """Return what a status other than UNAVAILABLE means; `code` is gRPC's name of it."""
    at = place.address
    if code == "UNIMPLEMENTED":
        return RelayError(
            f"{at} answers, but is not KubeArmor: it has no feeder.LogService. Is the port right?",
            permanent=True,
        )
    if code == "RESOURCE_EXHAUSTED" and "larger than max" in details:
        return RelayError(f"{at} sent a message of more than {limit:,} bytes, which is lost")
    if code in {"UNAUTHENTICATED", "PERMISSION_DENIED"}:
        return RelayError(f"{at} does not let us in ({plain(details)})", permanent=True)
    if code == "DEADLINE_EXCEEDED":
        return RelayError(f"{at} does not answer")
    return RelayError(f"{at} ended the stream ({plain(details) or code.lower().replace('_', ' ')})")


def plain(details: str) -> str:
    """Return a server's words as one short, printable line."""
    text = " ".join("".join(c if c.isprintable() else " " for c in details).split())
    return text if len(text) <= 200 else f"{text[:200]}..."
