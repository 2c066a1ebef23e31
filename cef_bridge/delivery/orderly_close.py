"""An orderly end of a connection that is under way, while its sender does something else.

In comes a connection, out comes its receipt, when it has come. A thread of its own waits, so that
the first answer of a slow collector can still be heard when its successor is already in use. Must
not know what a receipt means.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from cef_bridge.delivery.connection import SLOW, BrokenError, Receipt

if TYPE_CHECKING:
    from cef_bridge.delivery.connection import Connection


class _GivenUpError(Exception):
    """Nobody waits for the answer any more."""


class OrderlyClose:
    """Ends `connection` in order; use `wait` and `receipt`, or `abandon` it.

    `wary` as in `Connection.finish`.
    """

    def __init__(self, connection: Connection, *, wary: bool = True) -> None:
        self.reason = SLOW  # what is waited for, as `Connection.finish` says
        self.sentence = ""  # why there is no receipt
        self._connection = connection
        self._wary = wary
        self._receipt: Receipt | None = None
        self._error: BaseException | None = None
        self._given_up = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="farewell", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; False when it has not come in so many seconds."""
        return self._done.wait(seconds)

    def receipt(self) -> Receipt:
        """Return what the end said, after `wait` was True; BrokenError when it was a break."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._receipt or Receipt.NONE

    def give_up(self) -> None:
        """Wait no more; the connection is closed within half a second."""
        self._given_up.set()

    def abandon(self) -> None:
        """Wait no more, and return when the connection is closed."""
        self.give_up()
        self._thread.join()

    def _on_wait(self, reason: str) -> None:
        self.reason = reason
        if self._given_up.is_set():
            raise _GivenUpError

    def _run(self) -> None:
        try:
            self._receipt = self._connection.finish(self._on_wait, wary=self._wary)
            self.sentence = self._connection.reason
        except (BrokenError, _GivenUpError) as error:
            self._error = error
        except BaseException as error:  # noqa: BLE001  # raised again, in the thread that asks
            self._error = error
        finally:
            self._connection.abandon()
            self._done.set()
