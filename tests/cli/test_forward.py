"""`forward` as a process: inputs, ends, signals, restarts; every event arrives, and the sums hold."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections import Counter

import commands
import pytest
from forwards import Forward, balanced, books, forward, ids, waiting_in, write_events
from rotators import KUBELET, Writer
from running import COMMAND, convert
from waiting import until

from cef_bridge.collector.collector import Collector
from cef_bridge.generator import events
from cef_bridge.lines import parse
from cef_bridge.queue.queue import inspect


@pytest.fixture
def collector():
    with Collector(["tcp://127.0.0.1:0"], keep=1_000_000, rules=None) as running:
        yield running


def url(collector, words="confirm_interval=1s"):
    return f"{collector.urls[0]}?{words}"


@pytest.mark.parametrize("header", ["none", "rfc3164", "rfc5424"])
def test_once_sends_what_convert_writes_with_the_same_header(tmp_path, collector, header):
    log = write_events(tmp_path / "ka.log", 3000)
    written = convert(log, "--syslog-header", header).messages
    ended = forward("--from", log, "--to", url(collector), "--once", "--syslog-header", header)
    assert ended.code == 0
    assert Counter(collector.messages) == Counter(line.encode() for line in written)


@pytest.mark.parametrize(
    "name", ["kinds.ndjson", "mixed.log", "array.json", "pretty.json", "cri.log"]
)
def test_once_reads_every_form_that_convert_reads(collector, name):
    from running import DATA

    written = convert(DATA / name, "--syslog-header", "rfc3164")
    assert forward("--from", DATA / name, "--to", url(collector), "--once").code == written.code
    assert Counter(collector.messages) == Counter(line.encode() for line in written.messages)


def test_standard_input_is_read_to_its_end(collector, tmp_path):
    log = write_events(tmp_path / "ka.log", 500)
    with Forward("--from", "-", "--to", url(collector), "--once", stdin=subprocess.PIPE) as run:
        ended = run.wait(stdin=log.read_bytes())
    assert ended.code == 0
    assert len(set(ids(collector.messages))) == 500
    assert "500 received, 500 converted" in ended.err


def test_a_record_that_cannot_be_read_is_a_dead_letter_and_the_exit_code_says_so(
    tmp_path, collector
):
    log = write_events(tmp_path / "ka.log", 10)
    with log.open("ab") as file:
        file.write(b'{"Operation":"File","Resource":"/etc/pass\n')
    queue = tmp_path / "q"
    ended = forward("--from", log, "--to", url(collector), "--queue", queue, "--once")
    assert ended.code == 3
    assert "1 rejected record: cef-bridge deadletter list" in ended.err
    listed = commands.run(
        [COMMAND, "deadletter", "list", queue], check=True, capture_output=True, text=True
    ).stdout
    assert f"{log}:11" in listed
    assert "a text has no end" in listed


def test_the_last_line_adds_up_and_rejected_records_are_counted_by_reason(tmp_path, collector):
    log = write_events(tmp_path / "ka.log", 10)
    event = log.read_bytes().splitlines()[0]
    with log.open("ab") as file:
        file.write(b'Started to watch alerts\n\n{"type":"Normal","reason":"x"}\n')
        file.write(b'{"Operation":"File","Resource":"/etc/pass\n')
        file.write(b"== Alert / 2025-01-29 05:58:24.249900 ==\nHostName: n\n")
        file.write(b'{"schema":{},"payload":' + event.replace(b"node-", b"other-") + b"}\n")
    ended = forward("--from", log, "--to", url(collector), "--once")
    said = "17 received, 11 converted, 0 filtered, 2 rejected, 3 skipped, 1 blank; 11 confirmed"
    assert said in ended.err
    assert "  rejected: 1 karmor-text, 1 not-json\n" in ended.err
    assert "17 lines: 11 converted, 0 filtered, 2 rejected, 3 skipped, 1 blank" in convert(log).err


def test_once_without_any_event_says_so_and_ends_with_3(tmp_path, collector):
    log = tmp_path / "ka.log"
    log.write_bytes(b"Started to watch alerts\n{}\n")
    words = ("--from", log, "--to", f"{url(collector)}&name=siem", "--queue", tmp_path / "q")
    ended = forward(*words, "--once")
    assert ended.code == 3
    assert (
        "no KubeArmor event found. To list the other lines: cef-bridge convert --strict"
        in ended.err
    )
    assert forward(*words, "--once").code == 0  # nothing new, and nothing wrong with that
    write_events(tmp_path / "more.log", 10)
    with log.open("ab") as file:
        file.write((tmp_path / "more.log").read_bytes())
    assert forward(*words, "--once").code == 0
    (tmp_path / "empty.log").touch()
    assert forward("--from", tmp_path / "empty.log", "--to", url(collector), "--once").code == 0


def test_once_with_a_relay_that_cannot_be_reached_says_why_and_ends_with_3(collector):
    with socket.create_server(("127.0.0.1", 0)) as free:
        relay = f"kubearmor://127.0.0.1:{free.getsockname()[1]}"
    ended = forward("--from", relay, "--to", url(collector), "--once", "--timeout", "5s")
    assert ended.code == 3
    assert f"{relay} brought nothing: " in ended.err


def test_once_with_a_time_that_is_over_before_an_input_ends_is_not_done(collector):
    words = ("--from", "-", "--to", url(collector), "--once", "--timeout", "1s")
    with Forward(*words, stdin=subprocess.PIPE) as run:
        run.until_says("was not read to its end")
        ended = run.wait()
    assert ended.code == 1
    assert "- was not read to its end when the time was over" in ended.err


def test_a_private_queue_goes_when_nothing_is_left_in_it_and_is_named_when_something_is(tmp_path):
    log = write_events(tmp_path / "ka.log", 10)
    env = {"TMPDIR": str(tmp_path)}
    ended = left_waiting(log, tmp_path)
    assert ended.code == 1
    kept = private_queues(tmp_path)
    assert len(kept) == 1
    assert f"10 messages queued in {kept[0]}, none lost" in ended.err
    assert "cannot reach 127.0.0.1:1" in ended.err
    with Collector(["tcp://127.0.0.1:0"], keep=100) as collector:
        words = ("--from", log, "--to", f"{url(collector)}&name=tcp-127.0.0.1-1")
        assert forward(*words, "--once", "--queue", kept[0]).code == 0
        assert len(set(ids(collector.messages))) == 10
    with Collector(["tcp://127.0.0.1:0"]) as collector:
        assert forward("--from", log, "--to", url(collector), "--once", env=env).code == 0
    assert private_queues(tmp_path) == []  # what was sent from the one that was kept is gone, too


def left_waiting(log, folder):
    """Run with a private queue in a folder until 10 more messages wait in it, then end."""
    before = waiting_in(private_queues(folder))
    words = ("--from", log, "--to", "tcp://127.0.0.1:1", "--once", "--grace", "100ms")
    with Forward(*words, env={"TMPDIR": str(folder)}) as run:
        until(lambda: waiting_in(private_queues(folder)) == before + 10)
        return run.end()


def private_queues(folder):
    return sorted(folder.glob("cef-bridge-queue-*"))


def test_private_queues_of_earlier_runs_are_named_at_the_next_start_and_take_little_room(tmp_path):
    log = write_events(tmp_path / "ka.log", 10)
    assert "earlier runs" not in left_waiting(log, tmp_path).err
    (first,) = private_queues(tmp_path)
    assert sum(path.stat().st_size for path in first.iterdir()) < 1 << 20
    ended = left_waiting(log, tmp_path)
    assert (
        f"earlier runs without --queue left what was not sent: {first} (10 messages)" in ended.err
    )
    assert f"forward --queue {first}" not in ended.err  # the last words are of its own folder
    assert len(private_queues(tmp_path)) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_private_queue_is_named_or_gone_however_the_run_ends(tmp_path, number):
    log = write_events(tmp_path / "ka.log", 10)
    env = {"TMPDIR": str(tmp_path)}
    words = ("--from", log, "--to", "tcp://127.0.0.1:1", "--grace", "60s")
    with Forward(*words, env=env) as run:
        until(lambda: waiting_in(private_queues(tmp_path)) == 10)
        run.send(number)
        time.sleep(0.5)  # a second one while it waits for the collector; earlier it is the same
        ended = run.end(number)
    (kept,) = private_queues(tmp_path)
    assert str(kept) in ended.err


def test_a_run_that_cannot_begin_leaves_no_private_queue(tmp_path):
    env = {"TMPDIR": str(tmp_path)}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        metrics = f"127.0.0.1:{taken.getsockname()[1]}"
        words = ("--from", "-", "--to", "tcp://127.0.0.1:1", "--metrics", metrics)
        assert forward(*words, env=env).code in (1, 2)
    assert private_queues(tmp_path) == []


def test_after_sigterm_what_waits_stays_in_the_queue_and_the_next_run_sends_it(tmp_path):
    log = write_events(tmp_path / "ka.log", 2000)
    queue = tmp_path / "q"
    with Collector(["tcp://127.0.0.1:0"], keep=5000, rules=None) as collector:
        words = ("--from", log, "--to", f"{url(collector)}&name=siem", "--queue", queue)
        collector.stop()
        with Forward(*words, "--grace", "1s") as run:
            until(lambda: waiting_in([queue]) == 2000)
            ended = run.end()
        assert ended.code == 0
        assert "2,000 messages queued in" in ended.err
        totals = books(queue)["siem"]
        assert (totals["waiting"], totals["accepted"]) == (2000, 2000)
        collector.start()
        with Forward(*words) as run:
            until(lambda: collector.distinct >= 2000)
            assert run.end().code == 0
        assert sorted(ids(collector.messages)) == sorted(set(ids(collector.messages)))
    totals = books(queue)["siem"]
    assert balanced(totals)
    assert totals["confirmed"] == 2000


def test_sigint_ends_in_order_with_its_own_code(tmp_path, collector):
    log = write_events(tmp_path / "ka.log", 10)
    with Forward("--from", log, "--to", url(collector)) as run:
        until(lambda: collector.distinct == 10)
        ended = run.end(signal.SIGINT)
    assert ended.code == 130
    assert "10 confirmed, 0 in the queue" in ended.err


def test_killed_at_any_moment_while_it_reads_a_file_it_loses_nothing(tmp_path, collector):
    count, kills = 20_000, 12
    log, queue = tmp_path / "ka.log", tmp_path / "q"
    lines = write_events(tmp_path / "all.log", count).read_bytes().splitlines(keepends=True)
    log.touch()
    rng = random.Random(7)  # noqa: S311 - when to kill, the same each time
    writing = threading.Thread(target=_append, args=(log, lines, 12.0))
    writing.start()
    words = ("--from", log, "--to", f"{url(collector)}&name=siem", "--queue", queue)
    for _ in range(kills):
        with Forward(*words) as run:
            time.sleep(rng.uniform(0.35, 1.4))
            run.kill()
        for totals in books(queue).values():
            assert balanced(totals)
    writing.join()
    with Forward(*words) as run:
        until(lambda: collector.distinct >= count)
        assert run.end().code == 0
    assert len(set(ids(collector.messages))) == collector.distinct == count
    totals = books(queue)["siem"]
    assert balanced(totals)
    # Nothing was read twice into the queue: what came twice was sent twice.
    assert totals["accepted"] == totals["confirmed"] == count


def _append(log, lines, seconds):
    size = len(lines) // 200
    with log.open("ab", buffering=0) as file:
        for start in range(0, len(lines), size):
            file.write(b"".join(lines[start : start + size]))
            time.sleep(seconds / 200)


CONFIG = """\
queue: {folder}/q
heartbeat: 1s
sources:
  - from: {folder}/ka.log
destinations:
  - {{name: alerts, to: "{one}?confirm_interval=1s", mapping: splunk, alerts_only: yes}}
  - {{name: all, to: "{two}?confirm_interval=1s", mapping: ./acme.yaml}}
"""
TAKEN = "configuration reloaded"
MAPPING = """\
mapping: acme
extends: kubearmor-cef
cluster: {cluster}
envelope: {{sequence: true}}
"""


@pytest.fixture
def two(tmp_path):
    with (
        Collector(["tcp://127.0.0.1:0"], keep=100_000, rules=None) as one,
        Collector(["tcp://127.0.0.1:0"], keep=100_000, rules=None) as other,
    ):
        (tmp_path / "acme.yaml").write_text(MAPPING.format(cluster="before"))
        config = tmp_path / "forward.yaml"
        config.write_text(CONFIG.format(folder=tmp_path, one=one.urls[0], two=other.urls[0]))
        yield config, one, other


def kinds(messages):
    return Counter(parse(text.decode()).header.device_event_class_id.split(".")[0] for text in
                   (message[message.index(b"CEF:") :] for message in messages))  # fmt: skip


def test_two_destinations_each_with_its_mapping_and_filter(tmp_path, two):
    config, one, other = two
    write_events(tmp_path / "ka.log", 1000)
    with Forward("--config", config) as run:
        until(lambda: len(set(ids(other.messages))) >= 1000)
        until(lambda: kinds(one.messages)["alert"] >= kinds(other.messages)["alert"])
        assert run.end().code == 0
    assert kinds(one.messages)["log"] == 0
    assert kinds(one.messages)["alert"] == kinds(other.messages)["alert"] > 100
    assert all(b"> 1" not in text and text.startswith(b"<") for text in one.messages)
    for totals in books(tmp_path / "q").values():
        assert balanced(totals)
        assert totals["received"] == 1000


def test_numbers_and_heartbeats_prove_in_band_that_nothing_is_missing(tmp_path, two):
    config, _, other = two
    write_events(tmp_path / "ka.log", 1000)
    with Forward("--config", config) as run:
        until(lambda: any(b"KubeArmorReceived=1000" in text for text in other.messages))
        ended = run.end()
    assert ended.code == 0
    read = [parse(text.decode()).extension for text in other.messages]
    numbers = sorted(int(each["KubeArmorSeq"]) for each in read)
    assert numbers == list(range(1, len(numbers) + 1))
    beats = [each for each in read if "KubeArmorHighestSeq" in each]
    last = max(beats, key=lambda each: int(each["KubeArmorSeq"]))
    assert int(last["KubeArmorHighestSeq"]) == int(last["KubeArmorSeq"]) - 1
    assert (last["KubeArmorReceived"], last["KubeArmorConverted"]) == ("1000", "1000")
    for beat in beats:
        told = {key.removeprefix("KubeArmor"): value for key, value in beat.items()}
        assert_sum(told, "Received", "Converted Filtered Rejected Noise Blank")
        made = sum(int(told[name]) for name in ("Converted", "Own", "Replayed"))
        assert_sum({**told, "made": made}, "made", "Confirmed Unconfirmed Waiting DeadLettered")
    own = len(beats)
    said = "1 internal event" if own == 1 else f"{own} internal events"
    last_words = f"0 blank; {said} (heartbeats, gaps); {1000 + own:,} confirmed, 0 in the"
    assert last_words in ended.err
    assert last["KubeArmorQueue"] == read[0]["KubeArmorQueue"]
    assert "Received=1000" in last["msg"].replace("\\=", "=")


def assert_sum(told, whole, parts):
    assert int(told[whole]) == sum(int(told[name]) for name in parts.split())


def test_sighup_takes_a_new_mapping_without_losing_an_event_and_keeps_the_old_for_a_wrong_one(
    tmp_path, two
):
    config, _, other = two
    lines = write_events(tmp_path / "all.log", 6000).read_bytes().splitlines(keepends=True)
    (tmp_path / "ka.log").touch()
    writing = threading.Thread(target=_append, args=(tmp_path / "ka.log", lines[:5000], 5.0))
    with Forward("--config", config) as run:
        writing.start()
        until(lambda: other.distinct > 300)
        (tmp_path / "acme.yaml").write_text("mapping: [")
        run.send(signal.SIGHUP)
        run.until_says("reload failed, old configuration kept: ")
        (tmp_path / "acme.yaml").write_text(MAPPING.format(cluster="after"))
        run.send(signal.SIGHUP)
        run.until_says(TAKEN)
        writing.join()
        _append(tmp_path / "ka.log", lines[5000:], 1.0)  # however long the reload took
        until(lambda: len(set(ids(other.messages))) >= 6000)
        ended = run.end()
    assert ended.code == 0
    assert "reload failed, old configuration kept: " in ended.err
    assert TAKEN in ended.err
    clusters = Counter(
        parse(text.decode()).extension["cs6"] for text in other.messages if b"CefBridge" not in text
    )
    assert clusters["before"] > 300 < clusters["after"]
    assert clusters["before"] + clusters["after"] == 6000
    for totals in books(tmp_path / "q").values():
        assert balanced(totals)


def test_sighup_takes_other_destinations_while_events_come_and_loses_none(tmp_path, two):
    config, _one, other = two
    lines = write_events(tmp_path / "all.log", 3000).read_bytes().splitlines(keepends=True)
    (tmp_path / "ka.log").touch()
    writing = threading.Thread(target=_append, args=(tmp_path / "ka.log", lines[:2000], 5.0))
    names = ("renamed", "again", "alerts")
    with Forward("--config", config) as run:
        writing.start()
        before = "alerts"
        for name in names:
            came = len(other.messages)
            until(lambda came=came: len(other.messages) > came)  # at the latest a heartbeat
            config.write_text(config.read_text().replace(f"name: {before}", f"name: {name}"))
            run.send(signal.SIGHUP)
            run.until_says(TAKEN, names.index(name) + 1)
            before = name
        writing.join()
        _append(tmp_path / "ka.log", lines[2000:], 1.0)  # however long the reloads took
        until(lambda: len(set(ids(other.messages))) >= 3000)
        # The two queues store one after the other
        every = inspect(tmp_path / "q" / "all.queue")
        until(lambda: every.status().totals["received"] >= 3000)
        ended = run.end()
    assert ended.code == 0
    assert ended.err.count(TAKEN) == 3
    found = books(tmp_path / "q")
    assert set(found) == {"alerts", "all", "renamed", "again"}
    assert found["all"]["received"] == 3000
    assert all(balanced(totals) for totals in found.values())


def test_metrics_say_what_the_queue_says_and_readiness_follows_the_connection(tmp_path, collector):
    log = write_events(tmp_path / "ka.log", 300)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"

    def ask(path):
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    words = ("--to", f"{url(collector)}&name=siem", "--metrics", address, "--queue", tmp_path / "q")
    with Forward("--from", log, *words) as run:
        until(lambda: 'cef_bridge_confirmed_total{destination="siem"} 300.0' in ask("/metrics")[1])
        assert ask("/healthz") == (200, "ok\n")
        until(lambda: ask("/readyz")[0] == 200)
        collector.kill()
        write_events(tmp_path / "more.log", 10, seed=3)
        with log.open("ab") as file:
            file.write((tmp_path / "more.log").read_bytes())
        until(lambda: ask("/readyz")[0] == 503)
        assert "destination siem: " in ask("/readyz")[1]
        assert ask("/healthz")[0] == 200
        collector.start()
        until(lambda: ask("/readyz")[0] == 200)
        assert run.end().code == 0


def test_systemd_hears_when_it_is_ready_lives_and_stops(tmp_path, collector):
    log = write_events(tmp_path / "ka.log", 10)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        with Forward("--from", log, "--to", url(collector), env=env) as run:
            assert listening.recv(100) == b"READY=1"
            assert listening.recv(100) == b"WATCHDOG=1"
            assert listening.recv(100) == b"WATCHDOG=1"
            run.send(signal.SIGTERM)
            heard = {listening.recv(100) for _ in range(1)}
            while b"STOPPING=1" not in heard:
                heard.add(listening.recv(100))
            assert run.wait().code == 0


def test_a_test_event_says_what_happened_to_it(collector):
    ended = forward("--test-event", "--to", url(collector, "name=siem"))
    assert ended.code == 0
    assert ended.out.decode() == (
        f"siem ({collector.urls[0]}): test event confirmed: the collector gave a receipt\n"
    )
    assert len(collector.messages) == 1
    assert b"system.test.none" in collector.messages[0]
    collector.stop()
    ended = forward("--test-event", "--to", url(collector, "name=siem"))
    assert ended.code == 1
    assert f"cannot reach {collector.urls[0][6:]}" in ended.out.decode()


def test_a_source_that_cannot_be_is_told_and_ends_it(tmp_path, collector):
    ended = forward("--from", tmp_path / "none.log", "--to", url(collector), "--once")
    assert ended.code == 2
    assert "none.log: no such file" in ended.err


@pytest.mark.parametrize("target", ["nowhere", "link.log"])
def test_once_passes_by_a_link_to_nothing_that_a_glob_meets(tmp_path, collector, target):
    write_events(tmp_path / "ka.log", 10)
    (tmp_path / "link.log").symlink_to(target)
    words = ("--from", tmp_path / "*.log", "--to", url(collector), "--queue", tmp_path / "q")
    for _ in range(2):  # and nothing of it is there the second time
        ended = forward(*words, "--once")
        assert ended.code == 0
        assert "10 received, 10 converted, 0 filtered, 0 rejected" in ended.err
    assert ended.err.count("link.log") == 1
    assert "link.log: this link leads " in ended.err
    assert "nothing is read from it" in ended.err
    assert len(collector.messages) == len(set(ids(collector.messages))) == 10
    listed = commands.run(
        [COMMAND, "deadletter", "list", tmp_path / "q"], check=True, capture_output=True, text=True
    ).stdout
    assert "There are no dead letters" in listed


def test_once_refuses_a_link_to_nothing_that_is_named(tmp_path, collector):
    (tmp_path / "link.log").symlink_to("nowhere")
    ended = forward("--from", tmp_path / "link.log", "--to", url(collector), "--once")
    assert ended.code == 2
    assert "link.log: this link leads to nothing. Name the file itself" in ended.err


@pytest.mark.parametrize("pattern", ["0.log", "0.log*"])
def test_what_kubelet_packs_between_two_runs_is_sent_once(tmp_path, collector, pattern):
    """The generation before is packed into a new file, then the current one is renamed."""
    log = tmp_path / "0.log"
    rotating = Writer(log, KUBELET._replace(keep=10))
    written = list(events(100, seed=1))
    words = ("--from", tmp_path / pattern, "--to", url(collector), "--queue", tmp_path / "q")
    for count in range(10, 90, 10):
        with log.open("ab") as file:
            file.writelines(written[count - 10 : count])
        if count > 10:
            list(rotating.rotate())
        assert forward(*words, "--once").code == 0
        assert len(collector.messages) == len(set(ids(collector.messages))) == count


def test_two_forwarders_do_not_share_a_queue(tmp_path, collector):
    log = write_events(tmp_path / "ka.log", 10)
    words = ("--from", log, "--to", url(collector), "--queue", tmp_path / "q")
    with Forward(*words) as run:
        until(lambda: collector.distinct == 10)
        ended = forward(*words, "--once")
        assert ended.code == 2
        assert str(run.process.pid) in ended.err
        assert run.end().code == 0


def test_what_goes_to_stdout_are_the_messages_and_nothing_else(tmp_path):
    log = write_events(tmp_path / "ka.log", 200)
    ended = forward("--from", log, "--to", "-", "--once")
    assert ended.code == 0
    assert sorted(ended.out.splitlines()) == sorted(line.encode() for line in convert(log).messages)


def test_a_file_gets_every_message_whole(tmp_path):
    log = write_events(tmp_path / "ka.log", 2000)
    target = tmp_path / "out.cef"
    ended = forward("--from", log, "--to", f"file://{target}?rotate=1M&keep=10", "--once")
    assert ended.code == 0
    files = sorted(tmp_path.glob("out.cef*"))
    assert len(files) > 1
    lines = [line for path in files for line in path.read_bytes().splitlines()]
    assert sorted(lines) == sorted(line.encode() for line in convert(log).messages)


def test_a_private_queue_stays_for_a_destination_that_a_reload_removed(tmp_path, collector):
    log = write_events(tmp_path / "ka.log", 10)
    config = tmp_path / "forward.yaml"
    gone = "  - {name: gone, to: 'tcp://127.0.0.1:1'}\n"
    kept = f"  - {{name: siem, to: '{url(collector)}'}}\n"
    config.write_text(f"grace: 1s\nsources: [{log}]\ndestinations:\n{gone}{kept}")
    with Forward("--config", config, env={"TMPDIR": str(tmp_path)}) as run:
        until(lambda: collector.distinct == 10)
        until(lambda: waiting_in(private_queues(tmp_path)) >= 10)
        config.write_text(config.read_text().replace(gone, ""))
        run.send(signal.SIGHUP)
        run.until_says(TAKEN)
        ended = run.end()
    (folder,) = private_queues(tmp_path)
    assert ended.code == 0
    assert f"{folder} keeps what is left: cef-bridge queue status {folder}" in ended.err
    assert books(folder)["gone"]["waiting"] == 10
