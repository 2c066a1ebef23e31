"""How long a message is, told apart by what decides it: the container, the act, each event.

In come the hits of an example, out come `Own` (what the container's part takes) and `Rest` (what
the rest takes, and how often the line says what differs from event to event). Together with an
event they give the exact bytes of its message, without writing it. Must not know mappings' rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.fastpath.deps import KNOWN, PROCESS_IDS, top
from cef_bridge.mapping.compile import LEFTOVER
from cef_bridge.mapping.conditions import to_text
from cef_bridge.mapping.rules import write_hit
from cef_bridge.workbench.split import SENTENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.events.derive import Event
    from cef_bridge.formats import Format
    from cef_bridge.mapping.rules import Hit
    from cef_bridge.workbench.survey import Raw


class Rest(NamedTuple):
    """Bytes of a message besides the container's, and what has to be added for each event.

    `ids`: (process id, how often the line says it). `sentences`: how often it says the place.
    `unknown`: fields that are kept under a name of their own, whatever they hold.
    """

    bytes: int
    ids: tuple[tuple[str, int], ...]
    sentences: int
    unknown: tuple[str, ...]


def own_bytes(fmt: Format, hits: Sequence[Hit], host: int) -> int:
    """Return the bytes of hits that the container decides; `host` are those of its name in the
    syslog header, 0 when the rest decides it.
    """
    return host + sum(len(write_hit(fmt, hit).encode()) for hit in hits)


def rest_of(
    fmt: Format, raw: Raw, event: Event, hits: Sequence[Hit], size: int, where: int
) -> Rest:
    """Return what the rest of a message takes, of which `size` bytes are not the container's.

    `hits` are its hits; `where` is how many bytes the place has in this event's sentence.
    """
    ids: dict[str, int] = {}
    sentences = 0
    unknown = []
    for hit in hits:
        name = _process_id(event, hit)
        if name and type(raw.get(name)) is int and hit.text == str(raw[name]):
            ids[name] = ids.get(name, 0) + 1
            size -= len(hit.text)
        elif hit.path == SENTENCE:
            sentences += 1
            size -= where
        elif hit.rule is LEFTOVER and hit.path and top(hit.path) not in KNOWN:
            unknown.append(hit.path)
            size -= len(fmt.escape(hit.text).encode())
    return Rest(size, tuple(ids.items()), sentences, tuple(unknown))


def _process_id(event: Event, hit: Hit) -> str:
    for path in (hit.path, *event.holds.get(hit.path, ())):
        if path in PROCESS_IDS:
            return path
    return ""


def size_for(fmt: Format, raw: Raw, own: int, rest: Rest, where: str) -> int:
    """Return the bytes of an event's message; `where` is its place."""
    size = own + rest.bytes
    for name, times in rest.ids:
        size += times * len(str(raw[name]))
    if rest.sentences:
        size += rest.sentences * place_bytes(fmt, where)
    for path in rest.unknown:
        size += len(fmt.escape(fmt.neutral(to_text(raw[path]))).encode())
    return size


def place_bytes(fmt: Format, where: str) -> int:
    """Return how many bytes a place takes inside a sentence."""
    return len(fmt.escape(fmt.neutral(where)).encode())
