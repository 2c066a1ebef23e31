"""The loop over units: each becomes a message, is filtered, is noise, or is rejected with a reason.

In come blocks of one stream after another (`sources`), out go messages, appended to a list a lane.
The loop over lines is here and nowhere else, for archives and live sources alike; it knows neither
files nor queues, YAML nor click.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from cef_bridge.engine.machine import LineRange
from cef_bridge.kubearmor.clock import event_time
from cef_bridge.kubearmor.decode import Decoded, EventDecoder, Noise, Unreadable
from cef_bridge.kubearmor.identity import origin_of
from cef_bridge.log_fields import logger
from cef_bridge.mapping.program.converter import Converted, Filtered, Rejected
from cef_bridge.sources.records.units import Oversized
from cef_bridge.stats import Stats, line_ends

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from cef_bridge.engine.machine import LaneRun, UrgentMessage
    from cef_bridge.kubearmor.alert_rate import AlertRate
    from cef_bridge.sources.records.units import Block, BrokenLine
    from cef_bridge.stats import Kind

    Append = Callable[[bytes], object]

# Noise is shown by samples: a relay's pod log is full of it.
_FIRST_NOISE, _EVERY_NOISE, _SHOWN_NOISE = 10, 1000, 200

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


class Running(Protocol):
    """Runs lines through the engine: `machine.Runner`, or what only counts them."""

    answer: Any  # the counts of the last run, as in `engine/src/block.rs`
    left: int
    compared: int
    differed: int

    @property
    def messages(self) -> bytes:
        """The messages of the last run, a line feed behind each."""

    @property
    def elsewhere(self) -> Sequence[int]:
        """Where the lines of events begin that are not for this destination."""

    def run(self, lines: LineRange, /) -> int:
        """Convert lines, up to one that is left to Python; return where that begins, or `end`."""

    @property
    def trusted(self) -> bool:
        """Whether it may go on."""

    def parts(self, late: Collection[int] = (), /) -> Iterator[LaneRun]:
        """Yield the messages of the last run, in the order of their lane; see `machine.Runner`."""

    def urgent(self) -> Iterator[UrgentMessage]:
        """Yield what there is to say of each urgent message of the last run."""

    def kinds(self) -> Iterator[tuple[Kind, int]]:
        """Yield how many events there were of each kind, since the last time it was asked."""


class EventConverter(Protocol):
    """What a unit loop runs events through: `machine.Machine`, or what only counts them."""

    def runner(self) -> Running | None:
        """Return what runs lines through the engine, None where there is none."""

    def convert(self, raw: dict[str, object], origin: str, /) -> Converted | Filtered | Rejected:
        """Return the fate of any event."""


class LineLoop:
    """Runs the units of streams through a machine; `alerts` and `telemetry` collect the messages.

    They collect texts: a message, or several with LF between two of them. They may be one list,
    where order matters more than urgency: then an LF is behind each message, and the texts can be
    written as they are. `alert_rate` says which alerts are not urgent after all.
    `begin` says which stream the next blocks are of; `refuse` is told of each rejected record.
    `away` grows by the places of events that the destination's `when` does not take: the offset of
    the line, and which event of it.
    """

    def __init__(
        self,
        machine: EventConverter,
        alerts: list[bytes],
        telemetry: list[bytes],
        refuse: Callable[[Refused], None],
        options: Options,
        alert_rate: AlertRate | None = None,
    ) -> None:
        self.stats = Stats()
        self.options = options
        self.decoder = EventDecoder()
        self.away: list[tuple[int, int]] = []
        self._nth = 0  # event of the unit in hand
        self._numbered = False  # a unit's place is its number
        self._name = ""
        self._machine = machine
        self._alerts = alerts
        self._telemetry = telemetry
        self._end = b"\n" if alerts is telemetry else b""
        self._refuse = refuse
        self._alert_rate = alert_rate
        self._crowded = False
        self._urgent = 0  # alerts so far, also those over the rate
        self._runner = machine.runner()
        self._counted = (0, 0, 0)  # of the runner's lines: left, compared, differed

    def count_anew(self) -> Stats:
        """Return new counters, of what is converted from here on."""
        self.stats = Stats()
        return self.stats

    def begin(self, name: str, decoder: EventDecoder | None = None) -> EventDecoder:
        """Turn to a stream: a new one, or one whose `decoder` is known from before."""
        self._name = name
        self.decoder = decoder or self.new_decoder()
        return self.decoder

    def new_decoder(self, pending: bytes = b"") -> EventDecoder:
        """Return a decoder for a new stream; `pending` is what one of a former run left behind."""
        options = self.options
        return EventDecoder(
            max_record=options.max_record, input_format=options.input_format, pending=pending
        )

    def block(self, block: Block) -> None:
        """Convert units: lines by the engine, where there is one, all else the plain way."""
        stats = self.stats
        stats.blank += block.blank
        self._numbered = block.numbered
        alert_rate = self._alert_rate
        self._crowded = alert_rate is not None and alert_rate.crowded
        before = self._urgent
        runner = self._runner if self._runner is not None and self._runner.trusted else None
        if runner is None or self.options.input_format != "auto":
            # The reference does it all, or each line's wrapper has to be known.
            for unit, (line, offset) in zip(block.lines, block.places(), strict=True):
                self._plain(unit, line, offset)
        elif block.data:
            offset = block.data_offset - block.begin
            self._lines(runner, block.data, block.begin, block.end, block.data_line, offset)
        elif (text := _joined(block)) is not None:
            self._lines(runner, text, 0, len(text), block.line, block.offset)
        else:
            for unit, (line, offset) in zip(block.lines, block.places(), strict=True):
                if b"\n" in unit:
                    self._plain(unit, line, offset)
                else:
                    self._lines(runner, unit, 0, len(unit), line, offset)
        self._crowded = False
        if alert_rate is not None:
            alert_rate.came(self._urgent - before)

    def _lines(
        self, runner: Running, data: bytes, begin: int, end: int, line: int, offset: int
    ) -> None:
        """Convert the lines of `data` from `begin` to `end`; `line` is the first one's number, and
        `data` begins at `offset` of the stream.
        """
        at = begin
        while True:
            waits = self.decoder.waits
            lines = LineRange(data, at, end, self._name, offset, line, waits, self._numbered)
            stop = runner.run(lines)
            answer = runner.answer
            self._collect(runner, data, offset)
            line += answer.lines
            if stop >= end:
                return
            at = answer.next
            unit = data[stop:at].removesuffix(b"\n").removesuffix(b"\r")
            self._plain(unit, line, offset + stop)
            line += 1

    def _collect(self, runner: Running, data: bytes, offset: int) -> None:
        """Take what a run of the engine gave."""
        stats, answer = self.stats, runner.answer
        stats.converted += answer.converted
        stats.filtered += answer.filtered
        stats.routed_away += answer.routed_away
        stats.without_time += answer.without_time
        if answer.in_log:
            stats.enveloped("log", answer.in_log)
        if answer.routed_away:
            self.away += [(offset + place, 1) for place in runner.elsewhere]
        if not answer.converted:
            return
        if self._end:
            self._alerts.append(runner.messages)
            return
        late = self._late(runner, data) if self._crowded else ()
        self._urgent += len(late)
        for part in runner.parts(late):
            self._urgent += part.number if part.urgent else 0
            (self._alerts if part.urgent else self._telemetry).append(part.text)

    def _late(self, runner: Running, data: bytes) -> Collection[int]:
        """Return the numbers of the last run's alerts that are over their container's rate."""
        late: set[int] = set()
        if (alert_rate := self._alert_rate) is None:
            return late
        is_over = alert_rate.is_over
        for number, begin, container, at in runner.urgent():
            if is_over(container, at):
                late.add(number)
                if alert_rate.has_to_tell(container):
                    alert_rate.tell(container, self._event_at(data, begin))
        self.stats.alerts_over_rate += len(late)
        return late

    def _event_at(self, data: bytes, begin: int) -> Mapping[str, object]:
        """Return the event of a line that the engine has converted; it begins there."""
        end = data.find(b"\n", begin)
        line = data[begin : len(data) if end < 0 else end]
        found = [each for each in self.new_decoder().decode(line) if isinstance(each, Decoded)]
        return found[0].fields if found else {}

    def _over(self, raw: dict[str, object]) -> bool:
        over = self._alert_rate is not None and self._alert_rate.over(raw)
        self.stats.alerts_over_rate += over
        return over

    def settle(self) -> None:
        """Bring the counts up to date that others keep; now and then, and at the end."""
        stats, runner = self.stats, self._runner
        counts: Iterator[tuple[Kind, int]] = iter(())
        if runner is not None:
            counts = runner.kinds()
            before = self._counted
            self._counted = now = (runner.left, runner.compared, runner.differed)
            stats.left += now[0] - before[0]
            stats.compared += now[1] - before[1]
            stats.differed += now[2] - before[2]
        for kind, number in counts:
            stats.kinds[kind] += number
        stats.settle()

    def finish(self, line: int) -> None:
        """End the stream at its last line: the rest of a line that a runtime cut never came."""
        for left in self.decoder.finish():
            if isinstance(left, Unreadable):
                self.reject(line, left.reason, left.raw, left.label)

    def lost(self, item: Oversized | BrokenLine) -> None:
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

    def _plain(self, unit: bytes, line: int, offset: int) -> None:
        """Convert a unit of any dialect and wrapper: several events, one, or a part of one."""
        self._nth = 0
        for found in self.decoder.decode(unit):
            self._nth += 1
            if isinstance(found, Decoded):
                self._event(found, line, offset)
            elif isinstance(found, Noise):
                self._noise(found, line)
            else:
                self.reject(line, found.reason, found.raw, found.label)

    def _event(self, found: Decoded, line: int, offset: int) -> None:
        raw = found.fields
        if found.path:
            self.stats.enveloped(found.path)
        timeless = event_time(raw) is None
        try:
            place = line if self._numbered else offset
            fate = self._machine.convert(raw, origin_of(raw, self._name, place))
        except Exception:  # noqa: BLE001 - one bad event never stops the stream, nor a fault of ours
            logger(__name__).debug("%s:%d", self._name, line, exc_info=True)
            fate = Rejected(FAULT, "fault")
        if isinstance(fate, Rejected):
            self.reject(line, fate.reason, found.raw, fate.label)
            return
        self.stats.count(raw.get("Type"), raw.get("Operation"), fate.kind.class_id)
        if isinstance(fate, Filtered):
            self.stats.filtered += 1
            if fate.by_when:
                self.stats.routed_away += 1
                self.away.append((offset, self._nth))
            return
        self.stats.without_time += timeless
        self.stats.converted += 1
        self._urgent += fate.kind.urgent
        urgent = fate.kind.urgent and not (self._crowded and self._over(raw))
        lane = self._alerts if urgent else self._telemetry
        lane.append(fate.message.encode() + self._end)

    def _noise(self, found: Noise, line: int) -> None:
        if self.options.strict:
            self.reject(line, "no KubeArmor event", found.raw, "no-event")
            return
        self.stats.skip(found.raw)
        if self.stats.noise <= _FIRST_NOISE or not self.stats.noise % _EVERY_NOISE:
            logger(__name__).debug("%s:%d no event: %r", self._name, line, found.raw[:_SHOWN_NOISE])


def _joined(block: Block) -> bytes | None:
    """Return the lines of a block that follow one another as one text; None where they do not."""
    if block.offsets or block.lines_at:
        return None
    text = b"\n".join(block.lines)
    return text if line_ends(text) == len(block.lines) - 1 else None
