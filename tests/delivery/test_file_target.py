from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time

import commands
import pytest

from cef_bridge.delivery.files import (
    FileError,
    GoneError,
    RotatingFile,
    StandardOutput,
    StoppedWriting,
)

WRITES_FOR_EVER = """
import sys
from cef_bridge.delivery.files import RotatingFile
file = RotatingFile(sys.argv[1], rotate_bytes=300_000, keep=3)
number = 0
while True:
    file.write([b"%07d " % (number + i) + b"x" * 200 for i in range(500)])
    number += 500
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.cef"


@pytest.fixture
def rotating(path):
    made = []

    def make(rotate_bytes=1 << 20, keep=5, at=path):
        made.append(RotatingFile(at, rotate_bytes=rotate_bytes, keep=keep))
        return made[-1]

    yield make
    for file in made:
        file.close()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_messages_are_lines_at_the_end_of_what_is_there(rotating, path):
    path.write_bytes(b"before\n")
    file = rotating()
    file.write([b"a", b"b"])
    file.write([b"c"])
    assert path.read_bytes() == b"before\na\nb\nc\n"


def test_a_new_file_is_not_for_everyone(rotating, path):
    rotating().write([b"a"])
    assert path.stat().st_mode & 0o777 & ~0o640 == 0


def test_a_file_is_renamed_before_it_grows_over_its_size(rotating, tmp_path):
    file = rotating(rotate_bytes=10, keep=2)
    file.write([b"1111", b"2222", b"3333"])  # 5 bytes each, with the line end
    file.write([b"4444"])
    file.write([b"5555", b"6666", b"7777"])
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == {
        "out.cef": b"7777\n",
        "out.cef.1": b"5555\n6666\n",
        "out.cef.2": b"3333\n4444\n",
    }


def test_a_line_longer_than_a_file_may_be_is_not_cut(rotating, path, tmp_path):
    file = rotating(rotate_bytes=10)
    file.write([b"a", b"x" * 30, b"b"])
    assert (tmp_path / "out.cef.2").read_bytes() == b"a\n"
    assert (tmp_path / "out.cef.1").read_bytes() == b"x" * 30 + b"\n"
    assert path.read_bytes() == b"b\n"


def test_none_are_kept_when_none_shall_be(rotating, path, tmp_path):
    file = rotating(rotate_bytes=4, keep=0)
    file.write([b"1111", b"2222", b"3333"])
    assert names(tmp_path) == ["out.cef"]
    assert path.read_bytes() == b"3333\n"


def test_whoever_renames_the_file_finds_a_new_one_begun(rotating, path, tmp_path):
    file = rotating()
    file.write([b"a"])
    path.rename(tmp_path / "by-logrotate")
    file.write([b"b"])
    path.unlink()
    file.write([b"c"])
    assert (tmp_path / "by-logrotate").read_bytes() == b"a\n"
    assert path.read_bytes() == b"c\n"


def test_a_torn_last_line_of_a_killed_run_is_cut_off(rotating, path, caplog):
    path.write_bytes(b"whole\nCEF:0|KubeAr")
    rotating().write([b"next"])
    assert path.read_bytes() == b"whole\nnext\n"
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "12 bytes" in caplog.text


def test_a_file_that_is_not_lines_is_not_cut(rotating, path):
    path.write_bytes(b"\0" * (3 << 20))
    rotating(rotate_bytes=1 << 30).write([b"next"])
    assert path.read_bytes() == b"\0" * (3 << 20) + b"\nnext\n"


def test_a_full_disk_leaves_no_half_line_and_later_takes_the_rest(rotating):
    """A limit on the size of files stands in for the disk: both fail in the middle of a write."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    file = rotating()
    file.write([b"a" * 10])
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(FileError) as caught:
            file.write([b"b" * 100] * 20)
        assert file.path.read_bytes() == b"a" * 10 + b"\n"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert str(caught.value) == (
        f"cannot write {file.path}: the disk is full. Make room; nothing is lost meanwhile."
    )
    file.write([b"b" * 100] * 20)
    assert file.path.read_bytes() == b"a" * 10 + b"\n" + (b"b" * 100 + b"\n") * 20


def test_a_full_device_is_a_sentence(rotating):
    if not os.path.exists("/dev/full"):  # noqa: PTH110  # the fixture makes no file here
        pytest.skip("this system has no /dev/full")
    with pytest.raises(FileError, match="the disk is full"):
        rotating(at="/dev/full").write([b"a"])


def test_a_missing_folder_is_a_sentence(rotating, tmp_path):
    path = tmp_path / "not" / "there"
    with pytest.raises(FileError) as caught:
        rotating(at=path).write([b"a"])
    assert str(caught.value) == f"cannot write {path}: its folder does not exist. Make it."


def test_a_pipe_is_no_file(rotating, path):
    os.mkfifo(path)
    with pytest.raises(FileError, match="it is no file"):
        rotating().write([b"a"])


def test_two_destinations_do_not_share_a_file(rotating, path):
    rotating().write([b"a"])
    with pytest.raises(FileError, match="another destination or another process"):
        rotating().write([b"b"])
    assert path.read_bytes() == b"a\n"


def test_kill_9_leaves_whole_lines_and_everything_that_was_written(path, rotating, tmp_path):
    written = 0
    for _ in range(4):
        with commands.Popen(
            [sys.executable, "-c", WRITES_FOR_EVER, str(path)], stdout=subprocess.PIPE
        ) as process:
            for _ in range(6):
                written = int(process.stdout.readline())
            process.kill()
            written = int(([written, *process.stdout.read().split()])[-1])
        rotating(rotate_bytes=300_000, keep=3).write([b"between"])
        lines = [line for file in tmp_path.iterdir() for line in file.read_bytes().splitlines()]
        assert {len(line) for line in lines} <= {208, len(b"between")}
        assert b"%07d " % (written - 1) + b"x" * 200 in lines
        for file in list(tmp_path.iterdir()):
            file.unlink()


def test_standard_output_gets_lines():
    reader, writer = os.pipe()
    StandardOutput(file=writer).write([b"a", b"b"])
    os.close(writer)
    with os.fdopen(reader, "rb") as read:
        assert read.read() == b"a\nb\n"


def test_standard_output_that_nobody_reads_any_more_ends_the_run():
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(GoneError):
        StandardOutput(file=writer).write([b"a"])
    os.close(writer)


def test_a_reader_that_sleeps_does_not_hold_up_a_stop():
    reader, writer = os.pipe()
    stop = threading.Event()
    output = StandardOutput(stop, file=writer)
    ended = []

    def write():
        with pytest.raises(StoppedWriting):
            output.write([b"x" * (1 << 20)])
        ended.append(True)

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.1)
    assert thread.is_alive()
    stop.set()
    thread.join(5)
    assert ended == [True]
    os.close(reader)
    os.close(writer)


def test_a_slow_reader_of_standard_output_gets_all_of_it():
    reader, writer = os.pipe()
    got = []

    def read():
        while data := os.read(reader, 30_000):
            got.append(data)
            time.sleep(0.001)

    thread = threading.Thread(target=read)
    thread.start()
    messages = [b"%06d" % number * 50 for number in range(5000)]
    StandardOutput(file=writer).write(messages)
    os.close(writer)
    thread.join(20)
    os.close(reader)
    assert b"".join(got) == b"\n".join(messages) + b"\n"


def test_standard_output_into_a_file_on_a_full_disk_leaves_no_half_line(path):
    resource = pytest.importorskip("resource")
    path.write_bytes(b"there\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    file = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(FileError, match="the disk is full"):
            StandardOutput(file=file).write([b"b" * 100] * 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == b"there\n"
    StandardOutput(file=file).write([b"b"])
    os.close(file)
    assert path.read_bytes() == b"there\nb\n"
