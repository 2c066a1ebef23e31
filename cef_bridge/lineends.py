"""How many lines end in some bytes. In come bytes, out comes a number; knows nothing else."""

from __future__ import annotations


def line_ends(data: bytes) -> int:
    r"""Return how many LF there are: `data.count(b"\n")`, sooner where lines are long.

    `count` looks at every byte, `replace` searches for the next one (memchr). Measured for 256 KiB,
    microseconds: 75 and 11 for lines of 1.1 KB, 97 and 118 for lines of 20 bytes.
    """
    return len(data) - len(data.replace(b"\n", b""))
