"""The way to a host: its name, a connection to each of its addresses, TLS, its certificate.

In come an endpoint and TLS settings, out go verdicts. The same for collectors, HTTP, relays and
brokers. Sends nothing but what TLS asks for.
"""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cef_bridge.delivery.certificates import validity
from cef_bridge.delivery.connection import BrokenError, ConnectError, DeliveryError, Receipt
from cef_bridge.delivery.destination_url import DestinationUrl
from cef_bridge.delivery.names import resolve, shown_peer
from cef_bridge.delivery.transport import connect, dial
from cef_bridge.delivery.transport_tls import TlsConnection
from cef_bridge.delivery.urls import shown_endpoint
from cef_bridge.doctor.diagnosis import Verdict, not_tried, ok, problem, warning

if TYPE_CHECKING:
    from cef_bridge.delivery.connection import Connection
    from cef_bridge.delivery.destination_url import Tls
    from cef_bridge.delivery.names import Address
    from cef_bridge.delivery.urls import Endpoint
    from cef_bridge.doctor.links import Link

EXPIRES_SOON = 30 * 86400
"""A server's certificate that expires within so many seconds is a warning."""

_ALERT = 0.5  # seconds in which a server says that it refuses our certificate (TLS 1.3)
_PAUSE = 0.02
_PROXY = (
    "Receipts need a collector that closes in order. A TCP proxy in between may keep it from that. "
    "docs/delivery.md has more. Until then messages count as unconfirmed."
)


class _GivenUpError(DeliveryError):
    """It was waited for long enough."""


class HostProbe:
    """One host and port, looked at step by step. `tls` None: no TLS is used.

    `who` is what sentences call the program there.
    """

    def __init__(
        self, link: Link, endpoint: Endpoint, tls: Tls | None, who: str = "the collector"
    ) -> None:
        self._link = link
        self._endpoint = endpoint
        self._tls = tls
        self._who = who
        self._addresses: list[Address] = []
        self._connection: Connection | None = None
        self.shown = shown_endpoint(endpoint)

    def reach(self) -> bool:
        """Add rows for the name, and for a connection to each of its addresses."""
        link = self._link
        self.name()
        if not self._addresses:
            return link.run(f"TCP to {self.shown}", lambda: not_tried("no address"))
        return link.any_of(
            (f"TCP to {shown_peer(self._endpoint, it)}", partial(self._dial, it))
            for it in self._addresses
        )

    def name(self) -> bool:
        """Add a row for the name alone."""
        return self._link.run(f"name {self._endpoint[0]}", self._name)

    def secure(self) -> bool:
        """Add rows for TLS: the handshake, the server's certificate, and ours."""
        link = self._link
        link.run("TLS handshake", self._handshake)
        link.run("server certificate", self._certificate, vital=False)
        return link.run("client certificate", self._accepted)

    def expiry(self) -> None:
        """Add a row for the server's certificate alone; what is wrong with TLS is known already."""

        def look() -> Verdict:
            try:
                return self._certificate()
            except DeliveryError as error:
                return not_tried(str(error))

        self._link.run("server certificate", look, vital=False)

    def close_in_order(self, *, asked: bool) -> bool:
        """Add a row: does it answer an orderly end, as receipts need? `asked`: they are wanted."""
        return self._link.run("receipts", self._receipt if asked else _not_asked, vital=False)

    def end(self) -> None:
        """Close what is open."""
        if self._connection is not None:
            self._connection.abandon()

    # --- one check each ---------------------------------------------------------------------------

    def _name(self) -> Verdict:
        host = self._endpoint[0]
        self._addresses = resolve(
            self._endpoint, socket.SOCK_STREAM, self._link.limit, self._link.stop
        )
        found = ", ".join(dict.fromkeys(str(it.sockaddr[0]) for it in self._addresses))
        return ok("it is an address" if found == host else f"it has {found}")

    def _dial(self, address: Address) -> Verdict:
        peer = shown_peer(self._endpoint, address)
        try:
            dial(address, peer, self._link.limit, self._link.stop).close()
        except ConnectError as error:
            local = ip_address(str(address.sockaddr[0]).partition("%")[0]).is_loopback
            # localhost has two addresses everywhere, and servers that listen on one of them.
            if local and len(self._addresses) > 1 and self._works_otherwise(address):
                return ok("nothing listens on this address; the other one is used")
            return problem(str(error).replace("the collector", self._who))
        return ok("connected")

    def _works_otherwise(self, address: Address) -> bool:
        for other in self._addresses:
            if other != address:
                try:
                    dial(other, self.shown, self._link.limit, self._link.stop).close()
                except ConnectError:
                    continue
                return True
        return False

    def _target(self) -> DestinationUrl:
        """Return a destination of this host and these settings of TLS, whatever speaks there."""
        words: dict[str, object] = {}
        if self._tls is not None:
            names = ("ca", "cert", "key", "key_password", "server_name", "verify")
            words = {name: getattr(self._tls, name) for name in names}
        return DestinationUrl(
            scheme="tcp" if self._tls is None else "tls",
            endpoints=(self._endpoint,),
            connect_timeout=self._link.limit,
            **words,  # type: ignore[arg-type] # as they are declared
        )

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self._target(), self._endpoint, stop=self._link.stop)
        return self._connection

    def _handshake(self) -> Verdict:
        self._open()
        if self._tls is not None and not self._tls.verify:
            return warning(
                "done, without looking at the server's certificate (verify=no): traffic can be "
                "intercepted",
                "Name its CA with ca=.",
            )
        return ok("done: the chain is trusted, and the certificate is for this name")

    def _certificate(self) -> Verdict:
        connection = self._open()
        der = connection.certificate() if isinstance(connection, TlsConnection) else b""
        try:
            _, ends = validity(der)
        except (ValueError, IndexError):
            return not_tried("its dates cannot be read")
        left = ends - time.time()
        day = datetime.fromtimestamp(ends, UTC).date()
        if left < 0:
            return warning(f"it expired on {day}", "Renew it there.")
        if left < EXPIRES_SOON:
            return warning(f"it expires on {day}, in {left / 86400:.0f} days", "Renew it there.")
        return ok(f"valid until {day}")

    def _accepted(self) -> Verdict:
        """Look whether the server refuses our certificate: with TLS 1.3 it does so only now."""
        connection = self._open()
        until = time.monotonic() + _ALERT
        while time.monotonic() < until:
            try:
                connection.check()
            except BrokenError as error:
                if error.permanent:
                    return problem(str(error))
                return problem(f"{error}")
            time.sleep(_PAUSE)
        cert = self._tls.cert if self._tls is not None else None
        return ok(f"{cert} was not refused" if cert else "none was asked for")

    def _receipt(self) -> Verdict:
        connection = self._open()
        until = time.monotonic() + self._link.limit

        def on_wait(_: str) -> None:
            if time.monotonic() >= until:
                raise _GivenUpError("")

        try:
            receipt = connection.finish(on_wait)
        except _GivenUpError:
            text = f"{self.shown} did not end a connection within {self._link.limit:g} seconds"
            return warning(text, _PROXY)
        except BrokenError as error:
            return problem(str(error))
        if receipt is Receipt.NONE:
            return warning(connection.reason)
        return ok("it closes a connection in order: messages can be confirmed")


def _not_asked() -> Verdict:
    return not_tried("confirm=off: messages count as unconfirmed")
