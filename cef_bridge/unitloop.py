"""The loop over units: each becomes a message, is filtered, is noise, or is rejected with a reason.

In come blocks of one stream after another (`sources`), out go messages, appended to a list a lane.
The loop over lines is here and nowhere else, for archives and live sources alike; it knows neither
files nor queues, YAML nor click.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple, Protocol

import orjson

from cef_bridge.converter import Converted, Filtered, Rejected
from cef_bridge.events.clock import event_time, repeats
from cef_bridge.events.decode import Decoded, Decoder, Noise, Unreadable
from cef_bridge.events.identity import SEPARATOR
from cef_bridge.sources.units import Oversized
from cef_bridge.stats import Stats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cef_bridge.fairness import Fairness
    from cef_bridge.sources.units import Block, Broken
    from cef_bridge.stats import Kind

    Append = Callable[[bytes], object]

# Noise is shown by samples: a relay's pod log is full of it.
_FIRST_NOISE, _EVERY_NOISE, _SHOWN_NOISE = 10, 1000, 200

_log = logging.getLogger(__name__)

FAULT = "a fault of this program; please report it with this record"


class Refused(NamedTuple):
    """A record that was rejected: the stream, the line (from 1), why, its bytes (or the first of
    them) and its size.
    """

    source: str
    line: int
    reason: str
    raw: bytes
    size: int


class Options(NamedTuple):
    """How units are understood: `strict` rejects noise; `max_record` is in bytes."""

    max_record: int = 1 << 20
    input_format: str = "auto"
    strict: bool = False


class Glancing(Protocol):
    """Knows lines by their bytes."""

    def run(self, lines: Sequence[bytes], start: int, alert: Append, log: Append, /) -> int:
        """Append the messages of known lines; return the index of the first that is not known."""

    def counts(self) -> Iterator[tuple[Kind, int]]:
        """Yield how many messages `run` wrote of each kind, since the last time it was asked."""


class Machine(Protocol):
    """What a unit loop runs events through: `fastpath.FastPath`, or what only counts them."""

    @property
    def sections(self) -> Glancing:
        """What knows lines before they are parsed."""

    def recall(self, raw: dict[str, object], /) -> Converted | Filtered | None:
        """Return the fate of an event whose like was seen before; `raw` may be any JSON value."""

    def learn(self, line: bytes, raw: dict[str, object], /) -> None:
        """Remember the line of the event that was just recalled."""

    def convert(self, raw: dict[str, object], origin: str, /) -> Converted | Filtered | Rejected:
        """Return the fate of any event."""


class UnitLoop:
    """Runs the units of streams through a machine; `alerts` and `telemetry` collect the messages.

    They may be one list, where order matters more than urgency; `fairness` says which alerts are
    not urgent after all. `begin` says which stream the next blocks are of; `refuse` is told of each
    rejected record. `away` grows by the places of events that the destination's `when` does not
    take, counted from the end of their block.
    """

    def __init__(
        self,
        machine: Machine,
        alerts: list[bytes],
        telemetry: list[bytes],
        refuse: Callable[[Refused], None],
        options: Options,
        fairness: Fairness | None = None,
    ) -> None:
        self.stats = Stats()
        self.options = options
        self.decoder = Decoder()
        self.away: list[tuple[int, int]] = []
        self._nth = 0  # event of the unit in hand
        self._name = ""
        self._machine = machine
        self._alerts = alerts
        self._telemetry = telemetry
        self._refuse = refuse
        self._fairness = fairness
        self._crowded = False
        self._placed: Block | None = None
        self._places: list[tuple[int, int]] = []

    def begin(self, name: str, decoder: Decoder | None = None) -> Decoder:
        """Turn to a stream: a new one, or one whose `decoder` is known from before."""
        self._name = name
        self.decoder = decoder or self.new_decoder()
        return self.decoder

    def new_decoder(self, pending: bytes = b"") -> Decoder:
        """Return a decoder for a new stream; `pending` is what one of a former run left behind."""
        options = self.options
        return Decoder(
            max_record=options.max_record, input_format=options.input_format, pending=pending
        )

    def block(self, block: Block) -> None:
        """Convert units, in the hot loop: what is remembered at once, all else the plain way."""
        loads, alert, log = orjson.loads, self._alerts.append, self._telemetry.append
        machine = self._machine
        run, recall, learn = machine.sections.run, machine.recall, machine.learn
        kinds, stats = self.stats.kinds, self.stats
        if self.options.input_format != "auto":
            run, recall = _stay, _nothing
        if self._fairness is not None and self._fairness.crowded:
            self._crowded, run = True, _stay  # whose alert it is stands in the event
        urgent_before = len(self._alerts) + stats.alerts_over_rate
        lines = block.lines
        stats.blank += block.blank
        converted = index = 0
        while True:
            start, index = index, run(lines, index, alert, log)
            converted += index - start
            if index == len(lines):
                break
            line, index = lines[index], index + 1
            try:
                raw = loads(line)
            except ValueError:  # noise, a wrapper's prefix, or worse
                self._plain(block, index - 1)
                continue
            fate = recall(raw)
            if fate is None:
                self._plain(block, index - 1)
                continue
            kinds[raw.get("Type"), raw.get("Operation"), fate.kind.class_id] += 1
            if fate.__class__ is Converted:
                converted += 1
                if fate.kind.urgent and not (self._crowded and self._over(raw)):
                    alert(fate.message.encode())
                else:
                    log(fate.message.encode())
                learn(line, raw)
            else:
                stats.filtered += 1
        stats.converted += converted
        self._crowded = False
        if self._fairness is not None:
            self._fairness.came(len(self._alerts) + stats.alerts_over_rate - urgent_before)

    def _over(self, raw: dict[str, object]) -> bool:
        over = self._fairness is not None and self._fairness.over(raw)
        self.stats.alerts_over_rate += over
        return over

    def settle(self) -> None:
        """Bring the counts by kind up to date; to be called now and then, and at the end."""
        for kind, number in self._machine.sections.counts():
            self.stats.kinds[kind] += number
        self.stats.settle()

    def finish(self, line: int) -> None:
        """End the stream at its last line: the rest of a line that a runtime cut never came."""
        for left in self.decoder.finish():
            if isinstance(left, Unreadable):
                self.reject(line, left.reason, left.raw, left.label)

    def lost(self, item: Oversized | Broken) -> None:
        """Count what a source could not bring."""
        if isinstance(item, Oversized):
            limit = self.options.max_record
            reason = f"over the limit of {limit} bytes for a record; convert --max-record raises it"
            self.reject(item.line, reason, item.head, "too-long", size=item.size)
        else:
            self.reject(item.line, item.reason, item.raw, "damaged")

    def reject(
        self, line: int, reason: str, raw: bytes, label: str, *, size: int | None = None
    ) -> None:
        """Count a record as rejected, and hand it on; `label` is one of `stats.LABELS`."""
        self.stats.reject(reason, f"{self._name}:{line}", label)
        self._refuse(Refused(self._name, line, reason, raw, len(raw) if size is None else size))

    def _plain(self, block: Block, index: int) -> None:
        """Convert a unit of any dialect and wrapper: several events, one, or a part of one."""
        self._nth = 0
        for found in self.decoder.decode(block.lines[index]):
            self._nth += 1
            if isinstance(found, Decoded):
                self._event(found, block, index)
            elif isinstance(found, Noise):
                self._noise(found, block, index)
            else:
                self.reject(self._place(block, index)[0], found.reason, found.raw, found.label)

    def _event(self, found: Decoded, block: Block, index: int) -> None:
        raw, origin = found.fields, ""
        if found.path:
            self.stats.enveloped(found.path)
        timeless = event_time(raw) is None
        if repeats(raw):
            origin = f"{self._name}{SEPARATOR}{self._place(block, index)[1]}"
        try:
            fate = self._machine.convert(raw, origin)
        except Exception:  # noqa: BLE001 - one bad event never stops the stream, nor a fault of ours
            _log.debug("%s:%d", self._name, self._place(block, index)[0], exc_info=True)
            fate = Rejected(FAULT, "fault")
        if isinstance(fate, Rejected):
            self.reject(self._place(block, index)[0], fate.reason, found.raw, fate.label)
            return
        self.stats.count(raw.get("Type"), raw.get("Operation"), fate.kind.class_id)
        if isinstance(fate, Filtered):
            self.stats.filtered += 1
            if fate.by_when:
                self.stats.routed_away += 1
                self.away.append((len(block.lines) - index, self._nth))
            return
        self.stats.without_time += timeless
        self.stats.converted += 1
        urgent = fate.kind.urgent and not (self._crowded and self._over(raw))
        lane = self._alerts if urgent else self._telemetry
        lane.append(fate.message.encode())

    def _place(self, block: Block, index: int) -> tuple[int, int]:
        """Return the line and the offset of a unit; a block works them out once, for all."""
        if self._placed is not block:
            self._placed, self._places = block, block.places()
        return self._places[index]

    def _noise(self, found: Noise, block: Block, index: int) -> None:
        if self.options.strict:
            place = self._place(block, index)[0]
            self.reject(place, "no KubeArmor event", found.raw, "no-event")
            return
        self.stats.noise += 1
        if self.stats.noise <= _FIRST_NOISE or not self.stats.noise % _EVERY_NOISE:
            place = self._place(block, index)[0]
            _log.debug("%s:%d no event: %r", self._name, place, found.raw[:_SHOWN_NOISE])


# A forced input format has to know what every line was wrapped in: nothing is remembered.


def _stay(_lines: Sequence[bytes], start: int, _alert: Append, _log: Append) -> int:
    return start


def _nothing(_: object) -> None:
    return None
