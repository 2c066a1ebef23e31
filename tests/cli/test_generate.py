"""`cef-bridge generate` as an operator runs it: the same bytes, the pace, and quiet ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time

import commands
import pytest
from running import COMMAND, Ran, plain
from transcripts import page, run, transcript

from cef_bridge.cli.generate import paced
from cef_bridge.generator import KINDS, events

PAGE = page("docs/receive.md")


def generate(*words: object) -> Ran:
    done = commands.run(
        [COMMAND, "generate", *map(str, words)], check=False, capture_output=True, timeout=60
    )
    return Ran(done.returncode, done.stdout, plain(done.stderr.decode()))


def test_it_writes_what_the_generator_makes_and_nothing_else():
    ran = generate("--count", 2500)
    assert ran == (0, b"".join(events(2500)), "")


def test_seed_kind_and_start_choose_the_events():
    ran = generate(
        "--count", 5, "--seed", 3, "--kind", "network", "--start", "2026-07-01T00:00:00Z"
    )
    found = [json.loads(line) for line in ran.messages]
    assert [event["Operation"] for event in found] == ["Network"] * 5
    assert found[0]["UpdatedTime"] == "2026-07-01T00:00:00.000000Z"
    assert ran.out == b"".join(events(5, 3, "network", start=1_782_864_000_000_000))


def test_now_is_now():
    (line,) = generate("--count", 1, "--start", "now").messages
    assert abs(json.loads(line)["Timestamp"] - time.time()) < 60


def test_events_of_a_rate_are_as_far_apart_as_they_are_written():
    found = [json.loads(line) for line in generate("--count", 101, "--rate", 2000).messages]
    assert found[100]["UpdatedTime"] < "2026-01-01T00:00:00.075"
    assert found[100]["UpdatedTime"] > "2026-01-01T00:00:00.025"


class Clock:
    """A clock that goes on when someone sleeps, or takes long."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("rate", [0.5, 3, 49, 1000, 2_000_000])
def test_the_pace_is_kept_and_does_not_drift(rate):
    clock, given = Clock(), 0
    for number, batch in enumerate(
        paced(events(2000 if rate > 10 else 20), rate, clock, clock.sleep)
    ):
        if given:
            assert clock.now - 100 == pytest.approx(max(given / rate, clock.now - 100), abs=1e-6)
        given += len(batch)
        if number == 5:
            clock.now += 0.01  # a slow write, which is made up for
    assert clock.now - 100 == pytest.approx((given - len(batch)) / rate, abs=0.011)


def test_it_ends_without_a_word_when_the_reader_goes_away():
    with commands.Popen(
        [COMMAND, "generate"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith(b'{"Timestamp":1767225600,')
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == b""


def test_an_interrupt_ends_it_at_once():
    words = [COMMAND, "generate", "--rate", "1"]
    with commands.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert plain(process.stderr.read().decode()) == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--kind", "files"), "'files' is not one of 'all', 'alerts', 'logs'"),
        (
            ("--start", "tomorrow"),
            'Invalid time "tomorrow". Expected now, or such as 2026-03-01T12',
        ),
        (("--start", "9999-12-31"), "events begin between 1970 and 9000. Choose another time."),
        (("--rate", "0"), "0.0 is not in the range"),
        (("--count", "-1"), "-1 is not in the range"),
    ],
)
def test_wrong_use_is_named(words, sentence):
    ran = generate(*words)
    assert ran.code == 2
    assert sentence in " ".join(ran.err.split())


def test_the_page_shows_what_comes_out(tmp_path):
    (shown,) = [each for each in transcript(PAGE) if each.command.endswith("convert")]
    got = run(shown.command, tmp_path)
    assert shown.matches(got), got


@pytest.mark.parametrize("name", ["generate", "receive"])
def test_the_page_has_every_option_and_kind(name, tmp_path):
    shown = run(f"cef-bridge {name} --help", tmp_path)
    options = set(re.findall(r"^ +(?:-\w, )?(--[a-z0-9-]+)", shown, re.MULTILINE)) - {"--help"}
    assert len(options) > 4
    for word in (*options, *KINDS):
        assert re.search(f"`(?:-., `)?{word}[ `]", PAGE), word
