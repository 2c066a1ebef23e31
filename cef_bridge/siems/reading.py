"""What a receiver makes of a line, as values: fields, the event's time, findings.

In come texts, out go plain values that a table or JSON can show. Must not know any receiver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Kind = Literal["lost", "misread", "renamed", "ignored", "note"]
"""lost: the SIEM has it nowhere. misread: it has something else there. renamed: by design, under
another name. ignored: kept, but no field of its own. note: worth knowing."""

PROBLEMS: tuple[Kind, ...] = ("lost", "misread")
"""The kinds that a mapping should fix."""

ARRIVAL = "arrival"
"""Where the time of an event comes from that says none which the receiver takes."""


class SiemField(NamedTuple):
    """A field by its name in the SIEM, its value there, and the line's key that it comes from."""

    name: str
    value: str
    key: str


class SiemFinding(NamedTuple):
    """What became of a key; `fix` says what to change, where something should be."""

    kind: Kind
    key: str
    message: str
    fix: str = ""


class SiemTime(NamedTuple):
    """The event's time as the receiver takes it, and from where; no value: when it arrives."""

    value: str
    source: str


class Reading(NamedTuple):
    """What a receiver makes of one line."""

    fields: tuple[SiemField, ...]
    time: SiemTime
    findings: tuple[SiemFinding, ...]

    @property
    def problems(self) -> list[SiemFinding]:
        """Return the findings that say that something is lost or misread."""
        return [finding for finding in self.findings if finding.kind in PROBLEMS]


class Simulator(NamedTuple):
    """A receiver's parser; `unknown` says what it cannot know, `sources` where its rules stand."""

    name: str
    title: str
    read: Callable[[str], Reading]
    unknown: tuple[str, ...]
    sources: tuple[str, ...]


def nothing(finding: SiemFinding, *more: SiemFinding) -> Reading:
    """Return the reading of a line of which a receiver makes no fields."""
    return Reading((), SiemTime("", ARRIVAL), (finding, *more))


def gathered(findings: Sequence[SiemFinding]) -> list[tuple[SiemFinding, list[str]]]:
    """Return findings that say the same of several keys as one, with these keys in their order."""
    groups: dict[SiemFinding, list[str]] = {}
    for finding in findings:
        keys = groups.setdefault(finding._replace(key=""), [])
        if finding.key and finding.key not in keys:
            keys.append(finding.key)
    return list(groups.items())
