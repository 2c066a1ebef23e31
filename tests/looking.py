"""What tests of the doctor share: events of this minute, collectors, and a look at all of it."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cef_bridge.doctor import Diagnosis, DiagnosisRow, ExamineOptions, examine
from cef_bridge.forward.config import from_urls

if TYPE_CHECKING:
    from pathlib import Path

    from certificates import Pair

LIMIT = 30.0
"""Seconds that a check has on a busy machine."""
SHORT = 4.0
"""Seconds, where a check is to come to its limit."""


def event(number: int = 0, *, at: float | None = None, **fields: object) -> dict[str, object]:
    """Return an alert of this moment, or of another (epoch seconds)."""
    when = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    return {
        "Timestamp": int(when.timestamp()),
        "UpdatedTime": f"{when:%Y-%m-%dT%H:%M:%S.%f}Z",
        "ClusterName": "c",
        "HostName": "node",
        "NamespaceName": "shop",
        "PodName": f"pod-{number}",
        "PolicyName": "deny",
        "Severity": "5",
        "Type": "MatchedPolicy",
        "Source": "/bin/bash",
        "Operation": "Process",
        "Resource": "/bin/sleep 10",
        "Data": "lsm=SECURITY_BPRM_CHECK",
        "Action": "Block",
        "Result": "Permission denied",
        **fields,
    }


def log() -> dict[str, object]:
    """Return telemetry of this moment."""
    return {**event(), "Type": "ContainerLog", "Result": "Passed", "PolicyName": "", "Action": ""}


def write(path: Path, *events: object) -> Path:
    """Write events, or lines, into a file."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in events]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def look(
    froms: list[object], tos: list[str], *, limit: float = LIMIT, send: bool = False, **options
) -> Diagnosis:
    """Return the diagnosis of these URLs."""
    config = from_urls([str(each) for each in froms], tos, **{"mapping": "splunk", **options})
    return examine(config, ExamineOptions(limit, send))


def row(found: Diagnosis, check: str, where: str = "") -> DiagnosisRow:
    """Return the one row of a check whose name begins so."""
    rows = [it for it in found.rows if it.check.startswith(check) and where in it.where]
    assert len(rows) == 1, [(it.where, it.check) for it in found.rows]
    return rows[0]


def statuses(found: Diagnosis) -> set[str]:
    return {it.status for it in found.rows}


class Collector:
    """Listens on loopback, reads each connection to its end, and closes: as collectors do.

    `closes=False`: it never ends a connection. `client_ca`: it asks for a certificate of that.
    """

    def __init__(
        self, pair: Pair | None = None, *, client_ca: Path | None = None, closes: bool = True
    ) -> None:
        self._context: ssl.SSLContext | None = None
        if pair is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(pair.cert, pair.key)
            if client_ca is not None:
                self._context.load_verify_locations(client_ca)
                self._context.verify_mode = ssl.CERT_REQUIRED
        self._closes = closes
        self.received = b""
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            if select.select([self._listener], [], [], 0.05)[0]:
                thread = threading.Thread(target=self._talk, args=(self._listener.accept()[0],))
                self._threads.append(thread)
                thread.start()

    def _talk(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(sock)
            sock.settimeout(60)
            if self._context is not None:
                sock = stack.enter_context(self._context.wrap_socket(sock, server_side=True))
            while data := sock.recv(1 << 16):
                self.received += data
            if isinstance(sock, ssl.SSLSocket):
                sock.unwrap()
            if not self._closes:
                self._stop.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()


def closed_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
