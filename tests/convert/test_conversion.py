"""A run over inputs of every kind: no line and no event vanishes, whatever stands beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cef_bridge.convert.conversion import ConvertRun
from cef_bridge.engine.line_loop import FAULT, Options
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.lines import parse
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.sources.files.inputs import Input

DATA = Path(__file__).parent.parent / "data"

MAPPING = """\
mapping: ours
extends: kubearmor-cef
drop_events:
  - {NamespaceName: kube-system}
"""


class Sink:
    """Keeps what is written, and how often."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    @property
    def lines(self) -> list[bytes]:
        whole = b"".join(self.writes)
        assert whole == b"" or whole.endswith(b"\n")
        return whole.split(b"\n")[:-1]


class Done:
    """A run over one file's bytes, ended."""

    def __init__(
        self, converter: Converter | MappingEngine, path: Path, data: bytes, **options: object
    ) -> None:
        path.write_bytes(data)
        self.out, self.rejects = Sink(), Sink()
        settings = {name: options.pop(name) for name in ("max_expand", "hashed") if name in options}
        machine = converter if isinstance(converter, MappingEngine) else MappingEngine(converter)
        run = ConvertRun(machine, self.out, self.rejects, Options(**options), **settings)
        run.run([Input("input", str(path), len(data))])
        self.run, self.stats = run, run.stats
        self.messages = [line.decode() for line in self.out.lines]
        self.rejected = [json.loads(line) for line in self.rejects.lines]


@pytest.fixture(scope="module")
def converter(tmp_path_factory):
    path = tmp_path_factory.mktemp("mapping") / "ours.yaml"
    path.write_text(MAPPING)
    return Converter(load(str(path)))


@pytest.fixture(scope="module")
def machine(converter):
    return MappingEngine(converter)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("input") / "in.json"


HOSTILE = (
    "\n", "\r\n", "\\n", "\n{", "}\n", "]\n[", '"', "\\", "|", "=", "\0", "\x1b[2J", "\x85", "\u2028", "\u202e", "\ud800",
    "\udfff", "é", "🛡", "CEF:0|a|b|c|1|n|10|act=allow", "\nCEF:0|a|b|c|1|n|10|", "2026-03-03T09:00:01Z stdout F {", "{}",
    "{", "[", '{"Type":"HostLog","Operation":"File"}', "x" * 5000, " ", "\t", "sin_port=", "syscall=SYS_CONNECT",
)  # fmt: skip
texts = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=3), max_size=4).map("".join)


@st.composite
def event(draw, namespace: str = "shop") -> dict[str, object]:
    row = {
        "UpdatedTime": f"2026-03-03T09:00:01.{draw(st.integers(0, 999999)):06d}Z",
        "NamespaceName": namespace,
        "Type": draw(st.sampled_from(["ContainerLog", "MatchedPolicy", "HostLog"])),
        "Operation": draw(st.sampled_from(["File", "Process", "Network"])),
        "Resource": draw(texts),
        "Source": draw(texts),
        "Data": draw(texts),
    }
    for name in draw(st.sets(st.sampled_from(["UpdatedTime", "Source", "Data", "Operation"]))):
        del row[name]
    odd = st.one_of(texts, st.integers(), st.floats(), st.lists(texts, max_size=2), st.none())
    row |= draw(st.dictionaries(st.sampled_from(["PodName", "Severity", "Tags", "New"]), odd))
    return row


def dumped(row: object, indent: int | None = None) -> bytes:
    return json.dumps(row, indent=indent).encode()


def raw_utf_8(row: object) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")


def docker(row: object) -> bytes:
    return dumped(
        {"log": dumped(row).decode() + "\n", "stream": "stdout", "time": "2026-03-03T09:00:01Z"}
    )


def cri(row: object) -> bytes:
    text = dumped(row)
    cut = len(text) // 2
    stamp = b"2026-03-03T09:00:01.303111222Z stderr "
    return stamp + b"P " + text[:cut] + b"\n" + stamp + b"F " + text[cut:]


def hits(rows: list[object]) -> bytes:
    return dumped({"took": 4, "hits": {"hits": [{"_source": row} for row in rows]}})


ONE = (
    dumped,
    raw_utf_8,
    docker,
    cri,
    lambda row: b"\xef\xbb\xbf"[:0] + dumped(row) + b"\r",
    lambda row: dumped(row, 2),
    lambda row: b"Mar  3 09:00:02 node-a1 kubearmor[812]: " + dumped(row),
    lambda row: dumped({"_source": row}),
    lambda row: dumped({"Detail": row}),
    lambda row: raw_utf_8({**row, "Resource": "MARK"}).replace(b"MARK", b"a\xff\xc3(b"),
)
MANY = (
    dumped,
    hits,
    lambda rows: dumped(rows, 1),
    lambda rows: b"[" + b",\n".join(map(dumped, rows)) + b"]",
)

NOISE = (
    b"Started to watch alerts", b'{"level":"info","msg":"served"}', b"{}", b"5", b"null", b'"text"', b"}", b"x\xff\xfe\xfd",
    b"Mar  3 09:00:02 node kubelet[1]: started", b"2026-03-03T09:00:01.1Z stdout F started", b"CEF:0|a|b|c|1|n|1|act=x",
    b'{"log":"started\\n","stream":"stdout","time":"2026-03-03T09:00:01Z"}', b"[INFO] started", b"{not json}", b"\x1b[2J",
)  # fmt: skip
BROKEN = (
    b'{"Type":"ContainerLog","Operation":}', b'{"Type":"ContainerLog","Operation":"File","Resource":"/tmp/cu',
    b'{"type":"ContainerLog" "operation":"File"}', b'Mar  3 09:00:02 node kubearmor[8]: {"Type":"HostLog","Oper',
)  # fmt: skip
COUNTED = ("converted", "filtered", "rejected", "noise", "blank")


def piece(data: st.SearchStrategy[bytes], **fates: int) -> st.SearchStrategy[tuple[bytes, dict]]:
    return data.map(lambda each: (each, fates))


pieces = st.one_of(
    piece(st.tuples(st.sampled_from(ONE), event()).map(lambda it: it[0](it[1])), converted=1),
    piece(
        st.tuples(st.sampled_from(ONE), event("kube-system")).map(lambda it: it[0](it[1])),
        filtered=1,
    ),
    st.tuples(st.sampled_from(MANY), st.lists(event(), min_size=1, max_size=4)).map(
        lambda it: (it[0](it[1]), {"converted": len(it[1])})
    ),
    piece(st.sampled_from(NOISE), noise=1),
    piece(st.sampled_from([b"", b" \t", b"\r"]), blank=1),
    piece(st.sampled_from(BROKEN), rejected=1),
)


@given(parts=st.lists(pieces, max_size=12), twice=st.booleans(), strict=st.booleans())
@settings(deadline=None, max_examples=100)
def test_no_line_and_no_event_vanishes_in_any_mixture(machine, file, parts, twice, strict):
    parts = parts * 2 if twice else parts  # the second time what was remembered is used
    done = Done(machine, file, b"".join(data + b"\n" for data, _ in parts), strict=strict)
    expected = {name: sum(fates.get(name, 0) for _, fates in parts) for name in COUNTED}
    if strict:
        expected["rejected"] += expected["noise"]
        expected["noise"] = 0
    stats = done.stats
    assert {name: getattr(stats, name) for name in COUNTED} == expected
    assert stats.lines == stats.records + stats.noise + stats.blank
    assert stats.records == stats.converted + stats.filtered + stats.rejected
    assert len(done.messages) == stats.converted
    assert len(done.rejected) == stats.reasons.total() == stats.rejected
    assert stats.kinds.total() == stats.converted + stats.filtered
    assert FAULT not in stats.reasons
    for message in done.messages:
        assert parse(message).header.device_vendor == "KubeArmor"


@given(
    data=st.lists(
        st.sampled_from(
            [
                *map(str.encode, '{}[]",:\\ ab1\n'),
                b'{"Type":"x"}',
                b'"Operation":"y"',
                b"\n[",
                b"\xff",
            ]
        ),
        max_size=60,
    ).map(b"".join)
)
@settings(deadline=None, max_examples=100)
def test_any_bytes_are_counted_and_each_message_is_one_line(machine, file, data):
    done = Done(machine, file, data)
    assert len(done.messages) == done.stats.converted
    assert len(done.rejected) == done.stats.rejected
    assert done.stats.blank <= data.count(b"\n") + 1
    assert FAULT not in done.stats.reasons
    whole = bool(data.strip(b" \n"))
    assert bool(done.stats.records + done.stats.noise) == whole or set(data) <= set(b"[], \n")


def sample_files() -> list[Path]:
    return sorted(path for path in DATA.iterdir() if path.is_file())


@pytest.mark.parametrize("path", sample_files(), ids=lambda it: it.name)
def test_a_reject_and_a_message_have_one_event_each_in_every_sample(converter, file, path):
    done = Done(converter, file, path.read_bytes())
    assert len(done.messages) == done.stats.converted > 0
    assert len(done.rejected) == done.stats.rejected


def test_batches_are_written_not_single_lines(converter, file):
    row = {"UpdatedTime": "2026-03-03T09:00:01.1Z", "Type": "ContainerLog", "Operation": "File"}
    done = Done(converter, file, b"".join(dumped({**row, "PID": n}) + b"\n" for n in range(5000)))
    assert len(done.messages) == 5000
    assert len(done.out.writes) < 10


def test_repetitions_of_an_event_without_a_time_have_ids_of_their_own(converter, file):
    done = Done(converter, file, b'{"Type":"ContainerLog","Operation":"File"}\n' * 50)
    ids = {parse(message).extension["externalId"] for message in done.messages}
    assert len(ids) == done.stats.without_time == 50


@pytest.mark.parametrize(
    "value", [["x"], {"a": 1}, 5, 1.5, True, None, "x" * 10_000, "\ud800"], ids=repr
)
def test_a_type_of_any_kind_is_converted_and_counted(converter, file, value):
    row = {"Type": value, "Operation": value, "HostName": "h", "ClusterName": "c"}
    done = Done(converter, file, dumped(row) + b"\n" + dumped(row))
    assert len(done.messages) == done.stats.kinds.total() == 2
    json.dumps([[str(each) for each in kind] for kind in done.stats.kinds]).encode()


class Faulty(Converter):
    """Has a bug that shows with one event."""

    def convert(self, raw, origin=""):
        if raw.get("Resource") == "/bug":
            raise KeyError("bug")
        return super().convert(raw, origin)


def test_a_fault_of_ours_rejects_one_record_and_the_rest_goes_on(file, monkeypatch):
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "python")
    lines = [
        dumped({"Type": "HostLog", "Operation": "File", "Resource": f"/{name}"})
        for name in ("a", "bug", "b")
    ]
    done = Done(Faulty(load("kubearmor-cef")), file, b"\n".join(lines))
    assert [" filePath=/a " in done.messages[0], " filePath=/b " in done.messages[1]] == [
        True,
        True,
    ]
    assert [(row["line"], row["reason"]) for row in done.rejected] == [(2, FAULT)]
    assert done.rejected[0]["raw"] == lines[1].decode()


def test_a_run_that_is_stopped_ends_after_the_lines_in_hand(converter, file):
    file.write_bytes(b'{"Type":"ContainerLog","Operation":"File"}\n' * 100_000)
    out = Sink()
    run = ConvertRun(MappingEngine(converter), out, progress=lambda _name, _consumed: run.stop())
    run.run([Input("one", str(file), None), Input("two", str(file), None)])
    assert 0 < run.stats.converted == len(out.lines) < 100_000
    assert [each["name"] for each in run.inputs] == ["one"]
    assert run.stats.kinds.total() == run.stats.converted
