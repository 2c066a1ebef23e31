"""Where a field of an event is in a SIEM: found by looking, not from a list.

In come a receiver and a field, out come the SIEM's names for it, or why there is none. Each kind of
event is converted several times with other values (`acts`); the field is where its value arrives
in all of them, and where no other value is. So a customer's mapping and a SIEM's parser are right
by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content import acts
from cef_bridge.kubearmor.derive import derive
from cef_bridge.lines.text import suspicions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cef_bridge.content.receivers import Row, SiemStore

CLASS_ID = "event.class_id"

_CHANGED = "=\\|^"
"""Characters that some mappings or parsers do not leave as they are."""


class FieldPlace(NamedTuple):
    """Where a field is: one name in the SIEM, or several of which one has it.

    `made`: those that the SIEM has only when somebody makes them. Without names `why` says what is
    missing, as the end of a sentence.
    """

    names: tuple[str, ...]
    made: tuple[str, ...] = ()
    why: str = ""


class _Probe(NamedTuple):
    fields: dict[str, object]
    row: Row


class FieldMap:
    """The fields of a receiver."""

    def __init__(self, receiver: SiemStore) -> None:
        self.receiver = receiver
        self._probes: dict[str, list[_Probe]] = {}
        self._places: dict[tuple[str, tuple[str, ...]], FieldPlace] = {}

    def place(self, path: str, kinds: Sequence[str]) -> FieldPlace:
        """Return where a field of some kinds of events is; `path` as a mapping names it."""
        asked = (path, tuple(kinds))
        if asked not in self._places:
            self._places[asked] = self._look(path, kinds)
        return self._places[asked]

    def reports(self, path: str, kinds: Sequence[str]) -> bool:
        """Tell whether KubeArmor reports a field in some kinds of events."""
        return any(_text(it.fields.get(path)) for it in self._of(kinds))

    def vendor(self) -> tuple[str, str] | None:
        """Return the field that says whose the event is, and what it says there."""
        row = self._of(["exec"])[0].row
        name = row.header.get("device_vendor")
        return None if name is None else (name, row.fields[name])

    def changed_texts(self) -> dict[str, str]:
        r"""Return what becomes of characters on their way: `=` is stored as `\=` in one SIEM."""
        event = acts.probes("exec")[0]
        place = self.place("Resource", ["exec"])
        found = {}
        for char in _CHANGED if place.names else "":
            row = self.receiver.row(event | {"Resource": f"/probe/process-1 a{char}b"})
            stored = row.fields.get(place.names[0], "")
            begin, end = stored.find(" a"), stored.rfind("b")
            if 0 <= begin < end and (text := stored[begin + 2 : end]) != char:
                found[char] = text
        return found

    def _of(self, kinds: Iterable[str]) -> list[_Probe]:
        found = []
        for kind in kinds:
            if kind not in self._probes:
                self._probes[kind] = [
                    _Probe(_fields(event), self.receiver.row(event)) for event in acts.probes(kind)
                ]
            found += self._probes[kind]
        return found

    def _as_stored(self, text: str) -> str:
        r"""Return a text as the SIEM has it, in which `=` may be `\=`."""
        if not any(char in text for char in _CHANGED):
            return text
        changed = self.changed_texts()
        return "".join(changed.get(char, char) for char in text)

    def _look(self, path: str, kinds: Sequence[str]) -> FieldPlace:
        said = [(it, text) for it in self._of(kinds) if (text := _text(it.fields.get(path)))]
        having = [(it, self._as_stored(text)) for it, text in said]
        if not having:
            return FieldPlace((), why="KubeArmor does not report it in such events")
        if why := next((it.row.why for it, _ in having if not it.row.fields), ""):
            return FieldPlace((), why=why.rstrip("."))
        names = dict.fromkeys(
            name
            for it, text in having
            for name, value in it.row.fields.items()
            if _same(value, text)
        )
        # In every event a name has this field, or nothing.
        right = {
            name: {
                number
                for number, (it, text) in enumerate(having)
                if _same(it.row.fields.get(name, ""), text)
            }
            for name in names
            if all(_same(it.row.fields.get(name, text), text) for it, text in having)
        }
        made = {name for it, _ in having for name in it.row.made}
        chosen = _cover(right, len(having), made)
        if chosen:
            return FieldPlace(chosen, tuple(name for name in chosen if name in made))
        return FieldPlace((), why=self._why(path, said, bool(names)))

    def _why(self, path: str, said: list[tuple[_Probe, str]], has_names: bool) -> str:
        name, siem = self.receiver.mapping.name, self.receiver.siem
        if all(text not in it.row.said.values() for it, text in said):
            if path in (CLASS_ID, "event.name"):
                return f"{siem.title} makes no field of the header"
            return f"the mapping {name} writes it to no key"
        if not has_names:
            return f"{siem.title} has no field for the key that the mapping {name} writes it to"
        return "it is in different fields by the kind of event: a category in the log source helps"


def _same(value: str, text: str) -> bool:
    """Tell whether two texts are one for a rule, which knows no case."""
    return value.lower() == text.lower()


def _fields(event: dict[str, object]) -> dict[str, object]:
    """Return what a mapping can read of an event, what is suspicious about it included."""
    fields = derive(event).fields
    texts = "\n".join(value for value in event.values() if isinstance(value, str))
    found = ",".join(mark for mark in suspicions(texts) if mark != "newline")
    return fields | {"event.suspicious": found}


def _text(value: object) -> str:
    """Return a field's value as a rule compares it; "" for what no rule can ask for."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def _cover(right: dict[str, set[int]], count: int, made: set[str]) -> tuple[str, ...]:
    """Return the fewest names that have the field in all events; fields that are there first."""
    order = sorted(right, key=lambda name: name in made)
    left, chosen = set(range(count)), []
    while left:
        best = max(order, key=lambda name: len(right[name] & left), default="")
        if not best or not right[best] & left:
            return ()
        chosen.append(best)
        left -= right[best]
    return tuple(chosen)
