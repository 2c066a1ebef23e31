"""`--log-format json`: a forwarder goes through trouble, and each of its records has its fields."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import commands
from forwards import Forward, write_events
from running import COMMAND, DATA
from waiting import until

from cef_bridge.collector.collector import Collector
from cef_bridge.log_fields import CODES, OWN

JSON = ("--log-format", "json")


def records(said: str) -> list[dict[str, object]]:
    """Return the records of a log; each has its place in the list of codes."""
    found = [json.loads(line) for line in said.splitlines()]
    for each in found:
        assert set(OWN) <= set(each)
        if each["level"] != "debug" and str(each["logger"]).startswith("cef_bridge"):
            known = CODES[each["code"]].fields
            assert set(each) - {*OWN, "code"} <= set(known), each
    return found


def of(found, code, /, **facts):
    """Return the records with a code and some fields."""
    return [
        it
        for it in found
        if it.get("code") == code and all(it.get(k) == v for k, v in facts.items())
    ]


def test_the_log_of_a_forwarder_in_trouble_has_a_code_and_fields_in_each_record(tmp_path):
    log = write_events(tmp_path / "ka.log", 20)
    late = tmp_path / "late.log"
    config = tmp_path / "forward.yaml"
    with Collector(["tcp://127.0.0.1:0"], keep=1000, rules=None) as collector:
        peer = collector.urls[0].removeprefix("tcp://")
        config.write_text(
            f"sources: [{{from: {log}}}, {{from: {late}}}]\nqueue: {tmp_path}/q\ngrace: 5s\n"
            f"destinations: [{{name: siem, to: 'tcp://{peer}?confirm_interval=1s'}}]\n"
        )
        with Forward(*JSON, "--config", config) as run:
            until(lambda: collector.distinct == 20)
            collector.stop()
            write_events(late, 5, seed=2)
            run.until_says('"trouble"')
            collector.start()
            run.until_says('"recovered"')
            until(lambda: collector.distinct == 25)
            run.send(signal.SIGHUP)
            run.until_says('"reloaded"')
            config.write_text("nothing: true\n")
            run.send(signal.SIGHUP)
            run.until_says('"reload-failed"')
            ended = run.end()
    found = records(ended.err)
    assert of(found, "source", source=str(log), found=True, files=1)
    assert of(found, "source", source=str(late), found=False, files=0)
    assert of(found, "destination", destination="siem", mapping="kubearmor-cef", waiting=0)
    assert of(found, "connected", destination="siem", peer=peer, level="info")
    (trouble, *_) = of(found, "trouble", destination="siem", level="warning")
    assert trouble["reason"] in ("unreachable", "connection-failed")
    assert isinstance(trouble["waiting"], int)
    assert of(found, "recovered", destination="siem", peer=peer, level="info")
    assert of(found, "reloaded", level="info")
    assert of(found, "reload-failed", level="error")
    assert of(found, "stopping", level="info")
    (result,) = of(found, "result", destination="siem")
    assert (result["received"], result["converted"], result["confirmed"]) == (25, 25, 25)
    assert (result["waiting"], result["in_flight"], result["level"]) == (0, 0, "info")


def test_no_record_has_a_secret(tmp_path):
    log = write_events(tmp_path / "ka.log", 5)
    config = tmp_path / "forward.yaml"
    config.write_text(
        f"sources: [{{from: {log}}}]\nqueue: {tmp_path}/q\ndestinations:\n"
        "  - {name: hec, to: 'splunk-hec://127.0.0.1:9?tls=no', token: not-for-you-1}\n"
        "  - {name: es, to: 'elasticsearch://127.0.0.1:9/ka?tls=no', user: u, password: not-for-you-2}\n"
    )
    with Forward("-v", *JSON, "--config", config, "--once", "--timeout", "3s") as run:
        ended = run.wait()
    found = records(ended.err)
    assert of(found, "trouble", destination="hec", reason="unreachable")
    assert len(of(found, "destination")) == 2
    assert "not-for-you" not in ended.err


def test_convert_and_receive_have_their_counters_as_fields(tmp_path):
    words = [COMMAND, *JSON, "convert", DATA / "kinds.ndjson", "-o", tmp_path / "out"]
    done = commands.run(list(map(str, words)), capture_output=True, timeout=60)
    (found,) = of(records(done.stderr.decode()), "converted")
    assert (found["received"], found["converted"], found["skipped"]) == (118, 118, 0)
    words = [COMMAND, *JSON, "receive", "--listen", "tcp://127.0.0.1:0", "--timeout", "1"]
    done = commands.run(words, capture_output=True, timeout=60)
    said = records(done.stderr.decode())
    assert of(said, "listening")[0]["addresses"][0].startswith("tcp://127.0.0.1:")
    assert of(said, "received", messages=0, different=0, duplicates=0, faulty=0)


def test_a_sentence_on_stderr_stays_a_sentence_without_the_option():
    words = [COMMAND, "convert", "no/such"]
    done = commands.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert done.stderr == b"cef-bridge: no/such: no such file or folder\n"


def test_a_path_of_bytes_that_are_no_text_is_unicode_in_each_record(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b'/bad\xff\x1b[31m"\nx'))
    folder.mkdir()
    log = write_events(folder / "ka.log", 1)
    words = [*JSON, "forward", "--from", str(log), "--to", f"file://{tmp_path}/out", "--once"]
    done = commands.run([COMMAND, *words], capture_output=True, timeout=60)
    assert done.returncode == 0
    (row,) = of(records(done.stderr.decode()), "source")
    assert row["source"] == f'{tmp_path}/bad\\udcff\x1b[31m"\nx/ka.log'
    assert str(row["message"]).startswith(
        f'source {tmp_path}/bad\\udcff\\u001b[31m"\\u000ax/ka.log: '
    )
