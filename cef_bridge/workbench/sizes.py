"""How long a message is, told apart by what decides it: the container, the act, each event.

In come the hits of an example, out come `Own` (what the container's part takes) and `Rest` (what
the rest takes, and how often the line says what differs from event to event). Together with an
event they give the exact bytes of its message, without writing it. Must not know mappings' rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.events.fields import DERIVED
from cef_bridge.fastpath.deps import KNOWN, PROCESS_IDS, top
from cef_bridge.mapping.compile import LEFTOVER
from cef_bridge.mapping.conditions import to_text
from cef_bridge.mapping.rules import write_hit
from cef_bridge.mapping.transforms import find, first_word
from cef_bridge.workbench.plain import TEXT_PATHS, escaped_length
from cef_bridge.workbench.split import SENTENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cef_bridge.events.derive import Event
    from cef_bridge.formats import Format
    from cef_bridge.mapping.rules import Hit
    from cef_bridge.workbench.signature import Raw

    Transform = Callable[[str], str]


class Rest(NamedTuple):
    """Bytes of a message besides the container's, and what has to be added for each event.

    `ids`: (process id, how often the line says it). `sentences`: how often it says the place.
    `unknown`: fields that are kept under a name of their own, whatever they hold. `texts`: (field,
    what is done to it) for each usual text in the line.
    """

    bytes: int
    ids: tuple[tuple[str, int], ...]
    sentences: int
    unknown: tuple[str, ...]
    texts: tuple[tuple[str, tuple[Transform, ...]], ...]


def own_bytes(fmt: Format, hits: Sequence[Hit], host: int) -> int:
    """Return the bytes of hits that the container decides; `host` are those of its name in the
    syslog header, 0 when the rest decides it.
    """
    return host + sum(len(write_hit(fmt, hit).encode()) for hit in hits)


def rest_of(
    fmt: Format,
    raw: Raw,
    event: Event,
    hits: Sequence[Hit],
    size: int,
    where: int,
    usual: frozenset[str],
) -> Rest:
    """Return what the rest of a message takes, of which `size` bytes are not the container's.

    `hits` are its hits; `where` is how many bytes the place has in this event's sentence; `usual`
    are the fields that have a usual text.
    """
    ids: dict[str, int] = {}
    sentences = 0
    unknown = []
    texts = []
    for hit in hits:
        name = _process_id(event, hit)
        if name and type(raw.get(name)) is int and hit.text == str(raw[name]):
            ids[name] = ids.get(name, 0) + 1
            size -= len(hit.text)
        elif hit.path == SENTENCE:
            sentences += 1
            size -= where
        elif (text := _text_of(event, hit)) and text[0] in usual:
            texts.append(text)
            size -= escaped_length(hit.text) if fmt.name == "cef" else len(hit.text)
        elif hit.rule is LEFTOVER and hit.path and top(hit.path) not in KNOWN:
            unknown.append(hit.path)
            size -= len(fmt.escape(hit.text).encode())
    return Rest(size, tuple(ids.items()), sentences, tuple(unknown), tuple(texts))


def _text_of(event: Event, hit: Hit) -> tuple[str, tuple[Transform, ...]] | None:
    """Return the raw field that a hit's text is, and what was done to it; None for what is made of
    more, or of a part.
    """
    if hit.path not in TEXT_PATHS:
        return None
    done = [transform for name in hit.rule.via if (transform := find(name))]
    if hit.path in event.fields and hit.path not in DERIVED:
        return hit.path, tuple(done)
    held = event.holds.get(hit.path, ())
    # What holds nothing is the first word of a command line.
    whole = "Source" if hit.path == "process.actor" else "Resource"
    return (held[0], tuple(done)) if held else (whole, (first_word, *done))


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
    for field, done in rest.texts:
        text = str(raw[field])
        for transform in done:
            text = transform(text)
        size += escaped_length(text) if fmt.name == "cef" else len(text)
    for path in rest.unknown:
        size += len(fmt.escape(fmt.neutral(to_text(raw[path]))).encode())
    return size


def place_bytes(fmt: Format, where: str) -> int:
    """Return how many bytes a place takes inside a sentence."""
    return len(fmt.escape(fmt.neutral(where)).encode())
