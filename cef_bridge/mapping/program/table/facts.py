"""What is known of KubeArmor's events, for the table: fields, calls, verbs, classes.

In come the tables of `events`, out goes what `engine/src/facts.rs` reads. Each fact is taken from
where the reference has it, so that a new verb or field is a change there alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.kubearmor.activity import NOTHING, PROTOCOLS, REST
from cef_bridge.kubearmor.classes import (
    CLASSES,
    KNOWN_OPERATIONS,
    OPERATIONS,
    OWN_OPERATIONS,
    TYPES,
    VERBS,
)
from cef_bridge.kubearmor.clock import ADDED_TIMES
from cef_bridge.kubearmor.derive import INTEGERS
from cef_bridge.kubearmor.fields import DERIVED, OPEN_PREFIXES, RAW, find
from cef_bridge.kubearmor.identity import CONTAINER_FIELDS, ID_FIELDS, SOCKADDR, VERB_GROUPS
from cef_bridge.kubearmor.names import (
    FLAT_OWNER,
    KUBEARMOR_ONLY,
    MAPS,
    OURS,
    PARTS,
    SPELLINGS,
    as_written,
)
from cef_bridge.kubearmor.split import (
    CAPITAL_KEYS,
    HEADS,
    KFUNC_SEPARATORS,
    LSM_KEYS,
    ORDERS,
    RESOURCE_KEYS,
    SOCKET_KEYS,
    SYSCALL_KEYS,
)
from cef_bridge.kubearmor.summary import DEEDS
from cef_bridge.mapping.program.compile import SAID
from cef_bridge.mapping.program.rules import rule_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cef_bridge.mapping.program.compile import Program
    from cef_bridge.mapping.program.converter import Converter
    from cef_bridge.mapping.program.rules import OutputKey
    from cef_bridge.mapping.program.table.writer import Writer

_LABELS = OPEN_PREFIXES[0]
# Pieces that are named though no order of keys has them: without a key behind an LSM hook, and the
# parts of a Unix socket's address.
_BARE_KEYS = ("capability", "sun_path")
_TOKENS = tuple(
    dict.fromkeys(
        (
            *SYSCALL_KEYS,
            *(key for keys in HEADS.values() for key in keys),
            *LSM_KEYS,
            *SOCKET_KEYS,
            *_BARE_KEYS,
        )
    )
)
_MAY_BE_EVENTS = ("Detail", "log")  # events.unwrap looks into these
_RESTS = tuple(f"{name}.{REST}" for name in ("Data", "Resource", "EventData"))
_TEXT, _INTEGER, _LIST, _MAP, _EVENT_DATA, _OWN = range(6)


class Fields:
    """Every field that the engine has to know, by number: KubeArmor's, the derived ones, pieces of
    texts, and what the mapping names besides.
    """

    def __init__(self, converter: Converter) -> None:
        program = converter.program
        slots: list[OutputKey] = [
            *program.header,
            *program.severity,
            *program.header_severity,
            *program.slots,
            *converter.syslog.slots,
        ]
        asked = {path for slot in slots for rule in slot.rules for path in rule_paths(rule)}
        items = (*program.filters, *program.keeps, *converter.when)
        asked |= {condition.path for item in items for condition in item}
        self.all_event_data = "EventData" in asked
        self.own = sorted(
            path for path in asked if find(path) is None and path not in SAID.values()
        )
        open_ = sorted(path for path in asked if path.startswith(OPEN_PREFIXES[1:]))
        known = (*RAW, *DERIVED, *(f"data.{key}" for key in _TOKENS), *_RESTS, *SAID.values())
        self.paths = list(dict.fromkeys((*known, "EventData", *open_, *self.own)))
        self._numbers = {path: number for number, path in enumerate(self.paths)}

    def __getitem__(self, path: str) -> int:
        """Return a field's number; KeyError for one that nothing names."""
        return self._numbers[path]

    def write(self, writer: Writer, path: str, name: str = "field") -> None:
        """Write a field's number."""
        writer.number(name, self[path], path)

    def source(self, writer: Writer, path: str) -> None:
        """Write what a rule reads: a field, or a label."""
        if path.startswith(_LABELS):
            writer.byte("kind", 1, "a label")
            writer.text("label", path.removeprefix(_LABELS))
        else:
            writer.byte("kind", 0, "a field")
            self.write(writer, path)


def write_facts(writer: Writer, fields: Fields, program: Program) -> None:
    """Write all facts."""

    def path_row(path: str) -> None:
        row = find(path)
        writer.text("path", path)
        writer.flag("any case", row is not None and row.enum)
        writer.flag("a list joined by commas", path.lower().startswith("tags"))
        writer.flag("dropped", program.drops(path))

    with writer.inside("facts"):
        writer.list("fields", fields.paths, path_row)
        writer.flag("a rule reads all of EventData", fields.all_event_data)
        writer.list("fields of KubeArmor", list(RAW), lambda path: fields.write(writer, path))
        _names(writer, fields)
        _pieces(writer, fields)
        _classes(writer)
        writer.list("event id", ID_FIELDS, lambda path: fields.write(writer, path))
        writer.list("container", CONTAINER_FIELDS, lambda path: fields.write(writer, path))


def _names(writer: Writer, fields: Fields) -> None:
    def part_of(name: str) -> None:
        writer.text("object", name)
        parts = [path.partition(".")[2] for path in RAW if path.startswith(f"{name}.")]
        _rows(writer, "parts", parts, lambda part: fields.write(writer, f"{name}.{part}"))

    maps = list(PARTS)
    writer.list("objects", maps, part_of)
    kinds = dict(_kinds_of_names(fields))

    def kind(name: str) -> None:
        number = kinds[name]
        writer.byte(
            "kind", number, ["text", "integer", "list", "object", "EventData", "own"][number]
        )
        if number == _MAP:
            writer.number("object", maps.index(name), name)
        else:
            fields.write(writer, name)

    def spelling(name: str) -> None:
        kind(SPELLINGS[name])
        writer.flag("of KubeArmor alone", name in KUBEARMOR_ONLY)

    _rows(writer, "names", list(kinds), kind)
    _rows(writer, "spellings", list(SPELLINGS), spelling)
    _set(writer, "other spellings", (*SPELLINGS, *FLAT_OWNER))
    _set(writer, "reserved names", (*OURS, *_MAY_BE_EVENTS, *SAID.values()))
    writer.texts("reserved beginnings", ("data.", "event."))
    _set(writer, "types", TYPES)
    _set(writer, "operations that are known", OPERATIONS)
    _set(writer, "names of added times", ADDED_TIMES)


def _kinds_of_names(fields: Fields) -> Iterator[tuple[str, int]]:
    for path, row in RAW.items():
        if "." not in path and path not in MAPS:
            kind = _LIST if row.kind == "list" else _TEXT
            yield path, _INTEGER if path in INTEGERS else kind
    for name in MAPS:
        yield name, _EVENT_DATA if name == "EventData" else _MAP
    for path in fields.own:
        # A map is no field: its parts are.
        if as_written([path]) and path not in (*_MAY_BE_EVENTS, *MAPS):
            yield path, _OWN


def _pieces(writer: Writer, fields: Fields) -> None:
    def key(name: str) -> None:
        fields.write(writer, f"data.{name}")

    def keyed(name: str, keys: Iterable[str]) -> None:
        _rows(writer, name, list(keys), key)

    def order(keys: Iterable[str], separators: str) -> None:
        def one(name: str) -> None:
            writer.text("key", name)
            key(name)

        writer.list("keys", list(keys), one)
        writer.text("separators", separators)

    def nothing(pair: tuple[str, str]) -> None:
        key(pair[0])
        writer.text("value", pair[1])

    keyed("keys of pieces", _TOKENS)
    _set(writer, "keys with a capital", CAPITAL_KEYS)
    writer.list("values that say nothing", sorted(NOTHING), nothing)
    _rows(writer, "system calls", list(ORDERS), lambda call: order(ORDERS[call], " "))

    def head(name: str) -> None:
        order(HEADS[name], KFUNC_SEPARATORS if name == "kfunc" else " ")

    _rows(writer, "heads", list(HEADS), head)
    keyed("keys of any system call", SYSCALL_KEYS)
    keyed("keys behind a hook", LSM_KEYS)
    keyed("keys of a socket", SOCKET_KEYS)
    address = sorted(SOCKADDR & RESOURCE_KEYS)
    writer.list("keys of a socket's address", address, key)
    _mapped(writer, "protocols", PROTOCOLS)


def _classes(writer: Writer) -> None:
    words = list(
        dict.fromkeys(
            (
                *(word for key in CLASSES for word in key),
                *(operation for operation, _ in KNOWN_OPERATIONS.values()),
                *(verb for _, verbs in KNOWN_OPERATIONS.values() for verb in verbs),
                *VERBS.values(),
            )
        )
    )

    number_of = {text: number for number, text in enumerate(words)}

    def word(text: str) -> None:
        writer.number("word", number_of[text], text)

    def operation(name: str) -> None:
        ours, verbs = KNOWN_OPERATIONS[name]
        word(ours)
        writer.list("verbs", verbs, word)
        writer.flag("of cef-bridge itself", name in OWN_OPERATIONS)

    def class_row(key: tuple[str, ...]) -> None:
        row = CLASSES[key]
        for text in key:
            word(text)
        writer.text("class id", row.class_id)
        writer.text("name", row.name)
        writer.text("role", row.role)
        writer.flag("urgent", row.urgent)

    writer.texts("words", words)
    _rows(writer, "verbs by call", list(VERBS), lambda call: word(VERBS[call]))
    _rows(writer, "operations", list(KNOWN_OPERATIONS), operation)
    writer.texts("deeds", [DEEDS.get(text, "") for text in words])
    writer.texts("verb groups", [VERB_GROUPS.get(text, "") for text in words])
    writer.list("classes", list(CLASSES), class_row)


def _rows(writer: Writer, name: str, keys: list[str], write: Callable[[str], object]) -> None:
    """Write texts, each with what is known of it."""

    def row(key: str) -> None:
        writer.text("", key)
        write(key)

    writer.list(name, keys, row)


def _set(writer: Writer, name: str, texts: Iterable[str]) -> None:
    writer.texts(name, sorted(set(texts)))


def _mapped(writer: Writer, name: str, rows: Mapping[str, str]) -> None:
    _rows(writer, name, list(rows), lambda key: writer.text("is", rows[key]))
