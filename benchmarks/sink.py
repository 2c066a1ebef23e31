"""A TCP port on 127.0.0.1 that counts lines and closes in order: a collector that is never slow.

python benchmarks/sink.py      # prints its port; ends with its standard input, and prints the count
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading


class Sink:
    """Counts what comes; answers a half-close when it has read everything, as collectors do."""

    def __init__(self) -> None:
        self.lines = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._count, args=(client,), daemon=True).start()

    def _count(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while data := client.recv(1 << 18):
                self.lines += data.count(b"\n")


def main() -> None:
    """Count until standard input ends."""
    sink = Sink()
    print(sink.port, flush=True)
    sys.stdin.read()
    print(sink.lines, flush=True)


if __name__ == "__main__":
    main()
