"""A SIEM behind a mapping: events go in as `forward` sends them, rows come out as it stores them.

In comes an event under KubeArmor's names, out comes a `Row`. The message is that of the real
conversion, the fields are those of the SIEM's simulator. Must not know rules.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.batches import batches
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.load import files_of, load
from cef_bridge.siems.parsed_line import take_apart
from cef_bridge.siems.registry import SIEMS
from cef_bridge.siems.simulators import SIMULATORS

if TYPE_CHECKING:
    from collections.abc import Mapping as MappingType
    from pathlib import Path

    from cef_bridge.mapping.language.spec import Mapping
    from cef_bridge.siems.reading import Reading

_HEADER = "header."


class Row(NamedTuple):
    """What a SIEM stores of an event.

    `fields`: its fields by their names there; `made`: those among them that it has only when
    somebody makes them (`Siem.makes_fields`); `header`: the field of each header field. `said`: the
    keys and values of the message; `why`: why there are no fields, where that is so.
    """

    fields: dict[str, str]
    made: frozenset[str]
    header: dict[str, str]
    said: dict[str, str]
    why: str = ""


class SiemStore:
    """A SIEM that gets what a mapping writes."""

    def __init__(self, siem: str, mapping: Mapping) -> None:
        self.siem = SIEMS[siem]
        self.mapping = mapping
        self._simulator = SIMULATORS[siem]
        self._convert = batches(mapping, syslog_header=mapping.envelope.network_header)
        self._rows: dict[str, Row] = {}

    def row(self, event: MappingType[str, object]) -> Row:
        """Return what the SIEM stores of an event."""
        text = json.dumps(event)
        if text not in self._rows:
            self._rows[text] = self._row(text)
        return self._rows[text]

    def message(self, event: MappingType[str, object]) -> str:
        """Return the message that the SIEM gets of an event; "" where the mapping filters it."""
        (outcome,) = self._convert(json.dumps(event).encode())
        return outcome.line or ""

    def numbered_row(self, event: MappingType[str, object], queue: str, number: int) -> Row:
        """Return the same of a message that a queue has numbered (`envelope.sequence`)."""
        envelope = self.mapping.envelope
        between = envelope.delimiter if self.mapping.format == "leef" else " "
        keys = (f"KubeArmorQueue={queue}", f"KubeArmorSeq={number}")
        return self._row(json.dumps(event), "".join(between + key for key in keys))

    def _row(self, text: str, more: str = "") -> Row:
        (outcome,) = self._convert(text.encode())
        if outcome.line is None:
            reason = outcome.rejected or f"{self.mapping.name} filters it out"
            return Row({}, frozenset(), {}, {}, reason)
        line = outcome.line + more
        said = take_apart(line).said
        reading = self._simulator.read(line)
        listed = self.siem.lists_others_in
        fields: dict[str, str] = {}
        header: dict[str, str] = {}
        for field in reading.fields:
            if listed and field.name.startswith(listed):
                continue  # many keys as one text
            fields.setdefault(field.name, field.value)
            if field.key.startswith(_HEADER):
                header.setdefault(field.key.removeprefix(_HEADER), field.name)
        made = self._made(reading, said)
        why = "" if fields else "; ".join(it.message for it in reading.problems)
        return Row(fields | made, frozenset(made), header, said, why)

    def _made(self, reading: Reading, said: dict[str, str]) -> dict[str, str]:
        """Return what could be made fields of the keys that the SIEM has no field for."""
        if not self.siem.makes_fields:
            return {}
        ignored = [it.key for it in reading.findings if it.kind == "ignored" and it.key in said]
        if not self.siem.made_by_query:
            return {key: said[key] for key in ignored}
        text = next((it.value for it in reading.fields if it.name == self.siem.lists_others_in), "")
        found = ((key, re.search(rf"(?:^|;){re.escape(key)}=([^;]*)", text)) for key in ignored)
        return {key: match[1] for key, match in found if match}


def receivers(mapping: str | Path | None = None, siems: tuple[str, ...] = ()) -> list[SiemStore]:
    """Return SIEMs behind a mapping, or each behind its own.

    Of a mapping without `siems` they are those that it, or one it extends, is for; all of them
    where it is for none. Raises MappingError for a mapping that cannot be used.
    """
    if mapping is None:
        own = {name: load(SIEMS[name].simulated) for name in siems or SIMULATORS}
        return [SiemStore(name, it) for name, it in own.items()]
    loaded = load(mapping)
    return [SiemStore(name, loaded) for name in siems or siems_of(mapping)]


def siems_of(mapping: str | Path) -> tuple[str, ...]:
    """Return the SIEMs that a mapping is for by what it extends; all for kubearmor-cef."""
    folder = shipped.folder().resolve()
    chain = {_stem(path, str(folder)) for path in files_of([mapping])}
    found = tuple(name for name in SIMULATORS if chain & {*SIEMS[name].mappings})
    return found or tuple(SIMULATORS)


def _stem(path: str, folder: str) -> str:
    begin, _, name = path.rpartition("/")
    return name.removesuffix(".yaml") if begin == folder else ""
