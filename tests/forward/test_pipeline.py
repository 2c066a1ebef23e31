"""From a feed into queues: lanes, marks, counters, numbers; nothing vanishes and nothing comes twice.

The feed of these tests brings what a list says; queues, converters and decoders are the real ones.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cef_bridge.checkpoint import Checkpoint
from cef_bridge.engine import native
from cef_bridge.engine.line_loop import Options
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.errors import CefBridgeError
from cef_bridge.forward.branch import MOST_BYTES, ROW_BYTES
from cef_bridge.forward.internal_events import enqueue_gap, tell_flood
from cef_bridge.forward.pipeline import SourcePipeline
from cef_bridge.forward.route import ROOM, DestinationRoute
from cef_bridge.generator import events
from cef_bridge.kubearmor.alert_rate import BURST
from cef_bridge.lines import parse
from cef_bridge.mapping.language.spec import Condition, Test
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.queue.queue import ALERTS, TELEMETRY, Queue
from cef_bridge.sources.feed import Arrival, FeedState, Notice
from cef_bridge.sources.records.units import Block, Oversized

BUILT = isinstance(native.find(Path(native.__file__).parents[1]), native.Library)
needs_engine = pytest.mark.skipif(not BUILT, reason="there is no native engine here")

GOLDEN = Path(__file__).parents[1] / "golden"


class Listed:
    """A feed of what a list says; a pause is None."""

    name = "listed"
    receipts = None

    def __init__(self, items, *, can_wait=True):
        self.items = items
        self.can_wait = can_wait
        self.marks = None
        self.stopped = threading.Event()

    def arrivals(self, marks):
        self.marks = dict(marks)
        for item in self.items:
            if self.stopped.is_set():
                return
            yield item() if callable(item) else item

    def stop(self):
        self.stopped.set()

    def state(self):
        return FeedState(connected=True, text="listed")


@pytest.fixture
def route(tmp_path):
    queues = []

    def make(name="siem", mapping="kubearmor-cef", stream="", **settings):
        queue = Queue.open(tmp_path / f"{name}.queue", **settings)
        queues.append(queue)
        most = 8192 - ROOM if stream else None
        return DestinationRoute(
            name, queue, MappingEngine(Converter(load(mapping), max_bytes=most)), stream
        )

    yield make
    for queue in queues:
        queue.close()


def arrival(lines, start=0, key="k", **fields):
    """Return an arrival of these lines, which begin at this offset of their stream.

    Empty lines are no units: sources only count them.
    """
    end = start + sum(len(line) + 1 for line in lines)
    units = [line for line in lines if line]
    block = Block(units, 1, start, end, True, blank=len(lines) - len(units))
    return Arrival(key, "/var/log/ka.log", block, Checkpoint(key, end, b"{}"), **fields)


def in_parts(lines, size, key="k"):
    found, start = [], 0
    for at in range(0, len(lines), size):
        found.append(arrival(lines[at : at + size], start, key))
        start = found[-1].mark.offset
    return found


def run(items, *routes, options=None, can_wait=True):
    feed = Listed(items, can_wait=can_wait)
    SourcePipeline(feed, routes, options or Options(), enqueue_gap, tell_flood).run()
    return feed


def messages(queue):
    """Take everything out of a queue, by lane."""
    lanes = {ALERTS: [], TELEMETRY: []}
    while (stored := queue.fetch()) is not None:
        lanes[stored.lane] += stored.messages
        queue.settle([stored], "confirmed")
    return lanes


LINES = [line.rstrip() for line in events(3000, seed=5)]


@functools.cache
def expected(mapping="kubearmor-cef"):
    converter = Converter(load(mapping))
    return Counter(converter.convert(json.loads(line)).message.encode() for line in LINES)


def test_every_event_is_in_the_queue_once_in_the_order_of_its_lane(route):
    siem = route()
    run(in_parts(LINES, 700), siem)
    lanes = messages(siem.queue)
    assert Counter(lanes[ALERTS] + lanes[TELEMETRY]) == expected()
    assert all(b"|log." not in message for message in lanes[ALERTS])
    assert all(b"|log." in message for message in lanes[TELEMETRY])
    for lane in lanes.values():
        times = [parse(message.decode()).extension["rt"] for message in lane]
        assert times == sorted(times)


def test_what_was_received_adds_up_with_what_became_of_it(route):
    siem = route(mapping="sentinel")
    noise = [b"Started to watch alerts", b"", b'{"level":"info","msg":"x"}']
    broken = b'{"Operation":"File","Resource":"/etc/pass'
    huge = Arrival("k", "/var/log/ka.log", Oversized(9, 900, 2 << 20, b'{"Type"'), None)
    run([arrival([*LINES[:50], *noise, broken]), huge], siem)
    totals, fate = siem.queue.totals(), siem.queue.sum()
    assert totals["received"] == 50 + 3 + 1 + 1
    assert totals["received"] == sum(
        totals.get(name, 0) for name in ("converted", "filtered", "rejected", "noise", "blank")
    )
    assert (totals["rejected"], totals["noise"], totals["blank"]) == (2, 2, 1)
    assert fate.accepted == totals["converted"] == 50
    assert fate.holds()


WHEN = {
    "alerts": ((Condition("event.kind", (Test("literal", "alert"),)),),),
    "files": ((Condition("Operation", (Test("literal", "File"),)),),),
}


def routed(route, name, mapping="kubearmor-cef"):
    made = route(name)
    return made._replace(machine=MappingEngine(Converter(load(mapping), when=WHEN[name])))


def test_each_destination_gets_what_its_when_takes_and_what_none_takes_is_counted(route, caplog):
    parsed = [json.loads(line) for line in LINES]
    is_alert = [event["Type"].startswith("Matched") for event in parsed]
    is_file = [event["Operation"] == "File" for event in parsed]
    neither = sum(not (a or f) for a, f in zip(is_alert, is_file, strict=True))
    alerts, files = routed(route, "alerts"), routed(route, "files")
    run(in_parts(LINES, 700), alerts, files)
    for one, taken in ((alerts, sum(is_alert)), (files, sum(is_file))):
        totals = one.queue.totals()
        assert totals["received"] == totals["converted"] + totals["filtered"] == len(LINES)
        assert (totals["converted"], totals["routed_away"]) == (taken, len(LINES) - taken)
        assert totals["unrouted"] == neither > 0
    told = [each for each in caplog.messages if "matches no destination's when" in each]
    assert len(told) == 1
    assert all(b"|alert." in text for lane in messages(alerts.queue).values() for text in lane)


def test_with_a_destination_that_takes_all_no_event_is_unrouted(route):
    alerts, rest = routed(route, "alerts"), route("rest")
    run(in_parts(LINES, 700), alerts, rest)
    assert alerts.queue.totals()["routed_away"] > 0
    assert "unrouted" not in alerts.queue.totals() | rest.queue.totals()


def test_what_is_read_again_for_one_destination_is_not_counted_again(route):
    alerts, files = routed(route, "alerts"), routed(route, "files")
    parts = in_parts(LINES, 1000)
    run(parts[:2], alerts)  # the other one was away: it has none of it
    run(parts, alerts, files)
    for one in (alerts, files):
        totals = one.queue.totals()
        assert totals["received"] == totals["converted"] + totals["filtered"] == len(LINES)
    last = [json.loads(line) for line in LINES[2000:]]
    neither = sum(
        not (it["Type"].startswith("Matched") or it["Operation"] == "File") for it in last
    )
    assert files.queue.totals()["unrouted"] == neither


def test_a_mark_is_in_the_queue_together_with_its_messages(route):
    siem = route()
    parts = in_parts(LINES, 700)
    seen = []

    def look():
        marks = siem.queue.marks()
        seen.append((marks["k"].offset if marks else 0, siem.queue.sequence))

    items = []
    for part in parts:
        items += [part, None, look]
    run(items, siem)
    lengths = {0: 0}
    for number, line in enumerate(LINES, 1):
        lengths[number] = lengths[number - 1] + len(line) + 1
    assert [offset for offset, _ in seen] == [part.mark.offset for part in parts]
    assert all(lengths[number] == offset for offset, number in seen)


def test_a_feed_goes_on_where_the_queue_with_the_least_stands_and_the_other_skips(route):
    ahead, behind = route("ahead"), route("behind")
    parts = in_parts(LINES, 500)
    run(parts[:4], ahead)
    run(parts[:2], behind)
    feed = run(parts[2:], ahead, behind)
    assert feed.marks["k"] == parts[1].mark
    for each in (ahead, behind):
        lanes = messages(each.queue)
        assert Counter(lanes[ALERTS] + lanes[TELEMETRY]) == expected()


def test_units_of_a_block_that_a_queue_has_in_part_are_skipped_one_by_one(route):
    siem = route()
    run(in_parts(LINES, 700), siem)
    # The same stream, cut otherwise: no boundary is where one was before.
    feed = run([*in_parts(LINES, 999), arrival([LINES[0]], 10**9)], siem)
    assert feed.marks["k"].offset == sum(len(line) + 1 for line in LINES)
    assert siem.queue.sum().accepted == len(LINES) + 1


def test_a_new_destination_gets_the_stream_from_its_beginning(route):
    old, new = route("old"), route("new")
    run(in_parts(LINES, 500), old)
    feed = run(in_parts(LINES, 500), old, new)
    assert feed.marks == {}
    assert old.queue.sum().accepted == new.queue.sum().accepted == len(LINES)


def test_a_line_that_a_runtime_cut_is_whole_after_a_restart_in_between(route):
    siem = route()
    stamp = b"2026-03-03T09:00:00.000000001Z stdout "
    first, rest = LINES[0][:100], LINES[0][100:]
    begun = arrival([stamp + b"P " + first])
    run([begun], siem)
    assert siem.queue.pending()
    run([arrival([stamp + b"F " + rest], begun.mark.offset)], siem)
    assert siem.queue.pending() == {}
    lanes = messages(siem.queue)
    assert expected() >= Counter(lanes[ALERTS] + lanes[TELEMETRY])
    assert siem.queue.totals()["converted"] == 1


def test_the_rest_of_a_cut_line_that_never_comes_is_rejected_at_the_end_of_its_stream(route):
    siem = route()
    cut = b"2026-03-03T09:00:00.000000001Z stdout P " + LINES[0][:100]
    run([arrival([cut], ended=True)], siem)
    assert siem.queue.totals()["rejected"] == 1


def test_numbers_have_no_gap_over_lanes_threads_and_restarts(route, tmp_path):
    siem = route(stream="0a1b2c3d")
    halves = [Listed(in_parts(LINES[at::2], 100, f"k{at}")) for at in (0, 1)]
    threads = [
        threading.Thread(
            target=SourcePipeline(feed, [siem], Options(), enqueue_gap, tell_flood).run
        )
        for feed in halves
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    siem.queue.close()
    again = DestinationRoute("siem", Queue.open(tmp_path / "siem.queue"), siem.machine, siem.stream)
    try:
        run([arrival(LINES[:10], key="more")], again)
        lanes = messages(again.queue)
    finally:
        again.queue.close()
    read = [parse(message.decode()).extension for message in lanes[ALERTS] + lanes[TELEMETRY]]
    assert {each["KubeArmorQueue"] for each in read} == {"0a1b2c3d"}
    numbers = sorted(int(each["KubeArmorSeq"]) for each in read)
    assert numbers == list(range(1, len(LINES) + 11))


@pytest.mark.parametrize("mapping", ["kubearmor-cef", "qradar-leef"])
def test_a_numbered_message_is_as_strict_as_any_and_not_too_long(route, mapping):
    siem = route(mapping=mapping, stream="0a1b2c3d")
    run([arrival(LINES[:200])], siem)
    lanes = messages(siem.queue)
    for message in lanes[ALERTS] + lanes[TELEMETRY]:
        read = parse(message.decode())
        assert int(read.extension["KubeArmorSeq"]) > 0
        assert len(message) <= 8192


def test_a_notice_becomes_an_event_in_band(route):
    siem = route()
    text = "kubearmor://relay:32767 was away for 12 s; events in between are lost"
    notice = Notice("kubearmor://relay:32767", "relay-disconnected", text, None)
    run([arrival(LINES[:5]), notice], siem, can_wait=False)
    alerts = messages(siem.queue)[ALERTS]
    told = [parse(message.decode()) for message in alerts if b"system.gap" in message]
    assert len(told) == 1
    assert told[0].extension["msg"] == f"cef-bridge: {text}"
    assert told[0].header.severity == "5"
    assert siem.queue.totals()["gaps"] == 1


def test_few_events_do_not_wait_for_many(route):
    siem = route()
    seen = []
    run([arrival(LINES[:3]), None, lambda: seen.append(siem.queue.sum().accepted)], siem)
    assert seen == [3]


def test_other_outlets_take_over_between_two_blocks(route):
    old, new = route("old"), route("new", mapping="splunk")
    parts = in_parts(LINES, 500)
    feed = Listed([])
    pipeline = SourcePipeline(feed, [old], Options(), enqueue_gap, tell_flood)
    feed.items = [*parts[:3], lambda: pipeline.replace([new]), *parts[3:]]
    pipeline.run()
    assert old.queue.sum().accepted == 1500
    assert new.queue.sum().accepted == len(LINES) - 1500


def test_who_waits_for_room_ends_when_told_to_and_the_mark_has_not_moved(route, caplog):
    siem = route(limit=1 << 20)
    feed = Listed(in_parts(LINES * 20, 500))
    pipeline = SourcePipeline(feed, [siem], Options(), enqueue_gap, tell_flood)
    thread = threading.Thread(target=pipeline.run)
    thread.start()
    deadline = time.monotonic() + 60
    while "the queue is full" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pipeline.stop()
    siem.queue.stop_waiting()
    thread.join(10)
    assert not thread.is_alive()
    offset = siem.queue.marks()["k"].offset
    taken = siem.queue.sum().accepted
    assert offset == sum(len(line) + 1 for line in (LINES * 20)[:taken])


def alerts_of(container, count, first=0, *, each=100):
    """Return alerts of one container, so many microseconds after one another."""
    event = {
        "Type": "MatchedPolicy",
        "Operation": "File",
        "HostName": "node-1",
        "NamespaceName": "shop",
        "PodName": f"pod-of-{container}",
        "ContainerName": "web",
        "ContainerID": container,
        "Resource": "/etc/shadow",
        "PolicyName": "p",
        "Action": "Block",
        "Result": "Permission denied",
    }
    start = 1_772_526_400_000_000
    for number in range(first, first + count):
        moment = datetime.fromtimestamp((start + number * each) / 1e6, UTC)
        stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        yield json.dumps({**event, "HostPID": number, "UpdatedTime": stamp}).encode()


def containers(texts):
    return Counter(parse(text.decode()).extension["KubeArmorPodName"] for text in texts)


def test_a_container_that_floods_does_not_hold_up_the_alerts_of_others(route):
    siem = route()
    flood, other = list(alerts_of("loud", 6000)), list(alerts_of("calm", 1, 6000))
    run(in_parts([*flood, *other], 500), siem)
    fetched = []
    while (stored := siem.queue.fetch()) is not None:
        fetched += stored.messages
        siem.queue.settle([stored], "confirmed")
    own = [at for at, text in enumerate(fetched) if b"system.flood" in text]
    calm = [at for at, text in enumerate(fetched) if b"pod-of-calm" in text]
    # What comes before the flood is seen, and the burst that each container has.
    most = 2 * BURST + 1000 + len(own)
    assert calm[0] < most
    totals = siem.queue.totals()
    assert totals["alerts_over_rate"] >= len(flood) + 1 - most
    assert totals["converted"] == len(flood) + 1 == len(fetched) - len(own)
    assert len(own) == totals["own"] == totals["floods"] == 1
    (told,) = (parse(fetched[at].decode()).extension for at in own)
    assert "ContainerID=loud" in told["msg"].replace("\\=", "=")


@pytest.mark.usefixtures("by")
def test_that_kubearmor_withholds_alerts_is_counted_also_where_the_event_is_filtered(route):
    siem, files = route(), routed(route, "files")
    notice = json.loads((GOLDEN / "throttled" / "event.json").read_bytes())
    line = json.dumps(notice).encode()
    run(in_parts([line, *alerts_of("calm", 20), line], 7), siem, files)
    assert siem.queue.totals()["throttle_notices"] == 2
    assert siem.queue.totals()["converted"] == 22
    assert files.queue.totals()["throttle_notices"] == 2
    assert files.queue.totals()["filtered"] == 2


def test_many_containers_under_the_rate_keep_the_lane_of_alerts(route):
    siem = route()
    each = [alerts_of(f"c{number}", 300) for number in range(30)]
    run(in_parts([line for lines in zip(*each, strict=True) for line in lines], 500), siem)
    lanes = messages(siem.queue)
    assert len(lanes[ALERTS]) == 9000
    assert not lanes[TELEMETRY]
    assert "alerts_over_rate" not in siem.queue.totals()


def test_the_rate_is_that_of_the_events_and_not_that_of_reading(route):
    siem = route()
    run(in_parts(list(alerts_of("steady", 6000, each=10_000)), 500), siem)  # 100 a second
    assert len(messages(siem.queue)[ALERTS]) == 6000


def large(number, *, good=True):
    event = json.loads(LINES[0]) | {"Resource": "/x" * 3500, "HostPID": number}
    line = json.dumps(event).encode()
    return line if good else line[:-1]


@pytest.mark.parametrize("good", [True, False])
def test_large_messages_are_stored_by_their_bytes(route, good):
    """The clock stands still, so that only what waits makes it store."""
    siem = route()
    waited = []
    feed = Listed([])
    lines = [large(number, good=good) for number in range(1500)]

    def look(each):
        done = siem.queue.totals()
        waited.append(each * 50 - done.get("converted", 0) - done.get("rejected", 0))

    def items():
        for each, item in enumerate(in_parts(lines, 50), 1):
            yield item
            look(each)

    feed.items = items()
    SourcePipeline(feed, [siem], Options(), enqueue_gap, tell_flood, clock=lambda: 1.0).run()
    assert max(waited) * 7000 <= 2 * MOST_BYTES  # one lot is stored while the next one is made
    while (stored := siem.queue.fetch()) is not None:
        assert sum(map(len, stored.messages)) <= ROW_BYTES
    total = siem.queue.totals()
    assert total.get("converted", 0) == (1500 if good else 0)


@pytest.fixture(params=["python", pytest.param("native", marks=needs_engine)])
def by(request, monkeypatch):
    """Do the work by the reference, and by the engine."""
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", request.param)


def as_read(data, start, end, line=1):
    """Return an arrival of the lines of `data` from `start` to `end`, as a cutter hands it out."""
    lines, offset = data[start:end].splitlines(keepends=True), start
    units, lines_at, offsets = [], [], []
    for number, text in enumerate(lines, line):
        if text.strip():
            units.append(text.rstrip(b"\r\n"))
            lines_at.append(number)
            offsets.append(offset)
        offset += len(text)
    block = Block(
        *(units, lines_at[0], offsets[0], end, False, lines_at, offsets, len(lines) - len(units)),
        *(data, start, end, line, start),
    )
    return Arrival("k", "/var/log/ka.log", block, Checkpoint("k", end, b"{}"))


@pytest.mark.usefixtures("by")
def test_a_queue_that_has_half_of_a_block_takes_the_other_half(route):
    timeless = [b'{"Type":"HostLog","Operation":"File","Resource":"/%d"}' % n for n in range(40)]
    texts = [line + b"\r\n" * (n % 3) + b"\n" for n, line in enumerate(LINES[:200])]
    texts[3:3] = [line + b"\n" for line in timeless]
    data = b"".join(texts)
    half = len(b"".join(texts[:90]))
    whole, cut, both = route("whole"), route("cut"), route("both")
    run([as_read(data, 0, len(data))], whole)
    run([as_read(data, 0, half)], cut)
    run([as_read(data, 0, len(data))], cut, both)
    assert cut.queue.totals() == whole.queue.totals() == both.queue.totals()
    assert cut.queue.totals()["converted"] == 240
    expected = messages(whole.queue)
    assert messages(cut.queue) == messages(both.queue) == expected


def test_the_engine_fills_the_lanes_as_the_reference_does(route, monkeypatch):
    found = []
    for name in ("python", "native") if BUILT else ("python",):
        monkeypatch.setenv("CEF_BRIDGE_ENGINE", name)
        one = route(name)
        run(in_parts([*LINES, b"noise", *alerts_of("loud", 500)], 700), one)
        totals = {name: number for name, number in one.queue.totals().items() if "_" not in name}
        found.append((messages(one.queue), totals))
    assert found[0] == found[-1]


class Other(Converter):
    """A reference that writes something else in the key that `where` chooses."""

    where = staticmethod(lambda _: " externalId=")

    def convert(self, raw, origin=""):
        made = super().convert(raw, origin)
        key = self.where(made)
        return made._replace(message=made.message.replace(key, f"{key}other ", 1))


@needs_engine
def test_where_the_engine_differs_the_message_of_the_reference_is_queued(
    route, monkeypatch, caplog
):
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "native")
    machine = MappingEngine(Other(load("kubearmor-cef")), compare_every=10, most_faults=50)
    siem = route()._replace(machine=machine)
    run(in_parts(LINES[:200], 50), siem)
    totals = siem.queue.totals()
    assert totals["converted"] == 200
    assert totals["engine_compared"] == totals["engine_different"] == 20
    lanes = messages(siem.queue)
    assert sum(b" externalId=other " in text for text in lanes[ALERTS] + lanes[TELEMETRY]) == 20
    assert "/var/log/ka.log:1: the engine's message differs" in caplog.text


@needs_engine
def test_after_differences_of_several_kinds_the_reference_does_all(route, monkeypatch, caplog):
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "native")
    keys = [" externalId=", " act=", " cat=", " dvchost="]
    machine = MappingEngine(Other(load("kubearmor-cef")), compare_every=1, most_faults=3)
    machine.converter.where = lambda made: next(key for key in keys if key in made.message)
    siem = route()._replace(machine=machine)
    parts = in_parts(LINES[:300], 50)

    def items():
        for part in parts:
            yield part
            keys.append(keys.pop(0))

    feed = Listed([])
    feed.items = items()
    SourcePipeline(feed, [siem], Options(), enqueue_gap, tell_flood).run()
    totals = siem.queue.totals()
    assert totals["converted"] == 300
    assert totals["engine_different"] < 300
    assert totals["engine_different"] == totals["engine_compared"]
    lanes = messages(siem.queue)
    assert all(b"=other " in text for text in lanes[ALERTS] + lanes[TELEMETRY])
    assert "Python converts all from now on" in caplog.text


def test_a_destination_that_takes_no_more_does_not_end_the_source(route):
    full, other = route("full", limit=1 << 20), route("other")
    feed = Listed(in_parts(LINES * 10, 500))
    pipeline = SourcePipeline(feed, [full, other], Options(), enqueue_gap, tell_flood)
    full.queue.stop_waiting()
    pipeline.run()
    assert other.queue.sum().accepted == 10 * len(LINES)
    taken = full.queue.sum().accepted
    assert 0 < taken < 10 * len(LINES)
    offset = full.queue.marks()["k"].offset  # nothing behind what was not stored
    assert offset == sum(len(line) + 1 for line in (LINES * 10)[:taken])


def test_who_is_given_up_waits_no_longer_and_stores_nothing_more(route, caplog):
    siem = route(limit=1 << 20)
    pipeline = SourcePipeline(
        Listed(in_parts(LINES * 20, 500)), [siem], Options(), enqueue_gap, tell_flood
    )
    thread = threading.Thread(target=pipeline.run)
    thread.start()
    deadline = time.monotonic() + 60
    while "the queue is full" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pipeline.give_up()
    thread.join(10)
    assert not thread.is_alive()
    before = siem.queue.sum().accepted
    messages(siem.queue)
    assert siem.queue.sum().accepted == before
    assert siem.queue.marks()["k"].offset == sum(len(line) + 1 for line in (LINES * 20)[:before])


class Noticed(Listed):
    """A feed that says how many items were asked for."""

    def __init__(self, items):
        super().__init__(items)
        self.asked = 0
        self.came = threading.Condition()

    def arrivals(self, marks):
        for item in super().arrivals(marks):
            with self.came:
                self.asked += 1
                self.came.notify_all()
            yield item

    def wait_for(self, asked):
        with self.came:
            assert self.came.wait_for(lambda: self.asked >= asked, 60)


def test_while_one_lot_is_stored_the_next_one_is_made_and_no_more(route):
    siem = route()
    feed = Noticed(in_parts(LINES * 4, 500))  # four parts are a lot
    pipeline = SourcePipeline(feed, [siem], Options(), enqueue_gap, tell_flood, clock=lambda: 1.0)
    thread = threading.Thread(target=pipeline.run)
    with siem.queue.appending:  # nothing can be stored
        thread.start()
        feed.wait_for(8)
        assert siem.queue.sum().accepted == 0
        assert not siem.queue.marks()
        thread.join(0.2)
        assert feed.asked == 8  # the second lot waits for the first one
    thread.join(60)
    assert feed.asked == len(feed.items)
    assert siem.queue.sum().accepted == 4 * len(LINES)
    lanes = messages(siem.queue)
    assert Counter(lanes[ALERTS] + lanes[TELEMETRY]) == Counter(
        {message: 4 * many for message, many in expected().items()}
    )


def test_a_stream_that_ended_is_forgotten_when_all_queues_have_all_of_it(route):
    quick, slow = route("quick"), route("slow")
    *parts, last = in_parts(LINES[:2000], 500)
    feed = Noticed([*parts, last._replace(ended=True, mark=None), None])
    pipeline = SourcePipeline(feed, [quick, slow], Options(), enqueue_gap, tell_flood)
    thread = threading.Thread(target=pipeline.run)
    with slow.queue.appending:
        thread.start()
        deadline = time.monotonic() + 60
        while quick.queue.sum().accepted < 2000:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        thread.join(0.2)
        assert quick.queue.marks()["k"] == parts[-1].mark
    thread.join(60)
    assert not quick.queue.marks()
    assert not slow.queue.marks()
    assert slow.queue.sum().accepted == 2000


def test_a_part_of_a_line_is_kept_where_its_stream_goes_on_behind_what_is_being_stored(route):
    siem = route()
    begin = b"2026-03-03T09:00:00.000000001Z stdout "
    lines = [*LINES[:2000], begin + b"P " + LINES[0][:100]]

    def numbered(units, first):
        mark = Checkpoint("k", first + len(units), b"{}")
        return Arrival("k", "topic/0", Block.of_numbered(units, first), mark)

    rest = [begin + b"F " + LINES[0][100:]]
    feed = Noticed([numbered(lines, 1), numbered([], 2002), numbered(rest, 2002)])
    pipeline = SourcePipeline(feed, [siem], Options(), enqueue_gap, tell_flood)
    thread = threading.Thread(target=pipeline.run)
    with siem.queue.appending:
        thread.start()
        feed.wait_for(2)
        thread.join(0.2)
    thread.join(60)
    totals = siem.queue.totals()
    assert (totals["converted"], totals.get("rejected", 0)) == (2001, 0)
    assert siem.queue.marks()["k"].offset == 2003


def test_what_goes_wrong_while_it_is_stored_ends_the_source(route):
    siem = route()
    feed = Noticed(in_parts(LINES * 4, 500))
    pipeline = SourcePipeline(feed, [siem], Options(), enqueue_gap, tell_flood)
    siem.queue.close()
    with pytest.raises(CefBridgeError, match="the queue is closed"):
        pipeline.run()
    assert feed.asked <= 8
