"""A screenshot as a PNG of 256 colors: half the size, and the eye sees no difference in text."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

_MOST = 256
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def small(png: bytes) -> bytes:
    """Return a PNG of RGB or RGBA pixels, 8 bits each, with the colors that it has most."""
    width, height, channels, data = _read(png)
    pixels = _pixels(width, height, channels, data)
    colors = [color for color, _ in Counter(pixels).most_common(_MOST)]
    index = {color: number for number, color in enumerate(colors)}
    for color in {*pixels} - index.keys():
        index[color] = min(range(len(colors)), key=lambda it: _distance(colors[it], color))
    rows = bytearray()
    for row in range(height):
        rows.append(0)
        rows.extend(index[pixel] for pixel in pixels[row * width : (row + 1) * width])
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(colors)),
            _chunk(b"IDAT", zlib.compress(bytes(rows), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _distance(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _read(png: bytes) -> tuple[int, int, int, bytes]:
    assert png.startswith(_SIGNATURE)
    at, data, head = len(_SIGNATURE), b"", b""
    while at < len(png):
        (size,), name = struct.unpack_from(">I", png, at), png[at + 4 : at + 8]
        body = png[at + 8 : at + 8 + size]
        head = body if name == b"IHDR" else head
        data += body if name == b"IDAT" else b""
        at += size + 12
    width, height, bits, kind, *_ = struct.unpack(">IIBBBBB", head)
    assert bits == 8
    return width, height, {2: 3, 6: 4}[kind], zlib.decompress(data)


def _pixels(width: int, height: int, channels: int, data: bytes) -> list[bytes]:
    """Undo the filters of the rows (PNG, section 9), and drop what is transparent."""
    size = width * channels
    above = bytearray(size)
    pixels = []
    for row in range(height):
        begin = row * (size + 1)
        kind, line = data[begin], bytearray(data[begin + 1 : begin + 1 + size])
        for at in range(size if kind else 0):
            left = line[at - channels] if at >= channels else 0
            corner = above[at - channels] if at >= channels else 0
            line[at] = (line[at] + _filtered(kind, left, above[at], corner)) & 255
        pixels += [bytes(line[at : at + 3]) for at in range(0, size, channels)]
        above = line
    return pixels


def _filtered(kind: int, left: int, up: int, corner: int) -> int:
    match kind:
        case 1:
            return left
        case 2:
            return up
        case 3:
            return (left + up) >> 1
    guess = left + up - corner
    return min((left, up, corner), key=lambda it: abs(guess - it))
