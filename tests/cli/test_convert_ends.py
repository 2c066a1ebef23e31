"""How a run of `convert` ends before its time: signals, full disks, readers that go away.

Whatever happens, a file has its name only when everything is in it, the counts add up, and what is
said on stderr is said to an operator.
"""

from __future__ import annotations

import json
import os
import pty
import re
import resource
import select
import signal
import subprocess
import time

import commands
import pytest
from running import (
    COMMAND,
    convert,
    counts,
    event,
    events,
    names,
    plain,
    start,
    until_it_handles,
)

from cef_bridge.engine import native

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """Some 60 MB, all different: seconds of work."""
    path = tmp_path_factory.mktemp("big") / "big.json"
    block = [event(number) for number in range(3600)]
    with path.open("wb") as file:
        for turn in range(30):
            file.write(b"\n".join(block).replace(b"/srv/", b"/srv/%d/" % turn) + b"\n")
    return path


def first_line(process: subprocess.Popen[bytes]) -> bytes:
    """Wait until a run is at work: its first message is there."""
    assert select.select([process.stdout], [], [], 60)[0]
    return process.stdout.readline()


def part(folder) -> list[str]:
    return [name for name in names(folder) if name.endswith(".part")]


def wait_for_part(folder, size: int = 1) -> None:
    """Wait until so many bytes were written to a file that has no name yet."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if any((folder / name).stat().st_size >= size for name in part(folder)):
            return
        time.sleep(0.01)
    pytest.fail("nothing was written")


# --- signals


@pytest.mark.parametrize("number", SIGNALS, ids=lambda it: it.name)
def test_a_signal_while_it_waits_for_stdin_leaves_a_correct_summary(number):
    with start() as process:
        # What is written at once may be read in two pieces: the message comes after all the rest.
        process.stdin.write(b"noise\n\n" + events(1) + event(9)[:40])
        process.stdin.flush()
        line = first_line(process)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    told = counts(plain(err.decode()))
    assert process.returncode == 130
    assert told["converted"] == (line + out).count(b"\n") == 1
    assert (told["skipped"], told["blank"], told["rejected"]) == (1, 1, 0)
    assert err.endswith(b"\ninterrupted: these are the results so far\n")


def test_sigint_before_the_first_byte_of_a_pipe_ends_it():
    with start() as process:
        until_it_handles(process, signal.SIGTERM)  # Python itself handles SIGINT
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert counts(plain(err.decode()))["lines"] == 0


@pytest.mark.parametrize("number", SIGNALS, ids=lambda it: it.name)
def test_a_signal_in_a_big_file_leaves_counts_that_equal_the_lines_written(tmp_path, big, number):
    report, out = tmp_path / "r.json", tmp_path / "out"
    with out.open("wb") as file, start(big, "--report", report, stdout=file) as process:
        until = time.monotonic() + 60
        while out.stat().st_size < 1 << 20 and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(number)
        err = process.communicate(timeout=60)[1]
    told = counts(plain(err.decode()))
    assert process.returncode == 130
    written = out.read_bytes()
    assert 0 < told["converted"] == written.count(b"\n") < 108_000
    assert written.endswith(b"\n")
    stated = json.loads(report.read_bytes())
    assert stated["complete"] is False
    assert sum(stated["types"].values()) == stated["converted"] == told["converted"]
    (read,) = stated["inputs"]
    assert (read["lines"], read["sha256"]) == (told["lines"], None)


def test_sigint_leaves_the_old_output_and_says_that_no_new_one_was_written(tmp_path, big):
    out = tmp_path / "out.cef"
    out.write_bytes(b"old\n")
    with start(big, "-o", out) as process:
        wait_for_part(tmp_path, 1 << 18)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130
    assert plain(err).endswith(f"; {out} was not written\n")
    assert counts(err)["converted"] > 0
    assert out.read_bytes() == b"old\n"
    assert names(tmp_path) == ["out.cef"]


def test_a_second_sigint_ends_at_once_though_nobody_reads(tmp_path, big):
    with start(big, "--rejects", tmp_path / "bad", "--report", tmp_path / "r") as process:
        first_line(process)
        time.sleep(0.3)  # the pipe is full now: it waits for whoever reads
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        err = plain(process.stderr.read().decode())
    assert err.startswith("interrupted again: ended at once")
    assert names(tmp_path) == []


def test_nohup_is_respected():
    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with start(preexec_fn=ignore) as process:
        process.stdin.write(event(0) + b"\n")
        process.stdin.flush()
        first_line(process)
        process.send_signal(signal.SIGHUP)
        out, err = process.communicate(event(1) + b"\n", timeout=60)
    assert (process.returncode, counts(err.decode())["converted"]) == (0, 2)
    assert out.count(b"\n") == 1


def test_a_message_is_written_as_soon_as_its_event_is_there():
    with start() as process:
        for number in range(3):
            process.stdin.write(event(number) + b"\n")
            process.stdin.flush()
            assert f"/srv/file-{number} ".encode() in first_line(process)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, b"")
    assert plain(err.decode())


# --- the output file


def test_kill_9_leaves_the_old_output_under_its_name(tmp_path, big):
    out = tmp_path / "out.cef"
    out.write_bytes(b"old\n")
    with start(big, "-o", out) as process:
        wait_for_part(tmp_path, 1 << 18)
        process.kill()
    assert out.read_bytes() == b"old\n"


@pytest.mark.parametrize("target", ["-o", "--rejects"])
def test_a_full_disk_ends_with_1_and_leaves_the_old_file(tmp_path, target):
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    out = tmp_path / "out"
    out.write_bytes(b"old\n")
    ran = convert(
        "--strict", target, out, stdin=events(3000) + b"noise\n" * 3000, preexec_fn=limited
    )
    assert ran.code == 1
    assert ran.err == (
        f"cef-bridge: cannot write {out}: the disk is full after 100,000 bytes. "
        "The file itself was not touched\n"
    )
    assert out.read_bytes() == b"old\n"
    assert names(tmp_path) == ["out"]


def test_a_disk_that_is_full_indeed_leaves_the_old_file(tmp_path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("a small file system can only be mounted by root")
    try:
        (tmp_path / "out").write_bytes(b"old\n")
        ran = convert("-o", tmp_path / "out", stdin=events(3000))
        assert ran.code == 1
        assert "the disk is full after" in ran.err
        assert (tmp_path / "out").read_bytes() == b"old\n"
        assert names(tmp_path) == ["out"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("words", [[], ["-o", "-"], ["-o", "/dev/stdout"], ["-o", "/dev/full"]])
def test_dev_full_ends_with_1_and_a_sentence(words):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        ran = convert(*words, stdin=events(10), stdout=full)
    assert ran.code == 1
    where = "/dev/full: the disk is full after 0 bytes" if "/dev/full" in words else None
    assert (
        ran.err
        == f"cef-bridge: cannot write {where or 'to standard output: No space left on device'}\n"
    )


def test_stdout_by_its_name_is_stdout(tmp_path):
    for words in (["-o", "-"], ["-o", "/dev/stdout"], ["-o", "/dev/stderr"]):
        path = tmp_path / "out"
        with path.open("wb") as file:
            os.write(file.fileno(), b"before\n")
            pipes = {"stdout": file, "stderr": subprocess.STDOUT}
            commands.run([COMMAND, "convert", *words], input=event(), check=True, **pipes)
            os.write(file.fileno(), b"after\n")
        before, message, summary, after = path.read_text().splitlines()
        assert (before, message[:6], after) == ("before", "CEF:0|", "after")
        assert counts(summary)["converted"] == 1


def test_output_to_a_pipe_is_written_straight(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with start("-o", tmp_path / "pipe") as process:
        process.stdin.write(events(10))
        process.stdin.close()
        assert (tmp_path / "pipe").read_bytes().count(b"\n") == 10
        assert process.wait(timeout=60) == 0


def test_standard_output_may_not_be_an_input(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(events(3))
    with path.open("ab") as file:
        ran = convert(path, stdout=file)
    assert (ran.code, path.read_bytes()) == (2, events(3))
    assert ran.err.startswith("cef-bridge: standard output goes to a file that is an input.")
    with path.open("ab") as file, path.open("rb") as stdin:
        assert convert(stdin=stdin.fileno(), stdout=file).code == 2
    assert path.read_bytes() == events(3)


# --- readers that go away


@pytest.mark.parametrize("words", ["", "-o -", "-o /dev/stdout", "--rejects bad --report r"])
def test_a_reader_that_goes_away_is_no_error(tmp_path, big, words):
    shell = f'"$0" convert "$1" {words} | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", shell, COMMAND, str(big)],
        check=True,
        capture_output=True,
        timeout=60,
        cwd=tmp_path,
    )
    message, code = done.stdout.decode().splitlines()
    assert message.startswith("CEF:0|")
    assert (code, done.stderr) == ("141", b"")
    assert names(tmp_path) == []


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"])
def test_without_a_stderr_the_messages_come_all_the_same(stream):
    done = subprocess.run(
        ["bash", "-c", f'"$0" convert {stream}; echo $?', COMMAND],
        input=event() + b'\n{"Type":"x","Operation":}\n',
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert done.stdout.startswith(b"CEF:0|")
    assert done.stdout.endswith(b"\n3\n")
    assert done.stderr == b""


def test_without_a_stdout_it_says_so():
    done = subprocess.run(
        ["bash", "-c", '"$0" convert >&-', COMMAND], check=False, input=b"", capture_output=True
    )
    assert done.returncode == 2
    assert done.stderr == b"cef-bridge: standard output is closed. Name a file instead.\n"


def test_without_a_stdin_it_says_so():
    done = subprocess.run(
        ["bash", "-c", '"$0" convert <&-', COMMAND], check=False, capture_output=True
    )
    assert done.returncode == 3
    assert "it cannot be opened: standard input is closed" in plain(done.stderr.decode())


# --- the progress bar


def at_a_terminal(*words: object, **env: str) -> tuple[bytes, str]:
    """Run with a terminal as stderr; return stdout and what the terminal got."""
    ours, theirs = pty.openpty()
    shown = b""
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", **env}
    with start(*words, stderr=theirs, stdin=subprocess.DEVNULL, env=env) as process:
        os.close(theirs)
        out: list[bytes] = []
        streams = [ours, process.stdout.fileno()]
        while streams:
            for stream in select.select(streams, [], [], 60)[0]:
                try:
                    data = os.read(stream, 1 << 16)
                except OSError:  # the other end of a terminal has gone
                    data = b""
                if not data:
                    streams.remove(stream)
                elif stream == ours:
                    shown += data
                else:
                    out.append(data)
        os.close(ours)
    assert process.returncode == 0
    return b"".join(out), plain(shown.decode())


def test_a_terminal_sees_a_bar_with_rate_and_time_left_and_stdout_stays_clean(big):
    out, shown = at_a_terminal(big)
    assert "\x1b[" in shown
    assert "big.json" in shown
    if native.load() is not None:
        assert "MiB/s" in shown or "MB/s" in shown
        assert "0:00:0" in shown
    else:  # Python alone may take minutes, at kB a second
        assert re.search(r"\d+(\.\d+)? [kM]i?B/s", shown)
        assert re.search(r"\d:\d\d:\d\d", shown)
    assert "━" in shown
    assert (
        counts(shown.replace("\r\n", "\n").rpartition("\x1b")[2].partition("K")[2])["lines"]
        == 108_000
    )
    assert out.count(b"\n") == 108_000
    assert b"\x1b" not in out


def test_no_colour_and_no_bar_where_they_are_not_wanted(tmp_path):
    path = tmp_path / "in.json"
    path.write_bytes(events(10))
    _, shown = at_a_terminal(path, "--no-progress")
    assert "\x1b" not in shown
    assert "━" not in shown
    _, shown = at_a_terminal(path, NO_COLOR="1")
    colours = [
        code
        for code in shown.split("\x1b[")[1:]
        if code.partition("m")[0].replace(";", "").isdigit()
    ]
    assert [code for code in colours if code.startswith(("3", "9"))] == []
    ran = convert(path)
    assert "\x1b" not in ran.err


def test_debug_is_taken_before_and_behind_the_command():
    for words in (["--debug", "convert", "no/such"], ["convert", "no/such", "--debug"]):
        done = commands.run([COMMAND, *words], check=False, capture_output=True, timeout=60)
        assert done.returncode == 1
        assert b"Traceback" in done.stderr
    assert convert("--", "--debug").code == 2
