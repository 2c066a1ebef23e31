r"""Where a text may be cut so that a record seems to begin behind the cut: a guess, and a good one.

In comes a text, out goes a place in it. A wrong guess costs time and nothing else: whoever converts
what stands before the cut finds out. A cut is behind a line end, where

- the line before is a whole object, or the last line of a pretty-printed one (`}` at its
  beginning), and the next begins with `{`; inside an array a comma would stand between them;
- or both are lines of a log (a letter, a digit, a syslog priority), and the one before is no part
  that its container runtime cut (CRI's P).
"""

from __future__ import annotations

import re

_MOST_LINES = 2000
_LOG = frozenset(b"<0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_PARTIAL = re.compile(rb"\S+ (?:stdout|stderr) P")
_HEAD = 64  # a CRI prefix is shorter


def seam(text: bytes) -> int:
    """Return the last place to cut a text at, -1 when there is none; it begins with a line."""
    lf = text.rfind(b"\n")
    for _ in range(_MOST_LINES):
        if lf < 0:
            break
        before = text.rfind(b"\n", 0, lf)
        if _fits(text, before + 1, lf):
            return lf + 1
        lf = before
    return -1


def _fits(text: bytes, begin: int, lf: int) -> bool:
    line_end = lf - (text[begin:lf].endswith(b"\r"))
    if line_end <= begin:
        return False
    first, last = text[begin], text[line_end - 1]
    whole = last == 0x7D and (first in b"{}" or first in _LOG)
    following = text[lf + 1 : lf + 2]
    if whole and following in (b"", b"{"):
        return not _PARTIAL.match(text[begin : begin + _HEAD])
    if (whole or first in _LOG) and following and following[0] in _LOG:
        return not _PARTIAL.match(text[begin : begin + _HEAD])
    return False
