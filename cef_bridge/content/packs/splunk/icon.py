"""The add-on's icon: a shield, drawn, as a PNG.

In comes a size, out comes a picture. Must not know where it is shown.
"""

from __future__ import annotations

import struct
import zlib

_BLUE, _WHITE, _CLEAR = b"\x45\x5a\x64\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00"


def icon(size: int) -> bytes:
    """Return a square picture of so many pixels a side."""
    rows = b"".join(
        b"\x00" + b"".join(_pixel(x, y, size) for x in range(size)) for y in range(size)
    )
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    )


def _pixel(x: int, y: int, size: int) -> bytes:
    """Return the color of a pixel: a shield whose lower half narrows, with a bar across it."""
    right, down = abs((x + 0.5) / size - 0.5), (y + 0.5) / size
    half = 0.40 if down < 0.5 else 0.40 * (1 - ((down - 0.5) / 0.45) ** 2)
    if not 0.08 < down < 0.95 or right > half:
        return _CLEAR
    return _WHITE if 0.38 < down < 0.48 and right < 0.24 else _BLUE


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
