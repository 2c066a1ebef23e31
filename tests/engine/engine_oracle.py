"""engine/examples/oracle.rs, running: the engine's functions of texts, times and numbers, asked singly.

One process, which takes a function's name and texts, and gives its answer.
"""

from __future__ import annotations

import struct
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge import casing

if TYPE_CHECKING:
    from collections.abc import Iterator

CRATE = Path(__file__).parent.parent.parent / "engine"


class Oracle:
    """The program, waiting for texts."""

    def __init__(self, *command: str | Path) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, function: str, *texts: object) -> str:
        """Return the answer of a function."""
        request = struct.pack("<I", 1 + len(texts))
        for each in (function, *texts):
            encoded = str(each).encode()
            request += struct.pack("<I", len(encoded)) + encoded
        self._process.stdin.write(request)
        self._process.stdin.flush()
        (length,) = struct.unpack("<I", self._process.stdout.read(4))
        return self._process.stdout.read(length).decode()

    def close(self) -> None:
        """End the program."""
        self._process.stdin.close()
        self._process.stdout.close()
        assert self._process.wait(60) == 0


@contextmanager
def running(folder: Path) -> Iterator[Oracle]:
    """Build the program, and run it; what it needs is written to a folder."""
    build = ("cargo", "build", "--offline", "--locked", "--example", "oracle", "--target-dir")
    subprocess.run((*build, CRATE / "target"), cwd=CRATE, check=True)
    cases = folder / "cases"
    cases.write_bytes(casing.table())
    oracle = Oracle(CRATE / "target/debug/examples/oracle", cases)
    yield oracle
    oracle.close()
