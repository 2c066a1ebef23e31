"""What became of each field of an event: where it stands in the line, or why it does not.

In come an event, what the compiled mapping made of it and what was kept of that in the line; out
comes a `Fate` a raw field. `explain` shows them, `coverage` counts them. Must not know commands or
files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from cef_bridge.events.fields import DERIVED
from cef_bridge.mapping.compile import INTERNAL, LEFTOVER, MOST_LEFTOVERS, REST_KEY
from cef_bridge.mapping.conditions import to_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.events.derive import Event
    from cef_bridge.mapping.compile import Program
    from cef_bridge.mapping.rules import Hit

Kind = Literal["mapped", "kept", "repeated", "dropped", "partly", "lost"]

MEANINGS: dict[Kind, str] = {
    "mapped": "a rule writes it",
    "kept": "no rule reads it; it stands in the line as KubeArmor<Field>",
    "repeated": "it says nothing that another field does not say",
    "dropped": "the mapping drops it, on purpose",
    "partly": "a rule writes a part of it, and the rest is lost",
    "lost": "it stands nowhere in the line",
}
COVERED: frozenset[Kind] = frozenset({"mapped", "kept", "repeated", "dropped"})
"""The fates of a field of which nothing is lost but what the mapping says."""


class Fate(NamedTuple):
    """What became of one raw field. `keys` are the output keys of rules that read it, `kept` is the
    key that holds what they left, "" when there is none.
    """

    path: str
    kind: Kind
    keys: tuple[str, ...]
    kept: str


def raw_fields(event: Event) -> Iterator[tuple[str, object]]:
    """Yield path and value of what the event itself says: nothing derived, no part twice."""
    for path, value in event.fields.items():
        if path in DERIVED or path in INTERNAL or path.startswith(("data.", "EventData.")):
            continue
        yield path, value
    if "EventData" in event.fields:
        yield "EventData", event.fields["EventData"]


def fates(
    program: Program,
    event: Event,
    header_hits: Sequence[Hit],
    meant: Sequence[Hit],
    hits: Sequence[Hit],
) -> list[Fate]:
    """Return the fate of every raw field, in the event's order.

    `meant` are the hits that the mapping gave, `hits` those that stand in the line: what was shed
    is not among them.
    """
    ruled = [hit for hit in (*header_hits, *hits) if hit.rule is not LEFTOVER]
    readers: dict[str, list[str]] = {}
    for hit in ruled:
        for path in sources_of(event, hit.path):
            keys = readers.setdefault(path, [])
            if hit.key not in keys:
                keys.append(hit.key)
    kept = {hit.path: hit.key for hit in hits if hit.rule is LEFTOVER and hit.path}
    if any(hit.key == REST_KEY for hit in hits):
        kept |= dict.fromkeys(_crowd(program, event, header_hits, meant), REST_KEY)
    rest = dict(program.leftovers.rest(event, ruled))
    return [
        _fate(
            path,
            tuple(readers.get(path, ())),
            kept.get(path, ""),
            left=bool(program.format.neutral(rest.get(path, ""))),
            spare=_is_spare(program, event, path),
        )
        for path, _ in raw_fields(event)
    ]


def _crowd(
    program: Program, event: Event, header_hits: Sequence[Hit], meant: Sequence[Hit]
) -> list[str]:
    """Return the fields for which there was no key of their own: they stand together in one."""
    if sum(hit.rule is LEFTOVER for hit in meant) < MOST_LEFTOVERS:
        return []
    own = {hit.path for hit in meant if hit.rule is LEFTOVER}
    ruled = [hit for hit in (*header_hits, *meant) if hit.rule is not LEFTOVER]
    left = program.leftovers.rest(event, ruled)
    return [path for path, text in left if path not in own and program.format.neutral(text)]


def _fate(path: str, keys: tuple[str, ...], kept: str, *, left: bool, spare: Kind | None) -> Fate:
    if left and kept:
        return Fate(path, "mapped" if keys else "kept", keys, kept)
    if left:
        return Fate(path, "partly" if keys else "lost", keys, "")
    if keys:
        return Fate(path, "mapped", keys, "")
    return Fate(path, spare or "lost", keys, "")


def _is_spare(program: Program, event: Event, path: str) -> Kind | None:
    """Tell why a field of which nothing is left stands in no key: "dropped", "repeated" or None."""
    if program.drops(path):
        return "dropped"
    if path in event.spare:
        return "repeated"
    parts = [part for part, _ in event.parts.get(path, ())]
    if parts and any(program.drops(part) for part in parts):
        return "dropped"
    if not program.format.neutral(to_text(event.fields[path])):
        return "repeated"  # white space alone says nothing
    return "repeated" if parts and all(part in event.spare for part in parts) else None


def sources_of(event: Event, path: str) -> tuple[str, ...]:
    """Return the raw fields that a rule's path was taken from: `user.id` from UID."""
    if not path:
        return ()
    held = event.holds.get(path, ())
    owners = [
        field
        for field, rows in event.parts.items()
        if any(part == path or part in held for part, _ in rows)
    ]
    return tuple(dict.fromkeys((path, *held, *owners)))
