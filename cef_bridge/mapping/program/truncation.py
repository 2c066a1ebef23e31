"""Making a message fit: whole fields go first, in the declared order, then text is shortened.

In come the hits of a message that is over `max_bytes`, out come fewer or shorter ones, with
`KubeArmorTruncated=1`. Never half a character, half an escape, or a second frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.lines.text import cut
from cef_bridge.mapping.language.names import PREFIX
from cef_bridge.mapping.program.compile import LEFTOVER
from cef_bridge.mapping.program.rules import Hit, write_hit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.lines import Format

TRUNCATED = f"{PREFIX}Truncated"
_MARK = Hit(TRUNCATED, "1", "", "", LEFTOVER, "", True, ())
# What an event is about, and what it is found by: given up after everything else.
SUBJECT = frozenset(
    {
        *("cs1", "cs2", "cs3", "cs4", "cs5"),
        *("policy", "k8sNamespace", "k8sPod", "containerName", "commandLine"),
    }
)
IDENTITY = frozenset(
    {
        *("externalId", "threatAttackID", "cat", "act", "rt"),
        *("eventId", "mitreIds", "action", "devTime", "sev"),
    }
)
STAYS = frozenset({f"{PREFIX}Suspicious", f"{PREFIX}EventId", f"{PREFIX}Severity"})
# Half a hash or id is another one.
UNCUT = IDENTITY | {"fileHash", "devicePayloadId"}
_SHORTEST = 16
LEAST_ROOM = 64
"""Bytes that a message's fields need at least: the mark, and what is never given up before it."""


def truncate(
    hits: Sequence[Hit], room: int, fmt: Format, first: Sequence[str], keep: str | None
) -> list[Hit]:
    """Return hits that take at most `room` bytes when written; `keep` is the key written first.

    The order: keys of `first`, other keys of our own from the last to the first, then the longest
    texts are shortened; only when nothing is left to shorten are dictionary keys given up, what
    the event is about last of all. `KubeArmorTruncated=1` is always among what is returned.
    """
    hits = list(hits)
    last = len(hits) - 1 if hits and hits[-1].key == "msg" else len(hits)
    hits.insert(last, _MARK)
    stays = {TRUNCATED, keep}
    kept, over = _without(
        hits, sum(_size(fmt, hit) for hit in hits) - room, fmt, _order(hits, first, stays, fmt)
    )
    over = _shorten(kept, over, fmt)
    order = [i for i, hit in enumerate(kept) if hit.key not in stays]
    order.sort(key=lambda i: (worth(kept[i].key), -i))
    return _without(kept, over, fmt, order)[0]


def _without(
    hits: list[Hit], over: int, fmt: Format, order: Sequence[int]
) -> tuple[list[Hit], int]:
    """Return the hits without as many, in this order, as are `over` bytes; and what is over."""
    gone = set()
    for index in order:
        if over <= 0:
            break
        over -= _size(fmt, hits[index])
        gone.add(index)
    return [hit for index, hit in enumerate(hits) if index not in gone], over


def _shorten(hits: list[Hit], over: int, fmt: Format) -> int:
    """Shorten the longest text again and again; return how many bytes are still over."""
    while over > 0 and (index := _longest(hits, fmt)) >= 0:
        hit = hits[index]
        before = _size(fmt, hit)
        # A character takes at most 4 bytes and an escape twice a character's: cut by what is sure
        # to be needed, look again, and never below the shortest.
        length = max(len(hit.text) - max(over // 4, 1), len(hit.text) // 2, _SHORTEST)
        hits[index] = hit._replace(text=cut(hit.text, length))
        over -= before - _size(fmt, hits[index])
    return over


def worth(key: str) -> int:
    """Return a key's rank when nothing can be shortened any more: 0 goes first."""
    return 3 if key in IDENTITY else 2 if key in SUBJECT else 1 if key in STAYS else 0


def _size(fmt: Format, hit: Hit) -> int:
    return len(write_hit(fmt, hit).encode())


def _is_own(key: str, fmt: Format) -> bool:
    """Tell whether a key is one of our own, or of a mapping's; LEEF's have any names."""
    return key.startswith(PREFIX) or (fmt.name == "cef" and fmt.key(key) is None)


def _order(
    hits: Sequence[Hit], first: Sequence[str], stays: set[str | None], fmt: Format
) -> list[int]:
    """Indexes of the hits that may go, in the order they go."""
    order = [i for name in first for i, hit in enumerate(hits) if hit.key == name]
    own = [i for i, hit in enumerate(hits) if _is_own(hit.key, fmt) and hit.key not in STAYS]
    order += reversed(own)
    return [index for index in dict.fromkeys(order) if hits[index].key not in stays]


def _longest(hits: Sequence[Hit], fmt: Format) -> int:
    """Index of the hit with the longest text that can still be shortened; -1 when there is none."""
    best, length = -1, _SHORTEST
    for index, hit in enumerate(hits):
        if len(hit.text) > length and _may_be_cut(hit.key, fmt):
            best, length = index, len(hit.text)
    return best


def _may_be_cut(key: str, fmt: Format) -> bool:
    """Tell whether a shorter text is still one: no address, number, hash or id is."""
    row = fmt.key(key)
    return not (key in UNCUT or _is_own(key, fmt) or (row and row.kind != "string"))
