"""What `forward` says: at its start, on a terminal, of sources that are missing, while it stops."""

from __future__ import annotations

import json
import re
import signal
import socket
import time

import commands
import pytest
from forwards import Forward, forward, ids, waiting_in, write_events
from running import COMMAND
from terminals import Terminal
from waiting import until

from cef_bridge.collector.collector import Collector
from cef_bridge.forward.missing_sources import PATIENCE


@pytest.fixture
def collector():
    with Collector(["tcp://127.0.0.1:0"], keep=100_000, rules=None) as running:
        yield running


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def to(collector, name="siem"):
    return f"{collector.urls[0]}?confirm_interval=1s&name={name}"


def test_its_first_lines_name_sources_destinations_queue_and_metrics(tmp_path, collector):
    for number in range(3):
        write_events(tmp_path / f"ka-{number}.log", 10, seed=number)
    queue = tmp_path / "q"
    words = ("--from", tmp_path / "ka-*.log", "--from", tmp_path / "nothing.log")
    words += ("--from", "-", "--to", to(collector), "-m", "splunk", "--queue", queue)
    with Forward(*words, "--metrics", "127.0.0.1:0") as run:
        until(lambda: collector.distinct == 30)
        ended = run.end()
    said = [line.partition(" INFO ")[2] for line in ended.err.splitlines() if " INFO " in line]
    assert said[:6] == [
        f"source {tmp_path}/ka-*.log: 3 files",
        f"source {tmp_path}/nothing.log: no such file",
        "source -: standard input",
        f"destination siem: {collector.urls[0]}, mapping splunk",
        f"queue folder {queue}: empty",
        re.search(r"metrics http://127\.0\.0\.1:\d+: .*", ended.err)[0],
    ]
    with Forward(*words) as run:
        run.until_says("queue folder")
        assert run.end().code == 0


def test_what_waits_from_an_earlier_run_is_in_the_first_lines(tmp_path, closed_port):
    log = write_events(tmp_path / "ka.log", 1)
    words = ("--from", log, "--to", f"tcp://127.0.0.1:{closed_port}?name=siem")
    words += ("--queue", tmp_path / "q", "--grace", "0s")
    assert "1 message queued" in forward(*words, "--once", "--timeout", "3s").err
    with Forward(*words) as run:
        run.until_says(f"queue folder {tmp_path}/q: 1 message waiting")
        assert "mapping kubearmor-cef, 1 message waiting" in run.said()


def test_a_file_that_is_missing_is_warned_of_once_and_told_when_it_comes(tmp_path, collector):
    log = tmp_path / "late\x1b[31m.log"
    began = time.monotonic()
    with Forward("--from", log, "--to", to(collector)) as run:
        run.until_says("is not there after 5 seconds: no such file. Check path and permissions")
        assert time.monotonic() - began >= PATIENCE
        write_events(log, 5)
        run.until_says("is there now")
        until(lambda: collector.distinct == 5)
        said = run.end().err
    assert said.count("is not there after") == said.count("is there now") == 1
    assert "\x1b" not in said


def test_a_relay_that_does_not_answer_is_warned_of_with_what_to_do(collector, closed_port):
    relay = f"kubearmor://127.0.0.1:{closed_port}"
    with Forward("--from", relay, "--to", to(collector)) as run:
        run.until_says(f"source {relay} is not there after 5 seconds: ")
        said = run.end().err
    assert "nothing listens there" in said
    assert "Check its address, and that KubeArmor's relay runs there" in said


def test_a_source_that_is_there_is_not_warned_of(tmp_path, collector):
    log = write_events(tmp_path / "ka.log", 5)
    with Forward("--from", log, "--from", tmp_path / "no.log", "--to", to(collector)) as run:
        run.until_says("no.log is not there after")
        said = run.end().err
    assert said.count("is not there after") == 1


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_terminal_has_a_line_a_destination_and_the_whole_reason_of_trouble(
    tmp_path, collector, closed_port, columns
):
    log = write_events(tmp_path / "ka.log", 100)
    bad = f"tcp://127.0.0.1:{closed_port}?name=second-siem"
    words = ("forward", "--from", log, "--to", to(collector), "--to", bad)
    words += ("--queue", tmp_path / "q", "--grace", "1s")
    why = (
        f"second-siem: cannot reach 127.0.0.1:{closed_port}: nothing listens there. Start the "
        "collector, or correct the port."
    )
    with Terminal(*words, columns=columns) as run:
        shown = run.until(lambda it: "\nsiem: out" in it and "100 waiting" in it)
        assert re.search(r"^destination +second-siem ", shown, re.MULTILINE)
        live = shown[shown.rindex("\nsiem: ") + 1 :].splitlines()
        assert re.match(
            r"siem: out [\d,]+/s, [\d,]+ waiting, \d+ in flight, \d+ confirmed", live[0]
        )
        assert all(len(line) < columns for line in live)
        joined = " ".join(line.strip() for line in live[1:])
        assert joined.startswith(why)
        assert "100 waiting" in joined
        assert run.end(signal.SIGINT) == 130
        left = run.shows()
    said = r"stopping: [12]\d\d messages left, sending for up to \d seconds?\. A second signal"
    assert re.search(said, " ".join(left.split()))
    assert not re.search(r"^siem: out ", left, re.MULTILINE)  # the lines are taken away
    assert "siem: 100 received" in left


def test_without_colors_no_escape_but_those_that_move_the_cursor(tmp_path, closed_port):
    log = write_events(tmp_path / "ka.log", 10)
    words = ("forward", "--from", log, "--to", f"tcp://127.0.0.1:{closed_port}", "--grace", "0s")
    for variables, colored in (({"NO_COLOR": "1"}, False), ({}, True)):
        with Terminal(*words, "--queue", tmp_path / "q", **variables) as run:
            run.until(lambda it: "10 waiting" in it)
            assert run.end(signal.SIGINT) == 130
            assert (re.search(r"\x1b\[\d+m", run.raw) is not None) == colored


def test_log_lines_stand_above_the_lines_that_change(tmp_path, collector):
    log = write_events(tmp_path / "ka.log", 10)
    words = ("forward", "--from", log, "--to", to(collector), "--queue", tmp_path / "q")
    with Terminal(*words) as run:
        run.until(lambda it: "10 confirmed" in it)
        collector.stop()
        with log.open("ab") as file:
            file.write(write_events(tmp_path / "more", 10, seed=2).read_bytes())
        run.until(lambda it: "10 waiting" in it and " WARNING siem: " in it)
        collector.start()
        run.until(lambda it: "20 confirmed" in it and "takes messages again" in it)
        lines = run.until(lambda it: it.splitlines()[-1].startswith("siem: ")).splitlines()
        assert len([it for it in lines if re.match(r"siem: ", it)]) == 1
        assert run.end(signal.SIGTERM) == 0


def test_while_it_stops_it_says_what_is_left_again_and_again_and_how_it_ended(
    tmp_path, closed_port
):
    log = write_events(tmp_path / "ka.log", 20)
    words = ("--from", log, "--to", f"tcp://127.0.0.1:{closed_port}", "--queue", tmp_path / "q")
    with Forward(*words, "--grace", "7s") as run:
        until(lambda: waiting_in([tmp_path / "q"]) == 20)
        ended = run.end()
    assert ended.code == 0
    assert re.search(r"stopping: 20 messages left, sending for up to [67] seconds\.", ended.err)
    assert len(re.findall(r"stopping: 20 messages left, [1-6] seconds? more", ended.err)) in (1, 2)
    assert "20 messages queued in" in ended.err.splitlines()[-1]


def test_a_second_signal_ends_it_at_once(tmp_path, closed_port):
    log = write_events(tmp_path / "ka.log", 20)
    words = ("--from", log, "--to", f"tcp://127.0.0.1:{closed_port}", "--queue", tmp_path / "q")
    with Forward(*words, "--grace", "1h") as run:
        run.until_says("cannot reach")
        run.send(signal.SIGTERM)
        run.until_says("stopping: ")
        began = time.monotonic()
        ended = run.end()
    assert ended.code == 130
    assert time.monotonic() - began < 30
    assert "3,600 seconds" in ended.err


def test_the_counters_of_the_last_line_add_up_with_internal_events(tmp_path, collector):
    log = write_events(tmp_path / "ka.log", 50)
    words = ("--from", log, "--to", to(collector), "--queue", tmp_path / "q", "--heartbeat", "1s")
    with Forward(*words, "--metrics", "127.0.0.1:0") as run:
        until(lambda: len(ids(collector.messages)) == 50 and collector.distinct >= 53)
        url = re.search(r"metrics (http://\S+):\s", run.said())[1]
        until(lambda: sums_hold(url))
        ended = run.end()
    (last,) = (line for line in ended.err.splitlines() if line.startswith("siem: 50 received"))
    number = {
        name: int(found[1].replace(",", "")) if (found := re.search(rf"([\d,]+) {name}", last)) else 0
        for name in ("received", "converted", "filtered", "rejected", "skipped", "blank",
                     "internal events", "confirmed", "unconfirmed", "in the queue")
    }  # fmt: skip
    assert number["internal events"] >= 3
    assert number["received"] == sum(
        number[name] for name in ("converted", "filtered", "rejected", "skipped", "blank")
    )
    made = number["converted"] + number["internal events"]
    assert made == number["confirmed"] + number["unconfirmed"] + number["in the queue"]
    assert number["confirmed"] == collector.snapshot().distinct


def sums_hold(url):
    """Tell whether the metrics add up; two counters are not read at the same moment."""
    done = commands.run([COMMAND, "top", url, "--once", "--json"], capture_output=True, timeout=60)
    (each,) = json.loads(done.stdout)["destinations"]
    kept = ("confirmed", "unconfirmed", "in_flight", "waiting", "dropped", "dead_lettered")
    made = each["converted"] + each["internal"] + each["replayed"]
    return each["internal"] >= 3 and made == sum(each[name] for name in kept)
