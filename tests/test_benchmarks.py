"""The benchmarks measure what they say: their events, the checking of lines, the promises."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cef_bridge.mapping.load import load, problems
from cef_bridge.mapping.program.converter import Converted, Converter

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
import datasets  # noqa: E402 - the benchmark's, which the line above makes findable
import measured  # noqa: E402 - the same
import promises  # noqa: E402 - the same
import table  # noqa: E402 - the same
from peers import judge  # noqa: E402 - the same

KEYS = BENCHMARKS / "peer-20-keys.yaml"
ALERT = {
    "Timestamp": 1770797742, "UpdatedTime": "2026-02-11T08:15:42.118273Z", "HostName": "n", "NamespaceName": "shop",
    "PodName": "web-0", "HostPPID": 7, "HostPID": 8, "UID": 0, "ParentProcessName": "/bin/sh", "ProcessName": "/bin/cat",
    "PolicyName": "deny", "Severity": "8", "Type": "MatchedPolicy", "Source": "cat a=b", "Operation": "File",
    "Resource": "/a\\b", "Action": "Block", "Result": "Permission denied",
}  # fmt: skip
RIGHT = (
    r"CEF:0|KubeArmor|KubeArmor|unknown|MatchedPolicy|File|8|rt=1770797742118 act=Block outcome=failure cat=File dvchost=n "
    r"suid=0 spid=7 sproc=/bin/sh dpid=8 dproc=/bin/cat cs1=deny cs1Label=PolicyName cs2=shop cs2Label=K8sNamespace "
    r"cs3=web-0 cs3Label=K8sPod cs4=cat a\=b cs4Label=Source cs5=/a\\b cs5Label=Resource"
)


def lines(name: str, count: int) -> list[bytes]:
    return [datasets.line(event) for event in datasets.SETS[name].make(count)]


def written(tmp_path: Path, events: list[bytes], output: list[str]) -> judge.Verdict:
    (tmp_path / "events").write_bytes(b"".join(events))
    (tmp_path / "output").write_text("".join(f"{line}\n" for line in output), encoding="utf-8")
    return judge.judge(tmp_path / "events", tmp_path / "output")


def test_the_telemetry_is_what_it_always_was():
    made = b"".join(map(datasets.line, datasets.events(20_000)))
    digest = hashlib.md5(made).hexdigest()  # noqa: S324 - no secret
    assert digest == "316fb00c46284191240573d33ba9e7b0"


@pytest.mark.parametrize("name", datasets.SETS)
def test_a_set_is_the_same_every_time_and_has_one_event_a_line(name):
    made = lines(name, 300)
    assert made == lines(name, 300)
    assert all(line.count(b"\n") == 1 for line in made)
    assert [json.loads(line)["UpdatedTime"][-1] for line in made] == ["Z"] * 300


def test_the_sets_are_what_their_names_say():
    def share(name: str, has: str) -> float:
        return sum(has.encode() in line for line in lines(name, 2000)) / 2000

    assert share("telemetry", '"PolicyName"') < 0.12
    assert share("telemetry", '"EventData":{') > 0.95
    assert share("telemetry", '"NodeID":') == 1
    assert share("alerts", '"PolicyName"') > 0.8
    assert 0.2 < sum(len(line) > 16_000 for line in lines("long-arguments", 2000)) / 2000 < 0.3
    assert len({json.loads(line).get("PodName") for line in lines("few-pods", 2000)}) <= 31
    assert len({json.loads(line).get("PodName") for line in lines("many-pods", 2000)}) > 1500


def test_each_event_that_was_never_seen_is_of_its_own():
    made = [json.loads(line) for line in lines("never-seen", 2000)]
    for field in ("PodName", "Source", "PolicyName"):
        values = Counter(event[field] for event in made if event.get(field))
        assert len(values) > 100
        assert max(values.values()) == 1, field


@pytest.mark.parametrize("name", ["docker", "cri"])
def test_what_stands_around_an_event_is_what_convert_takes_off(name, tmp_path):
    made = list(datasets.SETS[name].lines(200))
    assert made != lines("telemetry", 200)
    bare, wrapped = tmp_path / "bare", tmp_path / "wrapped"
    bare.write_bytes(b"".join(lines("telemetry", 200)))
    wrapped.write_bytes(b"".join(made))
    command = [str(measured.COMMAND), "convert", "-m", "kubearmor-cef"]
    output = [subprocess.check_output([*command, str(path)]) for path in (bare, wrapped)]
    assert output[0] == output[1]
    assert output[0].count(b"\n") == 200
    assert measured.loads_alone(wrapped) > 0


def test_nothing_that_the_attacker_chooses_comes_twice():
    made = [json.loads(line) for line in lines("hostile", 3000)]
    for field in ("Source", "ProcessName", "ParentProcessName", "Cwd"):
        assert max(Counter(event[field] for event in made).values()) == 1


def test_the_peers_mapping_has_twenty_keys_and_holds_what_it_shows():
    assert [each for each in problems(KEYS) if each.severity == "error"] == []
    keys = re.findall(r" (\w+)=", " " + RIGHT.partition("|8|")[2])
    assert len(keys) == len(set(keys)) == 20


@pytest.mark.parametrize("name", datasets.SETS)
def test_ours_gets_every_line_of_every_set_right(name, tmp_path):
    converter = Converter(load(str(KEYS), env={}))
    events = list(datasets.SETS[name].make(400))
    output = [converter.convert(json.loads(datasets.line(event)), "test") for event in events]
    assert all(isinstance(each, Converted) for each in output)
    found = written(tmp_path, [datasets.line(it) for it in events], [it.message for it in output])
    assert (found.lines, found.right, found.wrong) == (400, 400, {})


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (RIGHT.replace(r"a\=b", "a=b"), "is not what the event says"),
        (RIGHT.replace(r"\\", "\\"), "escape"),
        (RIGHT.replace("act=Block", "act="), "act has no value"),
        (RIGHT.replace("act=Block ", ""), "act is not what the event says"),
        (RIGHT.replace("rt=1770797742118", "rt=1770797742117"), "time"),
        (RIGHT.replace("|8|", "|7|"), "header"),
        (RIGHT.replace("web-0", "web\x1b"), "control character"),
        (RIGHT + " x=1", "x is not what the event says"),
    ],
)
def test_a_wrong_line_is_found_with_its_reason(line, fault, tmp_path):
    event = json.dumps(ALERT).encode() + b"\n"
    assert written(tmp_path, [event], [RIGHT]).right == 1
    found = written(tmp_path, [event], [line])
    assert (found.lines, found.right) == (1, 0)
    (reason,) = found.wrong
    assert fault in reason


def test_a_line_that_comes_twice_is_right_once(tmp_path):
    event = json.dumps(ALERT).encode() + b"\n"
    assert written(tmp_path, [event], [RIGHT, RIGHT])[:2] == (2, 1)


def run(cpu: float, wall: float = 2.0, peak: float = 50.0) -> dict[str, float]:
    return {"cpu_us": cpu, "wall_s": wall, "peak_mib": peak}


def figures(base: float) -> dict[str, object]:
    one = {"events": 10, "bytes": 900, "loads": {"cpu_us": 2.0}, "base": run(base), "keys": run(5)}
    one |= {"two": run(9, wall=1.05), "loops": {"speed_up": 1.9}}
    peers = {"cef-bridge": run(3), "Tenzir, escaped": run(9)}
    for each in peers.values():
        each |= {"lines": 10, "right": 10, "wrong": {}, "version": "1"}
    machine = dict.fromkeys(("date", "cef-bridge", "python", "orjson", "processor", "system"), "x")
    found = {"machine": machine, "rounds": 1, "missing": [], "gz": {}}
    found |= {
        "sets": dict.fromkeys(("telemetry", "alerts", "archive"), one),
        "peers": {"telemetry": peers},
    }
    return found | {"start": {"version_ms": 90.0, "help_ms": 101.0, "ten_ms": 200.0}}


def test_promises_are_judged_by_the_figures_and_only_by_what_was_measured():
    held = {promise.says: promise.holds for promise in promises.judged(figures(base=4.0))}
    assert list(held.values()) == [True, True, True, True, False, True]
    assert not any("pods" in says for says in held)
    assert not promises.judged(figures(base=4.1))[0].holds


def test_what_two_processes_gain_is_not_judged_on_a_busy_machine():
    for loops, wall, holds in ((1.9, 1.05, True), (1.9, 1.5, False), (1.2, 1.5, None)):
        found = figures(base=7.0)
        found["sets"]["archive"]["loops"]["speed_up"] = loops
        found["sets"]["archive"]["two"]["wall_s"] = wall
        assert [it.holds for it in promises.judged(found) if it.says.startswith("-j 2")] == [holds]


def test_the_tables_have_a_row_for_each_set_tool_and_promise():
    found = figures(base=7.0)
    found["promises"] = promises.judged(found)
    shown, paged = table.text(found), table.markdown(found)
    for name in ("telemetry", "alerts", "telemetry, Tenzir, escaped", "does not hold"):
        assert name in shown
        assert name in paged
    assert "3.50" in shown
