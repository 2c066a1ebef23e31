"""A source in its own process, as the forwarder sees it: started, listened to, ended.

In come the messages of `handover`, out go transactions to the queues. `listen` is the body of a
thread; that the process died is its error.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.delivery.queue import Stopped
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.intake import Outlet, store
from cef_bridge.service import handover
from cef_bridge.service.own_words import tell_flood, tell_gap
from cef_bridge.sources.feed import FeedState
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cef_bridge.config import Destination, Source

_PACKAGES = str(Path(__file__).resolve().parent.parent.parent)
_log = logging.getLogger(__name__)


class Inflow:
    """One source. `spec` is what it was asked to be, `state` how its feed is doing."""

    def __init__(self, spec: Source) -> None:
        self.spec = spec
        self.state = FeedState(connected=False, text="starting")
        self._outlets: Mapping[str, Outlet] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._sending = threading.Lock()
        self._replaced = threading.Event()
        self._replaced.set()
        self._stopped: set[str] = set()  # destinations that took no more
        self._lost = 0

    def start(self, destinations: Mapping[str, tuple[Destination, Outlet]], *, once: bool) -> None:
        """Start the process, and do not wait for it."""
        ours, theirs = socket.socketpair()
        path = os.pathsep.join(filter(None, (_PACKAGES, os.environ.get("PYTHONPATH"))))
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this program again
                [sys.executable, "-m", "cef_bridge.service.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": path},
            )
        self._connection = Connection(ours.detach())
        level = logging.getLogger("cef_bridge").getEffectiveLevel()
        self._send(handover.Begin(self.spec, once, self._places(destinations), level))

    def wait_until_ready(self) -> None:
        """Wait until the feed is there; UsageError when it cannot be as it was asked for."""
        while not self._deal_with(self._receive(), handover.Ready):
            pass

    def listen(self) -> None:
        """Store what comes until the feed ends; CefBridgeError when the process died."""
        while not self._deal_with(self._receive(), handover.Ended):
            pass
        if self._lost:
            _log.error(
                "%s: %s lost: there was no room in a queue",
                *(self.spec, counted(self._lost, "event")),
            )

    def replace(self, destinations: Mapping[str, tuple[Destination, Outlet]]) -> None:
        """Fill these queues from the next block on; `let_go` says when the others are let go."""
        self._replaced.clear()
        self._send(handover.Replace(self._places(destinations)))

    def let_go(self, timeout: float) -> bool:
        """Wait until nothing comes any more for queues that were replaced, or the feed ended."""
        return self._replaced.wait(timeout)

    def stop(self) -> None:
        """End the feed; what was read is handed over."""
        self._send(handover.Stop())

    def close(self) -> None:
        """End the process, if it has not ended by itself."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
        if self._connection is not None:
            self._connection.close()

    def _places(
        self, destinations: Mapping[str, tuple[Destination, Outlet]]
    ) -> list[handover.Place]:
        self._outlets = {**self._outlets, **{name: it[1] for name, it in destinations.items()}}
        return [
            handover.Place(spec, outlet.queue.marks(), outlet.queue.pending(), bool(outlet.stream))
            for spec, outlet in destinations.values()
        ]

    def _send(self, word: handover.Downward) -> None:
        if self._connection is None:
            return
        try:
            with self._sending:  # the thread that listens sends, and so does who stops or replaces
                self._connection.send(word)
        except OSError:
            _log.debug("%s: its process has gone", self.spec)  # `listen` finds out, and says so

    def _receive(self) -> handover.Upward:
        if self._connection is None or self._process is None:
            raise CefBridgeError("it was not started")
        try:
            word: handover.Upward = self._connection.recv()
        except (EOFError, OSError) as error:
            code = self._process.wait()
            how = f"by signal {-code}" if code < 0 else f"with code {code}"
            raise CefBridgeError(
                f"its process ended {how}. What was not stored is read again at the next start."
            ) from error
        return word

    def _deal_with(self, word: handover.Upward, awaited: type) -> bool:
        """Do what a message asks for; tell whether it is the one that is waited for."""
        match word:
            case handover.Append():
                self._append(word)
                self._send(handover.Ack())
            case handover.Forget(name, key):
                self._outlets[name].queue.forget_mark(key)
            case handover.Told(name, notice):
                tell_gap(self._outlets[name], notice)
            case handover.Flooded(name, source, flood):
                tell_flood(self._outlets[name], source, flood)
            case handover.Log(logger, level, text):
                logging.getLogger(logger).log(level, "%s", text)
            case handover.Failed(text, usage, trace):
                _log.debug("%s: %s", self.spec, trace)
                raise (UsageError if usage else CefBridgeError)(text)
            case FeedState():
                self.state = word
            case handover.Replaced() | handover.Ended():
                self._replaced.set()
        return isinstance(word, awaited)

    def _append(self, word: handover.Append) -> None:
        if word.name not in self._stopped:
            try:
                store(
                    self._outlets[word.name],
                    word.batches,
                    marks=word.marks,
                    pending=word.pending,
                    counts=word.counts,
                    dead=word.dead,
                )
            except Stopped:
                # Nothing behind it may be stored: its marks would say that this was.
                self._stopped.add(word.name)
        if word.name in self._stopped and not word.marks:  # else it is read again
            self._lost += word.messages
