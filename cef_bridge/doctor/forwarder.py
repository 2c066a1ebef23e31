"""The forwarder itself: the engine in use, and one that runs already, by its metrics.

In comes a config, out go rows. Asks /readyz and /metrics of the config's address.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import re
import socket
import time
from typing import TYPE_CHECKING

from cef_bridge.delivery.urls import shown_endpoint
from cef_bridge.doctor.diagnosis import Verdict, not_tried, ok, problem
from cef_bridge.engine import native

if TYPE_CHECKING:
    from cef_bridge.delivery.urls import Endpoint
    from cef_bridge.doctor.links import Link
    from cef_bridge.forward.config import Config

_SAMPLE = re.compile(
    r'^cef_bridge_(received|sent)_total\{[^}]*destination="([^"]*)"[^}]*\} (\S+)$', re.MULTILINE
)
_BETWEEN = 1.0  # seconds between two looks at the counters
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what such a server is asked at
_MOST = 1 << 20


class ForwarderProbe:
    """What there is to say of the process."""

    def __init__(self, link: Link, config: Config) -> None:
        self._link = link
        self._address = config.metrics_address
        self._runs = False

    def look(self) -> None:
        """Add the rows."""
        link = self._link
        link.run("engine", lambda: ok(str(native.status())))
        link.run("metrics address", self._metrics, vital=False)
        if self._runs:
            link.run("rate", self._rate, vital=False)

    def _metrics(self) -> Verdict:
        if self._address is None:
            return not_tried("no metrics address is set")
        shown = shown_endpoint(self._address)
        why = _taken(self._address)
        if why is None:
            return ok(f"{shown} is free: no forwarder of this config runs")
        if why != errno.EADDRINUSE:
            return problem(
                f"{shown} cannot be listened on: {errno.errorcode.get(why, 'unknown error')}",
                "Name an address of this machine, and a port that this user may open.",
            )
        answer = self._ask("/readyz")
        if answer is None or not answer[2].startswith("cef-bridge"):
            return problem(
                f"another program listens on {shown}", "Name another address with --metrics."
            )
        self._runs = True
        status, text, _ = answer
        if status == 200:
            return ok(f"a forwarder runs at {shown}, and is ready")
        return problem(
            f"a forwarder runs at {shown}, and is not ready: {'; '.join(text.splitlines())}",
            "The rows above show the cause; its log has more.",
        )

    def _rate(self) -> Verdict:
        before, begun = self._counts(), time.monotonic()
        time.sleep(_BETWEEN)
        after, seconds = self._counts(), time.monotonic() - begun
        parts = []
        for name in dict.fromkeys(name for _, name in after):
            came, went = (
                max(after.get((what, name), 0) - before.get((what, name), 0), 0) / seconds
                for what in ("received", "sent")
            )
            parts.append(f"{name}: in {came:,.0f}/s, out {went:,.0f}/s")
        return ok(", ".join(parts) or "no destination yet")

    def _counts(self) -> dict[tuple[str, str], float]:
        answer = self._ask("/metrics")
        text = answer[1] if answer is not None else ""
        return {(what, name): float(value) for what, name, value in _SAMPLE.findall(text)}

    def _ask(self, path: str) -> tuple[int, str, str] | None:
        """Return status, body and server of an answer, None where nobody speaks HTTP."""
        assert self._address is not None  # noqa: S101 - asked before
        host, port = self._address
        connection = http.client.HTTPConnection(
            _ANY.get(host, host), port, timeout=self._link.limit
        )
        with contextlib.closing(connection):
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                body = answer.read(_MOST).decode("utf-8", "replace")
            except (OSError, http.client.HTTPException):
                return None
            return answer.status, body, answer.getheader("Server", "")


def _taken(address: Endpoint) -> int | None:
    """Return the error of listening on an address, None when it can be had."""
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(1)
        except OSError as error:
            return error.errno or errno.EINVAL
    return None
