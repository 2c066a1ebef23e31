"""Line rules that need more than one line: what varies without end, and in which order.

In come lines one by one, out come findings. Memory is bounded whatever the lines say: attackers
choose ids and names. A page's `{n}` stands for 1, 2, 3 … 200, a line for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.lines.dictionary import LABELS
from cef_bridge.lines.lint import codes
from cef_bridge.lines.lint.guess import fields_inside, whole_values
from cef_bridge.lines.lint.parts import LEEF_FIELDS, WORDS, LineFinding, ParsedLine
from cef_bridge.lines.lint.registry import reports_across
from cef_bridge.lines.lint.rules_labels import labels_of, slot_of
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_PRODUCTS = 64
_MOST_CLASSES = 512
_MOST_KEYS = 128


class _Step(NamedTuple):
    """So many different ones, in at most `per` lines for each, are without end."""

    different: int
    per: float


# A catalogue of signatures may have thousands, but each of its ids comes back.
_STEPS = (_Step(100, 1.2), _Step(1000, 2.0))


class _Many:
    """Counts the different texts of a header field, a product at a time."""

    _field = ""
    _hint = ""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], int] = {}
        self._seen: dict[tuple[str, str], set[int]] = {}
        self._told: set[tuple[str, str]] = set()

    def see(self, line: ParsedLine) -> Iterator[LineFinding]:
        """Yield what this line makes certain: once a product."""
        piece = line.header.get(self._field)
        product = line.product
        if piece is None or product in self._told:
            return
        if product not in self._seen and len(self._seen) == _MOST_PRODUCTS:
            return
        self._lines[product] = lines = self._lines.get(product, 0) + 1
        seen = self._seen.setdefault(product, set())
        before = len(seen)
        seen.add(hash(piece.raw))
        for step in _STEPS:
            if before < len(seen) == step.different and lines <= step.different * step.per:
                self._told.add(product)
                message = (
                    f"{step.different:,} different texts as {WORDS[self._field]} in {lines:,} "
                    f"lines. {self._hint}"
                )
                yield LineFinding(piece.at, message)
        if len(seen) >= _STEPS[-1].different:
            self._told.add(product)
            seen.clear()


@reports_across(codes.MANY_IDS)
class ManyIds(_Many):
    """Class ids are a closed list: one for each type of event, not for each event.

    QRadar's event map, splunk_metadata.csv of SC4S and most rules have a manual row for each.
    Reported once per product, when 100 of at most 120 lines, or 1,000 of 2,000, have distinct
    ids.

    Bad:
        CEF:0|Acme|Gate|2.1|login-{n}|User logged in|3|act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow externalId={n}
    """

    _field = "device_event_class_id"
    _hint = "Use one for each sort of event."


@reports_across(codes.MANY_NAMES)
class ManyNames(_Many):
    """A name describes a type of event, and does not repeat data of keys (v27).

    Reported once per product, when 100 of at most 120 lines, or 1,000 of 2,000, have distinct
    names.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User number {n} logged in|3|act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|suid={n} act=Allow
    """

    _field = "name"
    _hint = "Put what differs into keys."


@reports_across(codes.MANY_LABELS)
class ManyLabels:
    """A custom key has one meaning for a product, and so one label.

    Otherwise a rule on cs1 compares doors with users, and Splunk and Graylog get more fields
    each time. Reported once per key of a product.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|cnt=1 cs1=door 7 cs1Label=Door
        CEF:0|Acme|Gate|2.1|logout|User logged out|3|cnt=1 cs1=ann cs1Label=Guard
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|cnt=1 cs1=door 7 cs1Label=Door
        CEF:0|Acme|Gate|2.1|logout|User logged out|3|cnt=1 cs2=ann cs2Label=Guard
    """

    def __init__(self) -> None:
        self._first: dict[tuple[str, str, str], str | None] = {}

    def see(self, line: ParsedLine) -> Iterator[LineFinding]:
        """Yield what this line makes certain."""
        product = line.product
        for pair in labels_of(line):
            slot = slot_of(pair)
            key = (*product, slot)
            if key not in self._first and len(self._first) < _MOST_PRODUCTS * len(LABELS):
                self._first[key] = shown(pair.value)
            first = self._first.get(key)
            if first is not None and first != shown(pair.value):
                self._first[key] = None  # told
                message = (
                    f'{pair.key} is "{shown(pair.value)}" here, and "{first}" in a line before.'
                )
                yield LineFinding(pair.at, message)


@reports_across(codes.ORDER)
class Order:
    """The keys of one type of event have one order; so do fields within one value.

    A sender that iterates over a map writes them in random order. Splunk's add-on loses the
    first key, and a size limit cuts the last ones: other keys each time. Reported once per
    class id, and per value of many fields in it.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|cnt=1 act=Allow suser=ann src=192.0.2.7
        CEF:0|Acme|Gate|2.1|login|User logged in|3|suser=bob cnt=1 src=192.0.2.8 act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|cnt=1 act=Allow suser=ann src=192.0.2.7
        CEF:0|Acme|Gate|2.1|login|User logged in|3|cnt=1 act=Allow src=192.0.2.8
    """

    def __init__(self) -> None:
        self._ranks: dict[int, dict[str, int] | None] = {}

    def see(self, line: ParsedLine) -> Iterator[LineFinding]:
        """Yield what this line makes certain."""
        if len(line.fields) < len(LEEF_FIELDS):
            return
        sort = (line.product, line.fields[len(LEEF_FIELDS) - 1].raw)
        if len(line.pairs) > 1:
            names = [
                (pair.key, pair.at) for pair in line.pairs[:_MOST_KEYS] if pair.at not in line.inner
            ]
            yield from self._compare(hash(sort), names, "line of its class id")
        for pair, value in whole_values(line):
            inner = fields_inside(value) if ":" in value else ()
            if inner:
                names = [(name, pair.value_at) for name in inner[:_MOST_KEYS]]
                yield from self._compare(hash((sort, pair.key)), names, shown(pair.key))

    def _compare(
        self, sort: int, names: list[tuple[str, int]], where: str
    ) -> Iterator[LineFinding]:
        if sort not in self._ranks:
            if len(self._ranks) < _MOST_CLASSES:
                ordered = reversed([*enumerate(name[:64] for name, _ in names)])
                self._ranks[sort] = {name: rank for rank, name in ordered}
            return
        ranks = self._ranks[sort]
        if ranks is None:
            return
        last, before = -1, ""
        for name, at in names:
            rank = ranks.get(name, last)
            if rank < last:
                self._ranks[sort] = None  # told
                message = (
                    f"{shown(name)} follows {shown(before)} here, and precedes it in an earlier "
                    f"{where}. Write them in one order."
                )
                yield LineFinding(at, message)
                return
            if rank > last:
                last, before = rank, name


@reports_across(codes.NO_HEADER)
class NoHeader:
    """Over a network a message has a syslog header with a time and a host.

    Sentinel's agent does not recognize CEF without one. QRadar, Graylog and SC4S use the time
    of arrival as the event's, and the sender's address as its source. A file needs no header,
    so this is reported only when `--for` names one of these receivers, and once.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow
    Good:
        <134>Mar  1 10:00:00 gate-1 CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow
    """

    def __init__(self) -> None:
        self._told = False

    def see(self, line: ParsedLine) -> Iterator[LineFinding]:
        """Yield what is wrong with the first line that has no time and host before its message."""
        timed = line.syslog is not None and line.syslog.timestamp and line.syslog.hostname
        if self._told or not line.format or timed:
            return
        self._told = True
        what = (
            "Sentinel's agent does not take such a line for CEF"
            if line.read_by == "sentinel"
            else "over a network the event gets the time of its arrival"
        )
        yield LineFinding(0, f"no syslog header with a time and a host: {what}. Reported once.")
