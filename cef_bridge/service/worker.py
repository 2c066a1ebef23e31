"""The process of one source: reads the feed, converts, hands over. `python -m …worker FD`.

In comes a `Begin` on the inherited socket, out go the messages of `handover`. Ends with the feed,
at the word of the forwarder, or at once when that has gone: what was not stored is read again.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, cast

from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.intake import Intake, Outlet
from cef_bridge.service import handover
from cef_bridge.service.parts import converter_of, feed_of
from cef_bridge.service.watched import Watched
from cef_bridge.unitloop import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.delivery.queue import Queue
    from cef_bridge.fairness import Flood
    from cef_bridge.service.handover import Place, Sender
    from cef_bridge.sources.feed import Notice

_GONE = 3  # exit code when the forwarder has gone


def main() -> None:
    """Do what the forwarder says on the socket whose number is the argument."""
    # A terminal's ^C, systemd's and Kubernetes' signals reach all processes: the forwarder says
    # what is to be done about them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    connection = Connection(int(sys.argv[1]))
    sender = handover.Sender(connection)
    begin: handover.Begin = connection.recv()
    _log_to(sender, begin.level)
    try:
        _work(connection, sender, begin)
    except OSError as error:
        if isinstance(error, (BrokenPipeError, ConnectionResetError)):
            os._exit(_GONE)
        _fail(sender, error.strerror or "an error inside the program")
    except CefBridgeError as error:
        _fail(sender, str(error), usage=isinstance(error, UsageError))
    except Exception:  # noqa: BLE001 - told, and ends the service
        _fail(sender, "an error inside the program. --debug shows where")
    os._exit(0)  # threads of a feed that hang are nobody's business any more


def _work(connection: Connection, sender: Sender, begin: handover.Begin) -> None:
    # What is remembered lives long and has no cycles worth looking for: measured 2 to 4 % less CPU.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    source = begin.source
    feed = Watched(feed_of(source, once=begin.once), sender.send)
    options = Options(max_record=source.max_record, input_format=source.input_format)

    def tell(outlet: Outlet, notice: Notice) -> None:
        sender.send(handover.Told(outlet.name, notice))

    def tell_flood(outlet: Outlet, source: str, flood: Flood) -> None:
        sender.send(handover.Flooded(outlet.name, source, flood))

    intake = Intake(feed, _outlets(begin.places, sender), options, tell, tell_flood)
    listening = threading.Thread(target=_listen, args=(connection, sender, intake), daemon=True)
    listening.start()
    sender.send(handover.Ready())
    intake.run()
    sender.send(feed.state())
    sender.send(handover.Ended())


def _outlets(places: Sequence[Place], sender: Sender) -> list[Outlet]:
    # A Distant has all of a queue that an intake uses.
    return [
        Outlet(
            place.spec.name,
            cast("Queue", handover.Distant(place, sender)),
            converter_of(place.spec),
        )
        for place in places
    ]


def _listen(connection: Connection, sender: Sender, intake: Intake) -> None:
    try:
        while True:
            word: handover.Downward = connection.recv()
            if isinstance(word, handover.Ack):
                sender.ahead.release()
            elif isinstance(word, handover.Stop):
                intake.stop()
            elif isinstance(word, handover.Replace):
                intake.replace(
                    _outlets(word.places, sender), then=lambda: sender.send(handover.Replaced())
                )
    except (EOFError, OSError):
        os._exit(_GONE)


def _fail(sender: Sender, text: str, *, usage: bool = False) -> None:
    try:
        sender.send(handover.Failed(text, usage, traceback.format_exc()))
    except OSError:
        os._exit(_GONE)


def _log_to(sender: Sender, level: int) -> None:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + "".join(traceback.format_exception(*record.exc_info))
            sender.send(handover.Log(record.name, record.levelno, text))

    logging.basicConfig(level=level, handlers=[Handler()], force=True)


if __name__ == "__main__":
    main()
