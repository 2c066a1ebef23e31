"""Making a message fit: whole fields go first, in the declared order, then text is shortened.

In come the hits of a message that is over `max_bytes`, out come fewer or shorter ones, with
`KubeArmorTruncated=1`. Never half a character, half an escape, or a second frame.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from cef_bridge.formats.text import cut
from cef_bridge.mapping.compile import LEFTOVER
from cef_bridge.mapping.names import PREFIX
from cef_bridge.mapping.rules import Hit, write_hit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.formats import Format

TRUNCATED = f"{PREFIX}Truncated"
_MARK = Hit(TRUNCATED, "1", "", "", LEFTOVER, "", True, ())  # noqa: FBT003 - a tuple's field
# Identity and meaning of an event: these are shortened last, and never given up.
_WHOLE = frozenset({"externalId", "threatAttackID", "cat", "act", "sev", "devTime", "rt", "start"})
_STAYS = frozenset({TRUNCATED, f"{PREFIX}Suspicious", f"{PREFIX}EventId", f"{PREFIX}Severity"})
_SHORTEST = 16


def fit(
    hits: Sequence[Hit], room: int, fmt: Format, shed: Sequence[str], keep: str | None
) -> list[Hit]:
    """Return hits that take at most `room` bytes when written; `keep` is the key written first.

    The order: keys of `shed`, other keys of our own from the last to the first, then the longest
    texts are shortened; only when nothing is left to shorten are dictionary keys given up.
    """
    hits = list(hits)
    last = len(hits) - 1 if hits and hits[-1].key == "msg" else len(hits)
    hits.insert(last, _MARK)
    sizes = [_size(fmt, hit) for hit in hits]
    over = sum(sizes) - room
    for index in _order(hits, shed, keep):
        if over <= 0:
            break
        over -= sizes[index]
        sizes[index] = 0
    kept = [hit for hit, size in zip(hits, sizes, strict=True) if size]
    while over > 0 and (index := _longest(kept)) >= 0:
        hit = kept[index]
        before = _size(fmt, hit)
        # A character takes at most 4 bytes and an escape twice a character's: cut by what is sure
        # to be needed, look again, and never below the shortest.
        length = max(len(hit.text) - max(over // 4, 1), len(hit.text) // 2, _SHORTEST)
        kept[index] = hit._replace(text=cut(hit.text, length))
        over -= before - _size(fmt, kept[index])
    while over > 0 and len(kept) > 1:
        index = max(i for i, hit in enumerate(kept) if hit.key not in _WHOLE or i == 0)
        over -= _size(fmt, kept.pop(index))
    return kept


def _size(fmt: Format, hit: Hit) -> int:
    return len(write_hit(fmt, hit).encode())


def _order(hits: Sequence[Hit], shed: Sequence[str], keep: str | None) -> list[int]:
    """Indexes of the hits that may go, in the order they go."""
    order = [i for name in shed for i, hit in enumerate(hits) if fnmatchcase(hit.key, name)]
    stays = _STAYS | {keep}
    for index in range(len(hits) - 1, -1, -1):
        if hits[index].key.startswith(PREFIX) and hits[index].key not in stays:
            order.append(index)
    return list(dict.fromkeys(order))


def _longest(hits: Sequence[Hit]) -> int:
    """Index of the hit with the longest text that can still be shortened; -1 when there is none."""
    best, length = -1, _SHORTEST
    for index, hit in enumerate(hits):
        if hit.key not in _WHOLE and len(hit.text) > length and not hit.text.isdigit():
            best, length = index, len(hit.text)
    return best
