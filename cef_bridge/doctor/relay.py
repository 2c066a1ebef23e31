"""KubeArmor's relay, or a node's daemon: is it there, does it answer, does it bring events.

In comes an endpoint of a source, out go rows and the events that came in a few seconds. Reads the
streams as a forwarder does; KubeArmor gives each client a copy.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from cef_bridge.doctor.diagnosis import Verdict, not_tried, ok, problem, warning
from cef_bridge.doctor.network import HostProbe
from cef_bridge.sources.relay.channel import CancelledError, Channel, RpcError, fault
from cef_bridge.sources.relay.errors import RelayEndpoint
from cef_bridge.sources.relay.json_lines import UnreadableMessageError, line_of
from cef_bridge.sources.relay.schema import STREAMS

if TYPE_CHECKING:
    from cef_bridge.delivery.urls import Endpoint
    from cef_bridge.doctor.links import Link
    from cef_bridge.forward.config import Source

_LISTEN = 5.0  # seconds, where the limit of a check is not less
_MOST = 50  # messages of a stream
_MORE = 0.3  # seconds in which more may follow the first
_MAX_MESSAGE = 4 << 20  # bytes
_HINTS = {
    "alerts": (
        "An alert needs a policy that matches, and KubeArmor drops a container's alerts for a "
        "while when there are too many (throttling). Do what a policy forbids, and look at karmor "
        "logs."
    ),
    "logs": (
        "Logs need visibility: kubectl annotate ns NAME "
        'kubearmor-visibility="process,file,network". Look at karmor logs --logFilter=all'
    ),
    "messages": "KubeArmor sends messages only when it was started with -debug.",
}


class RelayProbe:
    """One endpoint of a relay, looked at step by step."""

    def __init__(self, link: Link, source: Source, endpoint: Endpoint) -> None:
        self._link = link
        self._source = source
        self._host = HostProbe(link, endpoint, source if source.tls else None, "the relay")
        self._place = RelayEndpoint(
            *endpoint, source.tls, source.ca, source.cert, source.key, source.server_name
        )
        filters = {"alerts": source.alerts, "logs": source.logs}
        wait = min(link.limit, _LISTEN)
        self._streams = {
            kind: _Stream(self._place, kind, filters.get(kind, "all"), wait)
            for kind in source.streams
        }

    def look(self) -> list[bytes]:
        """Add the rows; return the events that came, as lines of JSON."""
        try:
            return self._look()
        finally:
            self._host.end()

    def _look(self) -> list[bytes]:
        link = self._link
        self._host.reach()
        answers = link.run("gRPC", self._answers)
        if self._source.tls:
            self._host.expiry()
        if answers:
            for stream in self._streams.values():
                stream.start()
        brought = [stream.ended() for stream in self._streams.values()] if answers else []
        for kind, stream in self._streams.items():
            link.run(f"stream {kind}", partial(stream.verdict, quiet=not any(brought)), vital=False)
        return [line for stream in self._streams.values() for line in stream.lines]

    def _answers(self) -> Verdict:
        channel = Channel(self._place, _MAX_MESSAGE)
        try:
            remark = channel.check(self._link.limit, self._source.health_port)
        except RpcError as error:
            return problem(fault(error, self._place, _MAX_MESSAGE).text)
        except CancelledError:
            return not_tried("stopped")
        finally:
            channel.close()
        return warning(remark, "Look at its log.") if remark else ok("it answers")


class _Stream:
    """A stream that is read for some seconds, in a thread of its own."""

    def __init__(self, place: RelayEndpoint, kind: str, words: str, wait: float) -> None:
        self.lines: list[bytes] = []
        self._place, self._kind, self._words, self._wait = place, kind, words, wait
        self._error = ""
        self._over = False  # it was ended by us
        self._thread = threading.Thread(target=self._read, name=f"stream {kind}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ended(self) -> bool:
        """Wait until it has been read long enough; tell whether it brought something."""
        self._thread.join(self._wait + 2)
        return bool(self.lines)

    def _read(self) -> None:
        channel = Channel(self._place, _MAX_MESSAGE)
        timer = threading.Timer(self._wait, self._end, (channel,))
        timer.daemon = True
        convert = line_of(STREAMS[self._kind].message)
        begun = 0.0
        try:
            channel.open(self._kind, self._words)
            timer.start()
            for message in channel.read():
                begun = begun or time.monotonic()
                try:
                    self.lines.append(convert(message))
                except UnreadableMessageError:
                    self.lines.append(message)
                if len(self.lines) >= _MOST or time.monotonic() - begun > _MORE:
                    self._over = True
                    break
        except RpcError as error:
            if not self._over:
                self._error = fault(error, self._place, _MAX_MESSAGE).text
        finally:
            timer.cancel()
            channel.close()

    def _end(self, channel: Channel) -> None:
        self._over = True
        channel.cancel()

    def verdict(self, *, quiet: bool) -> Verdict:
        """Return what came. `quiet`: no stream brought anything, which is a warning."""
        if self._error:
            return problem(self._error)
        if self.lines:
            return ok(f"{len(self.lines)} or more events" if len(self.lines) > 1 else "an event")
        if not self._over:
            return problem(
                f"{self._place.address} ended the stream at once, without an event",
                f"KubeArmor does so when it shuts down, or does not know the filter {self._words}.",
            )
        text = f"connected, and no event in {self._wait:g} seconds"
        return warning(text, _HINTS[self._kind]) if quiet else ok(text)
