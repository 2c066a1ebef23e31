"""Several threads give the bytes that one gives, whatever stands in the inputs."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import tarfile
import threading
import time
from pathlib import Path

import pytest
import zstandard

from cef_bridge.convert.conversion import ConvertRun
from cef_bridge.convert.parallel import ParallelOptions, ParallelRun
from cef_bridge.convert.team import AHEAD
from cef_bridge.convert.worker import Worker
from cef_bridge.engine.line_loop import Options
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.errors import CefBridgeError
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.sources.files.inputs import Input

DATA = Path(__file__).parent.parent / "data"


class Sink:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


@pytest.fixture(scope="module")
def converter():
    return Converter(load("kubearmor-cef"))


@pytest.fixture(scope="module")
def machines(converter):
    """The machine of one thread, and that of several: to write a table takes a while."""
    return MappingEngine(converter), MappingEngine(converter)


def outcome(run: ConvertRun | ParallelRun) -> dict[str, object]:
    stats = {name: value for name, value in vars(run.stats).items() if name != "_settled"}
    inputs = [{**row, "seconds": None} for row in run.inputs]
    return {**stats, "reasons": list(stats["reasons"].items()), "inputs": inputs}


class Both:
    """Runs inputs by one thread and by several, and compares all that comes of it."""

    def __init__(self, machines: tuple[MappingEngine, MappingEngine], folder: Path) -> None:
        self.machines = machines
        self._folder = folder

    def write(self, *contents: bytes) -> list[Input]:
        inputs = []
        for number, data in enumerate(contents):
            path = self._folder / f"in{number}"
            path.write_bytes(data)
            inputs.append(Input(f"in{number}", str(path), len(data)))
        return inputs

    def same(self, *contents: bytes, jobs: int = 2, piece: int = 4096, **options) -> ConvertRun:
        inputs = self.write(*contents)
        expand = options.pop("max_expand", 200)
        options = Options(**options)
        out, bad = Sink(), Sink()
        one = ConvertRun(self.machines[0], out, bad, options, max_expand=expand, hashed=True)
        one.run(inputs)
        expected = out.data, bad.data, outcome(one)
        out, bad = Sink(), Sink()
        plan = ParallelOptions(jobs, expand, True, piece)
        several = ParallelRun(self.machines[1], out, bad, options, plan)
        several.begin(inputs)
        several.run(inputs)
        found = out.data, bad.data, outcome(several)
        assert found[1] == expected[1]
        assert found[2] == expected[2]
        assert found[0] == expected[0]
        return one


@pytest.fixture
def both(machines, tmp_path):
    return Both(machines, tmp_path)


def event(number: int, **fields: object) -> dict[str, object]:
    row = {
        "Timestamp": 1772528401,
        "UpdatedTime": f"2026-03-03T09:{number // 60 % 60:02d}:{number % 60:02d}.004233Z",
        "ClusterName": "harbor-eu",
        "HostName": "node-a1",
        "NamespaceName": "shop",
        "PodName": f"checkout-{number % 7}",
        "HostPID": 40000 + number,
        "PID": 102,
        "Type": "ContainerLog" if number % 3 else "MatchedPolicy",
        "Source": "/usr/bin/python3",
        "Operation": ("File", "Process", "Network")[number % 4 % 3],
        "Resource": f"/srv/file-{number % 50}",
        "Data": "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY",
        "Result": "Passed",
        **fields,
    }
    return {key: value for key, value in row.items() if value is not None}


def line(number: int, **fields: object) -> bytes:
    return json.dumps(event(number, **fields)).encode() + b"\n"


def pretty(number: int) -> bytes:
    return json.dumps(event(number), indent=2).encode() + b"\n"


def cri(number: int, stream: str = "stdout", cut: bool = False) -> bytes:
    text = line(number).rstrip()
    stamp = b"2026-03-03T09:00:01.303111222Z %b " % stream.encode()
    if not cut:
        return stamp + b"F " + text + b"\n"
    half = len(text) // 2
    return stamp + b"P " + text[:half] + b"\n" + stamp + b"F " + text[half:] + b"\n"


def array(first: int, count: int, indent: int | None = None, separator: str = ",\n") -> bytes:
    if indent:
        return json.dumps([event(first + i) for i in range(count)], indent=indent).encode() + b"\n"
    rows = separator.join(json.dumps(event(first + i)) for i in range(count))
    return f"[{rows}]\n".encode()


def mixed(seed: int, size: int) -> bytes:
    """Return everything that an input may have, in an order of its own for each seed."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    kinds = [
        *[line] * 12,
        lambda n: line(n, UpdatedTime=None, Timestamp=None),
        lambda n: line(n).replace(b"\n", b"\r\n"),
        pretty,
        lambda n: array(n, dice.randrange(4)),
        lambda n: array(n, dice.randrange(30)),
        lambda n: array(n, 3, indent=2),
        cri,
        lambda n: cri(n, cut=True),
        lambda n: cri(n, "stderr", cut=True).partition(b"\n")[0] + b"\n" + line(n),
        lambda _: b"Started to watch alerts\n",
        lambda _: b"\n",
        lambda _: b'{"Operation":"File","Resource":"/etc/pass\n',
        lambda _: b'{"Operation":"File",}\n',
        lambda n: line(n, Resource="x" * dice.randrange(3000)),
        lambda n: line(n, Resource="y" * 20_000),
        lambda n: json.dumps({"hits": {"hits": [{"_source": event(n)}] * 5}}).encode() + b"\n",
        lambda n: b"\xff\xfe" + line(n),
        lambda n: line(n).rstrip() + b"," + line(n),
    ]
    parts, have = [], 0
    while have < size:
        parts.append(dice.choice(kinds)(len(parts)))
        have += len(parts[-1])
    data = b"".join(parts)
    return data if seed % 3 else data.rstrip(b"\n")


def zst(data: bytes, frames: int = 1) -> bytes:
    size = len(data) // frames + 1
    packer = zstandard.ZstdCompressor()
    return b"".join(packer.compress(data[i : i + size]) for i in range(0, len(data), size))


def tar(**members: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return made.getvalue()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_mixed_comes_out_as_by_one_thread(both, seed):
    run = both.same(
        mixed(seed, 150_000),
        jobs=2 + seed % 2,
        piece=(1500, 4096, 9000, 30_000)[seed % 4],
        strict=seed % 5 == 0,
        max_record=(1 << 20, 10_000)[seed % 2],
    )
    assert run.stats.converted
    assert run.stats.rejected


def test_plain_lines_come_out_as_by_one_thread(both):
    data = b"".join(map(line, range(2000)))
    assert both.same(data, piece=8192, jobs=3).stats.converted == 2000


@pytest.mark.parametrize(
    "end", [b"", b"\n", b'{"Operation":"File",\n', b"2026-03-03T09:00:01Z stdout P {"]
)
def test_the_end_of_an_input_comes_out_as_by_one_thread(both, end):
    both.same(b"".join(map(line, range(200))) + end)
    both.same(end, line(1) + end, end)


@pytest.mark.parametrize("data", [
    b"".join(map(pretty, range(300))),
    array(0, 300),
    array(0, 300, separator=","),
    array(0, 300, indent=2),
    b"\xef\xbb\xbf" + b"".join(map(line, range(300))),
    b"\r\n".join(line(n).rstrip() for n in range(300)),
    "\n".join(json.dumps(event(n)) for n in range(300)).encode("utf-16"),
    b"".join(cri(n, cut=n % 3 == 0) for n in range(300)),
    # the rest of a cut line comes pieces later
    cri(0, "stderr", cut=True).partition(b"\n")[0] + b"\n" + b"".join(cri(n) for n in range(300)) + cri(0, "stderr", cut=True).partition(b"\n")[2],
    json.dumps({"hits": {"hits": [{"_source": event(n)} for n in range(300)]}}).encode(),
    b"".join(line(n, Resource="z" * 9000) for n in range(40)),
    b"\n" * 20_000,
    b"x" * 50_000,
    b"[" * 9000,
    b'{"a":\n' * 3000,
    b'{"a":[\n"x",\n' + b"".join(map(line, range(300))),
    (b'{\n"hosts": [\n' + b"".join(map(line, range(9)))) * 30,
    (line(1).strip() * 3 + b"\n") * 90,
    (pretty(1)[:200] + b"\n" + line(2)) * 90,
    b"",
], ids=lambda data: ascii(data[:12]))  # fmt: skip
def test_an_input_of_one_kind_comes_out_as_by_one_thread(both, data):
    both.same(data, data[:5000], max_record=8000)
    both.same(data, piece=60_000, jobs=3)


@pytest.mark.parametrize("pack", [
    gzip.compress,
    bz2.compress,
    lzma.compress,
    zst,
    lambda data: zst(data, 7),
    lambda data: gzip.compress(data[:50_000]) + gzip.compress(data[50_000:]),
    # what looks like a member's beginning stands in one that is not compressed
    lambda data: gzip.compress(data[:900] + b"\n\x1f\x8b\x08\x00\n" + data[900:], 0),
    lambda data: tar(a=data, b=b"", c=gzip.compress(data[:20_000])),
    lambda data: gzip.compress(tar(a=data[:30_000], b=data[30_000:])),
])  # fmt: skip
def test_an_archive_comes_out_as_by_one_thread_whole_and_damaged(both, pack):
    packed = pack(mixed(3, 80_000))
    both.same(packed)
    both.same(packed[: len(packed) // 2], b"".join(map(line, range(50))))
    middle = len(packed) // 2
    both.same(packed[:middle] + bytes(64) + packed[middle + 64 :], packed)


def test_a_bomb_is_stopped_where_one_thread_stops_it(both):
    both.same(gzip.compress((b"x" * 9999 + b"\n") * 7000), line(1), piece=1 << 20)


def test_many_small_files_come_out_as_by_one_thread(both):
    files = [b"".join(map(line, range(n, n + n % 5))) for n in range(300)]
    both.same(*files, mixed(1, 20_000), *files[:50], piece=20_000)


def test_the_shipped_examples_come_out_as_by_one_thread(both):
    files = [path.read_bytes() for path in sorted(DATA.iterdir()) if path.is_file()]
    both.same(*files, piece=3000)


# --- ends


def begun(converter, folder, data: bytes, jobs: int = 2) -> tuple[ParallelRun, list[Input], Sink]:
    inputs = Both(converter, folder).write(data)
    out = Sink()
    run = ParallelRun(MappingEngine(converter), out, plan=ParallelOptions(jobs, piece_size=4096))
    run.begin(inputs)
    return run, inputs, out


def ours() -> list[str]:
    """Return the threads that a run has started."""
    return [
        each.name for each in threading.enumerate() if each.name.startswith(("convert", "reader"))
    ]


def test_a_run_that_is_stopped_has_written_a_whole_beginning(converter, tmp_path):
    data = b"".join(map(line, range(3000)))
    run, inputs, out = begun(converter, tmp_path, data)
    run.progress = lambda _name, consumed: run.stop() if consumed > 100_000 else None
    run.run(inputs)
    assert 0 < run.stats.converted == out.data.count(b"\n") < 3000
    assert run.inputs[0]["lines"] == run.stats.lines
    assert run.inputs[0]["sha256"] is None
    assert ours() == []


def test_an_exception_while_it_waits_leaves_counts_that_are_right(converter, tmp_path):
    run, inputs, out = begun(converter, tmp_path, b"".join(map(line, range(3000))))

    class Impatient:
        def __init__(self, team) -> None:
            self.team, self.asked, self.end = team, 0, team.end

        def next(self):
            self.asked += 1
            if self.asked == 20:
                assert run.waiting
                raise KeyboardInterrupt
            return self.team.next()

    run._team = Impatient(run._team)  # noqa: SLF001
    with pytest.raises(KeyboardInterrupt):
        run.run(inputs)
    assert 0 < run.stats.converted == out.data.count(b"\n") < 3000
    assert run.inputs[0]["lines"] == run.stats.lines
    assert ours() == []


def test_a_sink_that_fails_fails_the_run(converter, tmp_path):
    class Full(Sink):
        def write(self, data: bytes) -> None:
            raise CefBridgeError(f"full, no room for {len(data) > 0}")

    inputs = Both(converter, tmp_path).write(b"".join(map(line, range(3000))))
    run = ParallelRun(MappingEngine(converter), Full(), plan=ParallelOptions(2, piece_size=4096))
    run.begin(inputs)
    with pytest.raises(CefBridgeError, match="full, no room for True"):
        run.run(inputs)
    assert ours() == []


def test_a_fault_in_a_thread_fails_the_run(converter, tmp_path, monkeypatch):
    run, inputs, _ = begun(converter, tmp_path, b"".join(map(line, range(3000))))
    monkeypatch.setattr(Worker, "convert", lambda *_: {}["oh"])
    with pytest.raises(KeyError, match="oh"):
        run.run(inputs)
    assert ours() == []


def test_threads_share_a_mapping_without_an_engine_too(converter, tmp_path, monkeypatch):
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "python")
    both = Both((MappingEngine(converter), MappingEngine(converter)), tmp_path)
    assert both.same(mixed(2, 100_000), jobs=3).stats.converted


def test_each_line_is_compared_in_each_thread(converter, tmp_path, monkeypatch):
    if MappingEngine(converter).native is None:
        pytest.skip("there is no native engine here")
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "both")
    both = Both((MappingEngine(converter), MappingEngine(converter)), tmp_path)
    stats = both.same(mixed(4, 100_000), b"".join(map(line, range(200))), jobs=3).stats
    assert stats.compared > 200
    assert stats.differed == 0


def test_few_pieces_are_in_memory_while_nothing_is_written(converter, tmp_path):
    run, inputs, out = begun(converter, tmp_path, b"".join(map(line, range(3000))))
    waits: list[int] = []

    def slow(_name: str, _consumed: int) -> None:
        if not waits:
            time.sleep(0.3)
            waits.append(run._team._arrived.qsize())  # noqa: SLF001

    run.progress = slow
    run.run(inputs)
    assert out.data.count(b"\n") == 3000
    assert waits == [2 + AHEAD]
