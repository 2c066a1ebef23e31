"""One call at a time in a thread of its own: a block is fetched, a part is sent, while others work.

In comes a call, out goes a Future. The end of the program does not wait for the thread: a store
that does not answer must not keep an interrupted run.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def in_thread(call: Callable[[_In], _Out], given: _In) -> Future[_Out]:
    """Begin a call in a thread; what it raises is raised by `result`."""
    future: Future[_Out] = Future()

    def run() -> None:
        try:
            future.set_result(call(given))
        except BaseException as error:  # noqa: BLE001 - raised where the result is wanted
            future.set_exception(error)

    threading.Thread(target=run, name="object", daemon=True).start()
    return future
