"""What became of each field of an event: where it stands in the line, or why it does not.

In come an event, what the compiled mapping made of it and what was kept of that in the line; out
comes a `FieldOutcome` a raw field. `explain` shows them, `coverage` counts them. Must not know
commands or files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from cef_bridge.kubearmor.fields import DERIVED
from cef_bridge.mapping.program.compile import (
    HEADER_KEYS,
    INTERNAL,
    LEFTOVER,
    MOST_LEFTOVERS,
    REST_KEY,
)
from cef_bridge.mapping.program.conditions import to_text
from cef_bridge.mapping.program.rules import hit_paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cef_bridge.kubearmor.derive import Event
    from cef_bridge.mapping.program.compile import Output, Program
    from cef_bridge.mapping.program.rules import Hit

Kind = Literal["mapped", "unmapped", "redundant", "dropped", "partial", "lost"]

MEANINGS: dict[Kind, str] = {
    "mapped": "a rule writes it",
    "unmapped": "no rule reads it; the message has it as KubeArmor<Field>",
    "redundant": "another field has the same information",
    "dropped": "the mapping drops it, on purpose",
    "partial": "a rule writes a part of it, and the rest is lost",
    "lost": "it is missing from the message",
}
HEADER_NAMES = {key: f"header.{name}" for name, key in HEADER_KEYS.items()}
COVERED: frozenset[Kind] = frozenset({"mapped", "unmapped", "redundant", "dropped"})
"""The fates of a field of which nothing is lost but what the mapping says."""


class FieldOutcome(NamedTuple):
    """What became of one raw field. `keys` are the output keys of rules that read it, `kept` is the
    key that holds what they left, "" when there is none.
    """

    path: str
    kind: Kind
    keys: tuple[str, ...]
    kept: str


def words_of(outcome: FieldOutcome) -> str:
    """Return what became of a field in words: `kept as KubeArmorTags`, `dropped: …`."""
    if outcome.kept:
        return f"kept as {outcome.kept}"
    return f"{outcome.kind}: {MEANINGS[outcome.kind]}"


def raw_fields(event: Event) -> Iterator[tuple[str, object]]:
    """Yield path and value of what the event itself says: nothing derived, no part twice."""
    for path, value in event.fields.items():
        if path in DERIVED or path in INTERNAL or path.startswith(("data.", "EventData.")):
            continue
        yield path, value
    if "EventData" in event.fields:
        yield "EventData", event.fields["EventData"]


def fates(
    program: Program, event: Event, output: Output, hits: Sequence[Hit]
) -> list[FieldOutcome]:
    """Return the fate of every raw field, in the event's order.

    `hits` are those of the output that stand in the line, the list itself when nothing was shed.
    """
    owners = owners_of(event)
    readers: dict[str, list[str]] = {}
    for hit in (*output.header_hits, *hits):
        if hit.rule is LEFTOVER or not hit.path:
            continue
        key = HEADER_NAMES.get(hit.key, hit.key)
        sources = [it for path in hit_paths(hit) for it in sources_of(event, path, owners)]
        for path in sources:
            found = readers.setdefault(path, [])
            if key not in found:
                found.append(key)
    rest, kept = _left(program, event, output, hits)
    rows = []
    for path, _ in raw_fields(event):
        keys, key, left = tuple(readers.get(path, ())), kept.get(path, ""), path in rest
        if left and key:
            rows.append(FieldOutcome(path, "mapped" if keys else "unmapped", keys, key))
        elif left:
            rows.append(FieldOutcome(path, "partial" if keys else "lost", keys, ""))
        else:
            kind: Kind = "mapped" if keys else _is_spare(program, event, path) or "lost"
            rows.append(FieldOutcome(path, kind, keys, ""))
    return rows


def _left(
    program: Program, event: Event, output: Output, hits: Sequence[Hit]
) -> tuple[set[str], dict[str, str]]:
    """Return the fields of which no rule took all, and the keys in which their rest stands."""
    kept = {hit.path: hit.key for hit in hits if hit.rule is LEFTOVER and hit.path}
    leftovers = sum(hit.rule is LEFTOVER for hit in output.hits)
    keeps = program.mapping.unmapped == "keep"
    if keeps and hits is output.hits and leftovers < MOST_LEFTOVERS:
        return set(kept), kept  # what is left is what evaluating kept
    neutral = program.format.neutral
    if keeps and leftovers >= MOST_LEFTOVERS and any(hit.key == REST_KEY for hit in hits):
        # There are no keys for more: these stand together in one.
        left = program.leftovers.rest(event, _ruled(output, output.hits))
        own = {hit.path for hit in output.hits if hit.rule is LEFTOVER}
        kept |= {path: REST_KEY for path, text in left if path not in own and neutral(text)}
    left = program.leftovers.rest(event, _ruled(output, hits))
    return {path for path, text in left if neutral(text)}, kept


def _ruled(output: Output, hits: Sequence[Hit]) -> list[Hit]:
    return [hit for hit in (*output.header_hits, *hits) if hit.rule is not LEFTOVER]


def _is_spare(program: Program, event: Event, path: str) -> Kind | None:
    """Return why a field with nothing left is in no key: "dropped", "redundant", or None."""
    if program.drops(path):
        return "dropped"
    if path in event.spare or (path == "ClusterName" and program.says_cluster(event.fields)):
        return "redundant"
    parts = [part for part, _ in event.parts.get(path, ())]
    if parts and any(program.drops(part) for part in parts):
        return "dropped"
    if not program.format.neutral(to_text(event.fields[path])):
        return "redundant"  # white space alone says nothing
    return "redundant" if parts and all(part in event.spare for part in parts) else None


def owners_of(event: Event) -> dict[str, str]:
    """Return the raw field of each token path: `data.flags` stands in Data."""
    return {part: field for field, rows in event.parts.items() for part, _ in rows}


def sources_of(event: Event, path: str, owners: Mapping[str, str]) -> tuple[str, ...]:
    """Return a rule's path and the raw fields that it was taken from: `user.id` from UID."""
    held = event.holds.get(path, ())
    found = [path, *held]
    found += [owners[each] for each in found if each in owners]
    return tuple(dict.fromkeys(found))
