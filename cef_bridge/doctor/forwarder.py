"""The forwarder itself: the engine in use, and one that runs already, by its metrics.

In comes a config, out go rows. Asks /readyz and /metrics of the config's address.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import TYPE_CHECKING

from cef_bridge.delivery.urls import shown_endpoint
from cef_bridge.doctor.diagnosis import Verdict, not_tried, ok, problem
from cef_bridge.engine import native
from cef_bridge.forward.metrics_client import NoAnswerError, ask

if TYPE_CHECKING:
    from cef_bridge.delivery.urls import Endpoint
    from cef_bridge.doctor.links import Link
    from cef_bridge.forward.config import Config
    from cef_bridge.forward.metrics_client import MetricsAnswer

_BETWEEN = 1.0  # seconds between two looks at the counters
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what such a server is asked at


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
        if answer is None or not answer.server.startswith("cef-bridge"):
            return problem(
                f"another program listens on {shown}", "Name another address with --metrics."
            )
        self._runs = True
        if answer.status == 200:
            return ok(f"a forwarder runs at {shown}, and is ready")
        return problem(
            f"a forwarder runs at {shown}, and is not ready: {'; '.join(answer.text.splitlines())}",
            "The rows above show the cause; its log has more.",
        )

    def _rate(self) -> Verdict:
        before, begun = self._counts(), time.monotonic()
        time.sleep(_BETWEEN)
        after, seconds = self._counts(), time.monotonic() - begun
        parts = []
        for name, counts in after.items():
            came, went = (
                max(now - then, 0) / seconds
                for now, then in zip(counts, before.get(name, (0, 0)), strict=True)
            )
            parts.append(f"{name}: in {came:,.0f}/s, out {went:,.0f}/s")
        return ok(", ".join(parts) or "no destination yet")

    def _counts(self) -> dict[str, tuple[int, int]]:
        """Return what each destination has received and sent."""
        from cef_bridge.forward.scraped import scraped  # noqa: PLC0415 - the parser takes 30 ms

        answer = self._ask("/metrics")
        found = scraped(answer.text, "") if answer is not None else None
        destinations = found.status.destinations if found is not None else ()
        return {it.name: (it.counts.get("received", 0), it.sent) for it in destinations}

    def _ask(self, path: str) -> MetricsAnswer | None:
        """Return an answer, None where nobody speaks HTTP."""
        assert self._address is not None  # noqa: S101 - asked before
        host, port = self._address
        try:
            return ask((_ANY.get(host, host), port), path, self._link.limit)
        except NoAnswerError:
            return None


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
