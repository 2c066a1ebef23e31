"""Names of collectors as addresses, without waiting for a name server longer than we want to.

In comes an endpoint, out go its addresses in the system's order of preference, or a sentence.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.delivery.connection import ConnectError
from cef_bridge.delivery.urls import shown_endpoint

if TYPE_CHECKING:
    from cef_bridge.delivery.urls import Endpoint

_SLICE = 0.1


class Address(NamedTuple):
    """One address of a name; `sockaddr` is what `socket.connect` takes."""

    family: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]


def resolve(
    endpoint: Endpoint, kind: socket.SocketKind, seconds: float, stop: threading.Event
) -> list[Address]:
    """Look a name up, now; ConnectError when there is no answer in time, or `stop` is set.

    The system's resolver can wait for half a minute and cannot be interrupted, so a thread waits.
    """
    host, port = endpoint
    found: list[Address] = []
    errors: list[OSError | UnicodeError] = []

    def ask() -> None:
        try:
            for family, _, _, _, address in socket.getaddrinfo(host, port, type=kind):
                # typeshed knows addresses of other families, too
                found.append(Address(family, address))  # type: ignore[arg-type]
        except (OSError, UnicodeError) as error:
            errors.append(error)

    thread = threading.Thread(target=ask, name="resolver", daemon=True)
    thread.start()
    until = time.monotonic() + seconds
    while thread.is_alive() and time.monotonic() < until and not stop.is_set():
        thread.join(_SLICE)
    shown = shown_endpoint(endpoint)
    if thread.is_alive():
        if stop.is_set():
            raise ConnectError(f"cannot reach {shown}: stopped while looking up its name.")
        raise ConnectError(
            f"cannot reach {shown}: the name server does not answer within {seconds:g} seconds. "
            "Check the network and name server of this machine."
        )
    if errors:
        raise _unknown(shown, errors[0]) from errors[0]
    return list(dict.fromkeys(found))


def shown_peer(endpoint: Endpoint, address: Address) -> str:
    """Return `siem:6514 (10.0.0.7)`, or only `10.0.0.7:6514` when that was what was asked for."""
    host, _ = endpoint
    shown = shown_endpoint(endpoint)
    return shown if address.sockaddr[0] == host else f"{shown} ({address.sockaddr[0]})"


def _unknown(shown: str, error: OSError | UnicodeError) -> ConnectError:
    if isinstance(error, UnicodeError):
        return ConnectError(f"cannot reach {shown}: this is no host's name.", permanent=True)
    if error.errno == socket.EAI_AGAIN:
        return ConnectError(
            f"cannot reach {shown}: the name server does not answer. Check the network and name "
            "server of this machine."
        )
    return ConnectError(
        f"cannot reach {shown}: its name is not known. Check the name, and the name server of this "
        "machine."
    )
