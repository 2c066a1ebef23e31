"""Words to systemd: ready, reloading, stopping, still alive (sd_notify(3)).

In comes a state, out goes a datagram to the socket that NOTIFY_SOCKET names; without one, nothing.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

READY, STOPPING, WATCHDOG = "READY=1", "STOPPING=1", "WATCHDOG=1"


def notify(*states: str, environ: Mapping[str, str] = os.environ) -> None:
    """Tell systemd; whether it listens makes no difference."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to,
    ):
        to.connect(address)
        to.sendall("\n".join(states).encode())


def reloading() -> str:
    """Return what to say before READY=1 comes again (Type=notify-reload needs the clock)."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


def watchdog_interval(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return how often to say WATCHDOG=1, in seconds: half of what systemd waits."""
    try:
        interval = int(environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return interval / 2_000_000 if mine and interval > 0 else None
