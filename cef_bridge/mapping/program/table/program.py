"""A mapping's rules, for the table: what `engine/src/program.rs` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge import casing
from cef_bridge.lines import syslog, zones
from cef_bridge.lines.dictionary import CEF_KEYS, HEADER_LENGTHS, LEEF_KEYS
from cef_bridge.lines.leef import LEEF_HEADER_LENGTHS
from cef_bridge.mapping.language.names import PREFIX
from cef_bridge.mapping.language.template import parse, paths_of
from cef_bridge.mapping.language.transforms import hides, keeps_whole
from cef_bridge.mapping.program.compile import REPEATED, REST_KEY
from cef_bridge.mapping.program.rules import MOST_SPREAD, SUSPICIOUS
from cef_bridge.mapping.program.truncation import IDENTITY, STAYS, SUBJECT, TRUNCATED, UNCUT, worth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.lines import Format
    from cef_bridge.mapping.language.spec import Condition, Rule, Step, Test
    from cef_bridge.mapping.program.converter import Converter
    from cef_bridge.mapping.program.header import SyslogWriter
    from cef_bridge.mapping.program.rules import OutputKey
    from cef_bridge.mapping.program.table.facts import Fields
    from cef_bridge.mapping.program.table.writer import Writer

_TESTS = ("literal", "glob", "is", "range", "not")
_HEADERS = ("none", "rfc3164", "rfc5424")
_FROM, _TEMPLATE, _SPREAD = range(3)


def write_program(writer: Writer, fields: Fields, converter: Converter) -> None:
    """Write all of a mapping."""
    program, mapping = converter.program, converter.program.mapping
    rules = _Rules(writer, fields, program.format)
    with writer.inside("mapping"):
        writer.bytes("letters", casing.table())
        _format(writer, converter)
        _syslog(writer, rules, converter.syslog)
        writer.maybe_text("cluster", mapping.cluster)
        names = [pattern for pattern in mapping.drop_fields if not set(pattern) & set("*?[")]
        writer.texts("drop", (*mapping.drop_fields, *(f"{name}.*" for name in names)))
        rules.slots("header", program.header)
        rules.slots("severity", program.severity)
        rules.slots("severity of the header", program.header_severity)
        for path in REPEATED:
            writer.flag(f"repeats {path}", path in program.repeats)
        rules.slots("keys", program.slots)
        rules.items("events to leave out", program.filters)
        rules.items("events to write", program.keeps)
        rules.items("events for this destination", converter.when)
        _leftovers(writer, fields, converter)


def _format(writer: Writer, converter: Converter) -> None:
    program = converter.program
    fmt, envelope = program.format, program.mapping.envelope
    is_cef = fmt.name == "cef"
    lengths = [*(HEADER_LENGTHS if is_cef else LEEF_HEADER_LENGTHS).values()]
    delimiter = "x09" if fmt.separator == "\t" else fmt.separator
    with writer.inside("format"):
        writer.flag("CEF", is_cef)
        writer.text("separator", fmt.separator)
        if is_cef:
            writer.text("begins", f"CEF:{envelope.cef_version}|")
            writer.text("header ends", "")
        else:
            writer.text("begins", f"LEEF:{envelope.leef_version}|")
            writer.text("header ends", f"{delimiter}|" if envelope.leef_version == "2.0" else "")
        writer.flag("pipes are replaced", is_cef and envelope.pipe == "replace")
        writer.texts("texts to break up", envelope.defang)
        writer.number("longest text", envelope.max_bytes)
        for name, length in zip(HEADER_LENGTHS, lengths, strict=True):
            writer.number(f"longest {name}", length)
        writer.number("most bytes", converter.max_bytes)
        writer.maybe_text("first", fmt.pair(envelope.leading_key) if envelope.leading_key else None)
        writer.texts("given up first", [fmt.pair(name) for name in envelope.truncate_first])
        writer.text("truncated", fmt.pair(TRUNCATED))
        writer.text("prefix", PREFIX)
        _keys(writer, fmt)


def _keys(writer: Writer, fmt: Format) -> None:
    names = {*(CEF_KEYS if fmt.name == "cef" else LEEF_KEYS)}
    names |= {*SUBJECT, *IDENTITY, *STAYS, *UNCUT}

    def key(name: str) -> None:
        row = fmt.key(name)
        writer.text("", name)
        writer.flag("may be cut", name not in UNCUT and (row is None or row.kind == "string"))
        writer.flag("predefined", row is not None)
        writer.flag("stays", name in STAYS)
        writer.byte("worth", worth(name))

    writer.list("keys", sorted(names), key)


def _syslog(writer: Writer, rules: _Rules, header: SyslogWriter) -> None:
    writes = header.kind != "none"
    with writer.inside("syslog header"):
        writer.byte("kind", _HEADERS.index(header.kind), header.kind)

        def code(name: str) -> None:
            writer.text("", name)
            writer.number("code", syslog.FACILITIES[name])

        writer.list("facilities", list(syslog.FACILITIES), code)
        rules.slots("facility", header.facilities if writes else ())
        rules.slots("app name", (header.app_name,) if header.kind == "rfc5424" else ())
        rules.slots("host name", (header.hostname,) if writes else ())
        writer.flag("a zone", header.zone is not None)
        if header.zone is not None:
            changes = zones.changes(header.zone)

            def change(row: tuple[int, int]) -> None:
                writer.long("from", row[0])
                writer.long("offset", row[1])

            writer.list("offsets", changes, change)
        writer.long("offsets end", zones.END)
        writer.flag("asks for the severity", header.asks_severity)


def _leftovers(writer: Writer, fields: Fields, converter: Converter) -> None:
    program = converter.program
    leftovers = program.leftovers

    def known(row: tuple[str, str]) -> None:
        fields.write(writer, row[0])
        writer.text("pair", program.format.pair(row[1]))

    with writer.inside("fields that no rule takes"):
        writer.flag("kept", program.mapping.unmapped == "keep")
        writer.list("keys", leftovers.known, known)
        writer.texts("reserved", sorted(leftovers.reserved))
        writer.text("prefix", PREFIX)
        writer.text("the rest", program.format.pair(REST_KEY))


class _Rules:
    """Writes rules and conditions."""

    def __init__(self, writer: Writer, fields: Fields, fmt: Format) -> None:
        self._writer = writer
        self._fields = fields
        self._format = fmt

    def slots(self, name: str, slots: Sequence[OutputKey]) -> None:
        """Write some keys with their rules."""
        self._writer.list(name, slots, self._slot)

    def items(self, name: str, items: Sequence[Sequence[Condition]]) -> None:
        """Write items of which all conditions have to hold."""
        writer = self._writer
        writer.list(name, items, lambda item: writer.list("all of", item, self._condition))

    def _slot(self, slot: OutputKey) -> None:
        writer = self._writer
        writer.text("key", self._format.pair(slot.key))
        writer.flag("last", slot.key == "msg")
        writer.flag("names what was sanitized", SUSPICIOUS in slot.paths)
        writer.list("rules", slot.rules, lambda rule: self._rule(slot, rule))

    def _rule(self, slot: OutputKey, rule: Rule) -> None:
        writer, fmt = self._writer, self._format
        writer.list("when", rule.when, self._condition)
        if rule.template is not None:
            self._template(rule.template)
        elif rule.spread:
            self._spread(slot, rule)
        else:
            writer.byte("kind", _FROM, "from")
            writer.list("from", rule.from_, lambda path: self._fields.source(writer, path))
            writer.maybe_text("constant", rule.default if rule.value is None else rule.value)
        writer.list("via", rule.via, self._step)
        writer.flag("a table", rule.table is not None)
        if rule.table is not None:
            rows = {casing.lower(known): text for known, text in rule.table.rows.items()}

            def row(known: str) -> None:
                writer.text("", known)
                writer.text("is", rows[known])

            writer.list("table", list(rows), row)
            writer.maybe_text("else", rule.else_)
        secret = hides(rule.via)
        key = fmt.key(slot.key)
        limits = [most for most in (key.max_length if key else None, rule.max_length) if most]
        kind = key.kind if key else "string"
        writer.flag("takes", secret or (rule.template is None and keeps_whole(rule.via)))
        writer.flag("hides a secret", secret)
        writer.number("limit", min(limits, default=0))
        writer.text("type", "ip" if kind == "ipv4" and slot.ipv6 else kind)
        writer.text("label", self._label(slot, rule))

    def _label(self, slot: OutputKey, rule: Rule) -> str:
        """Return the key and the text of a rule's label as they are written."""
        if not rule.label:
            return ""
        fmt = self._format
        return fmt.pair(f"{slot.key}Label") + fmt.escape(fmt.neutral(rule.label))

    def _template(self, template: str) -> None:
        writer = self._writer
        writer.byte("kind", _TEMPLATE, "template")

        def piece(part: tuple[str, str]) -> None:
            text, path = part
            writer.byte("piece", 1 if path else 0, "a field" if path else "a text")
            if path:
                self._fields.source(writer, path)
            else:
                writer.text("text", text)

        writer.list("pieces", parse(template).parts, piece)
        paths = [path for path in paths_of(template) if not path.startswith("Labels.")]
        writer.list("fields", paths, lambda path: self._fields.write(writer, path))

    def _spread(self, slot: OutputKey, rule: Rule) -> None:
        writer, source = self._writer, rule.spread or ""
        writer.byte("kind", _SPREAD, "spread")
        self._fields.write(writer, source)
        writer.text("prefix", slot.key)
        writer.texts("only", rule.only)
        writer.number("most", rule.max or MOST_SPREAD)
        # Entries that are fields of their own come in the order the event has them.
        writer.flag("by Python", source not in ("Labels", "EventData"))

    def _step(self, step: str | Step) -> None:
        name, arguments = (step, ()) if isinstance(step, str) else (step.name, step.arguments)
        self._writer.text("transform", name)
        self._writer.texts("arguments", arguments)

    def _condition(self, condition: Condition) -> None:
        self._fields.source(self._writer, condition.path)
        self._writer.list("one of", condition.any_of, self._test)

    def _test(self, test: Test) -> None:
        writer = self._writer
        writer.byte("test", _TESTS.index(test.kind), test.kind)
        if test.kind == "range":
            writer.maybe_text("least", test.least)
            writer.maybe_text("most", test.most)
        elif test.kind == "not":
            writer.list("none of", test.tests, self._test)
        else:
            writer.text("text", test.text)
