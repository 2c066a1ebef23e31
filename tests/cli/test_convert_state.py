"""`convert --checkpoint`: a run that was interrupted goes on, and nobody can tell from what it wrote."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from resumes import Archive, resumed_until_done, slow
from running import convert, counts, events, names, plain, until_it_handles

STATE = "state.json"


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


@pytest.fixture
def stopped(archive):
    """A run by one thread that was interrupted in the middle."""
    with slow(archive, "-j", 1) as process:
        archive.wait_for(300_000)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130
    archive.said = plain(err)
    return archive


def test_without_an_interruption_nothing_is_left_but_what_was_asked_for(archive):
    ran = archive.convert("-j", 1)
    assert ran.code == 3
    assert archive.written() == archive.expected
    assert names(archive.folder) == archive.names


@pytest.mark.parametrize("jobs", [1, 2])
def test_after_sigint_the_same_command_goes_on(stopped, jobs):
    assert stopped.said.endswith("out.cef was not written; run the same command to resume\n")
    done = counts(stopped.said)["lines"]
    status = (stopped.folder / STATE).stat()
    assert status.st_mode & 0o777 == 0o600
    ran = stopped.convert("-j", jobs)
    assert ran.code == 3
    first = ran.err.splitlines()[0]
    assert first.startswith("resuming: ")
    assert 0 < int(first.split()[1].replace(",", "")) <= done
    assert stopped.written() == stopped.expected
    assert names(stopped.folder) == stopped.names


def test_a_run_that_is_interrupted_again_and_again_comes_to_its_end(archive):
    def interrupt(process, turn: int) -> None:
        until_it_handles(process, signal.SIGTERM)
        time.sleep(0.1 + 0.1 * (turn % 3))
        process.send_signal(signal.SIGTERM if turn % 2 else signal.SIGINT)

    assert resumed_until_done(archive, interrupt, 4) >= 1
    assert archive.written() == archive.expected


# --- what must not be gone on with


def test_another_command_is_told_what_differs(stopped):
    def refused(*words: object, base: list[str] | None = None) -> str:
        ran = stopped.convert(*words, base=base)
        assert (ran.code, ran.out) == (2, b"")
        assert ran.err.startswith("cef-bridge: state.json was written ")
        assert "Delete state.json to start over, or run the original command." in ran.err
        return ran.err.partition("written ")[2].partition(". What")[0]

    assert refused("--max-record", "2M") == "with another --max-record: 1048576, and now 2097152"
    assert refused("--strict") == "with another --strict: off, and now on"
    assert refused("-m", "splunk") == "with another mapping, or this one has changed since"
    assert refused("--assume-time", "now").startswith("with another --assume-time: none, and now 1")
    assert refused(base=["a.gz"]) == "of other inputs"
    (stopped.folder / "big.json").write_bytes(events(3))
    changed = "when big.json was another file, or had another content"
    assert refused() == changed


def test_a_partial_file_that_is_gone_or_shorter_is_told(stopped):
    (partial,) = [name for name in names(stopped.folder) if name.startswith(".out.cef")]
    path = stopped.folder / partial
    os.truncate(path, 100)
    ran = stopped.convert()
    assert ran.code == 2
    assert f"{partial}, what was written so far, has 100 bytes where there were " in ran.err
    path.unlink()
    ran = stopped.convert()
    assert ran.code == 2
    assert f"{partial}, what was written so far, is gone. Delete state.json to start" in ran.err
    (stopped.folder / STATE).unlink()
    assert stopped.convert().code == 3
    assert stopped.written() == stopped.expected


def test_the_time_that_is_assumed_is_the_one_at_which_the_run_began(archive):
    words = ("-j", 1, "--assume-time", "now")
    with slow(archive, *words) as process:
        archive.wait_for(300_000)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    began = json.loads((archive.folder / STATE).read_bytes())["asked"]["assume-time"]
    assert archive.convert(*words).code == 3
    times = (archive.folder / "out.cef").read_text().count(f"|rt={began // 1000} ")
    assert times == archive.timeless


def test_a_run_that_was_killed_before_its_outputs_had_their_names_gives_them(archive):
    archive.convert("-j", 1)
    with slow(archive, "-j", 1, hang="all") as process:
        until = time.monotonic() + 60
        while time.monotonic() < until and not archive.complete():
            time.sleep(0.01)
        process.kill()
    ran = archive.convert("-j", 1)
    assert "all was converted" in ran.err
    assert archive.written() == archive.expected
    assert names(archive.folder) == archive.names


def test_a_run_that_was_killed_between_its_outputs_leaves_no_half_of_the_last(archive):
    with slow(archive, "-j", 1, hang="report.json") as process:
        until = time.monotonic() + 60
        while time.monotonic() < until and not (archive.folder / "bad.jsonl").exists():
            time.sleep(0.01)
        process.kill()
    assert list(archive.folder.glob(".report.json.*.part"))
    assert archive.convert("-j", 1).code == 3
    assert archive.written() == archive.expected
    assert names(archive.folder) == archive.names


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--checkpoint needs -o FILE: only a file can be resumed."),
        (["-o", "/dev/null"], "--checkpoint needs -o FILE"),
        (["-o", "o", "--rejects", "/dev/null"], "--checkpoint needs a file for --rejects, too"),
        (["-o", "o", "-"], "stdin cannot be read again from where a run stopped"),
        (["-o", STATE], "state.json is needed for the state. Name another file."),
        (["-o", "o", "--checkpoint", "no/such"], "cannot write no/such: its folder does not exist"),
        (
            ["-o", "o", "--checkpoint", "in.json"],
            "no file matches|no such|is not a checkpoint file|nothing",
        ),
    ],
)
def test_what_cannot_be_resumed_ends_with_2(tmp_path, words, said):
    (tmp_path / "in.json").write_bytes(events(2))
    if "in.json" in words:
        words, said = [*words, "other"], "is not a checkpoint file of this version of convert."
        (tmp_path / "other").write_bytes(events(2))
    given = [] if "-" in words or "other" in words else ["in.json"]
    ran = convert("--checkpoint", STATE, *given, *words, cwd=tmp_path)
    assert ran.code == 2
    assert said in ran.err
    assert not (tmp_path / "o").exists()
    assert (tmp_path / "in.json").read_bytes() == events(2)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"cef-bridge convert --state": 1}', "nö"])
def test_a_foreign_state_file_is_not_overwritten(tmp_path, text):
    (tmp_path / "in.json").write_bytes(events(2))
    (tmp_path / STATE).write_text(text)
    ran = convert("--checkpoint", STATE, "in.json", "-o", "out", cwd=tmp_path)
    assert ran.code == 2
    assert "state.json is not a checkpoint file of this version of convert." in ran.err
    assert (tmp_path / STATE).read_text() == text
    assert names(tmp_path) == ["in.json", STATE]


def test_the_state_file_may_lie_among_the_inputs(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(events(3))
    (tmp_path / "in" / STATE).write_text("x")
    ran = convert("--checkpoint", f"in/{STATE}", "in", "-o", "out", cwd=tmp_path)
    assert "is not a checkpoint file" in ran.err
    (tmp_path / "in" / STATE).unlink()
    ran = convert("--checkpoint", f"in/{STATE}", "in", "-o", "out", cwd=tmp_path)
    assert (ran.code, ran.counts["converted"]) == (0, 3)
