"""What stays the same for all events of one container, pod or node: rendered once."""

from __future__ import annotations

from typing import NamedTuple


class Workload(NamedTuple):
    """One container, pod or node: `number` is its own, no other has it.

    `pieces`: text of each run of slots that read workload fields only, then the leftovers.
    `host`: the syslog header's HOSTNAME. `identity`, `place`: the beginnings of the texts that
    the event id and the act key are made of. `drops`: which items of the filters hold as far as
    they ask for workload fields, as bits. `names`: its raw fields that have a value.
    """

    number: int
    pieces: tuple[str, ...]
    host: str
    identity: str
    place: str
    drops: int
    names: dict[str, object]
    scope: str
