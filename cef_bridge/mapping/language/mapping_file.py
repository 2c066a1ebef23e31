"""What one mapping file says, and where: what `reader` makes, `lint` looks at and `merge` joins.

Must not know how it was read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cef_bridge.errors import Location, Problem
    from cef_bridge.mapping.language import spec
    from cef_bridge.mapping.language.suppressions import Suppression


class Named(NamedTuple):
    """A text that names something: a field, a transform, a key …; `kind` is the declared one."""

    kind: str
    text: str
    at: Location


class RuleSeen(NamedTuple):
    """A rule of a section as it was written: "extension", "header", "severity", or a setting of
    the envelope ("facility", "app_name", "hostname").
    """

    section: str
    key: str
    key_at: Location
    rule: spec.Rule
    said: dict[str, Location]


@dataclass(slots=True)
class MappingFile:
    """What one file says. In `header` and `extension` None stands for a key that goes; `replaces`
    are the settings that leave out what a parent says, where they would add to it.
    """

    path: str
    said: dict[str, object] = field(default_factory=dict)
    places: dict[str, Location] = field(default_factory=dict)
    keys: list[Named] = field(default_factory=list)
    names: list[Named] = field(default_factory=list)
    rules: list[RuleSeen] = field(default_factory=list)
    conditions: list[spec.Condition] = field(default_factory=list)
    empty_items: list[Named] = field(default_factory=list)
    envelope_at: dict[str, Location] = field(default_factory=dict)
    replaces: set[str] = field(default_factory=set)
    excuses: list[Suppression] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
