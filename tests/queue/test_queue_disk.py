"""A full disk: a small one of our own, full of the queue, or filled by someone else."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time

import pytest
from queue_help import batch, drained, mark, numbers, opened

from cef_bridge.errors import CefBridgeError

SIZE = 8 << 20
RESERVE = 1 << 20
ROW = 100


@pytest.fixture
def disk(tmp_path):
    """A file system of 8 MiB; needs the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        mounted = (
            os.geteuid() == 0
            and not subprocess.run(mount, capture_output=True, check=False).returncode
        )
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a small file system cannot be mounted here: that takes root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def load(row: int):
    return [batch(row * ROW, ROW, size=900)]


def fill_up(folder) -> None:
    """Take all the space that is left, as another program would."""
    with (folder / "other").open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def test_under_block_appends_wait_on_a_full_disk_and_go_on_when_it_is_drained(disk, caplog):
    with opened(disk / "a.queue", reserve=RESERVE) as queue:
        total = 300  # rows; about 15 MiB
        feeder = threading.Thread(
            target=lambda: [queue.append(load(row), [mark(row)]) for row in range(total)]
        )
        feeder.start()
        deadline = time.monotonic() + 60
        while "the disk is full" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.01)
        assert feeder.is_alive()
        stuck = queue.sum()
        assert 0 < stuck.accepted < total * ROW
        assert queue.marks()["stream"] == mark(stuck.accepted // ROW - 1)
        got: list[int] = []
        while len(got) < total * ROW:
            assert queue.wait(30)
            stored = queue.fetch()
            if stored is not None:
                got += numbers(stored.messages)
                queue.settle([stored], "confirmed")
        feeder.join(30)
        assert got == list(range(total * ROW))
        queue.housekeeping()
        assert queue.bytes() < 1 << 19
        assert (disk / "a.queue.reserve").stat().st_size == RESERVE
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "the disk is full; sources that can wait do so until messages are sent" in caplog.text


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest", "drop_telemetry_first"])
def test_under_the_other_policies_nothing_waits_and_every_drop_is_counted(disk, policy):
    total = 300
    with opened(disk / "a.queue", reserve=RESERVE, policy=policy) as queue:
        for row in range(total):
            queue.append(load(row), [mark(row)], counts={"received": ROW})
            assert queue.sum().holds()
        found = queue.sum()
        assert found.accepted == queue.totals()["received"] == total * ROW
        assert found.waiting + found.dropped["disk-full"] == total * ROW
        assert found.waiting > 10 * ROW
        assert queue.marks() == {"stream": mark(total - 1)}
    with opened(disk / "a.queue", reserve=RESERVE, policy=policy) as queue:
        assert queue.sum() == found
        assert queue.marks() == {"stream": mark(total - 1)}
        got = numbers(drained(queue))
        assert len(got) == found.waiting
        assert got == sorted(got)
        if policy != "drop_newest":
            assert got[-1] == total * ROW - 1  # the newest stayed
        else:
            assert got[:ROW] == list(range(ROW))


def test_what_is_settled_can_be_deleted_on_a_disk_that_others_have_filled(disk):
    with opened(disk / "a.queue", reserve=RESERVE) as queue:
        for row in range(40):
            queue.append(load(row), [mark(row)])
        fill_up(disk)
        queue.stop_waiting()
        assert len(drained(queue)) == 40 * ROW
        assert queue.sum().confirmed == 40 * ROW
    with opened(disk / "a.queue", reserve=RESERVE) as queue:
        assert queue.sum().confirmed == 40 * ROW
        assert queue.fetch() is None


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_drops_are_remembered_where_the_disk_has_no_room_even_for_the_note(disk, policy):
    with opened(disk / "a.queue", reserve=0, policy=policy) as queue:
        for row in range(10):
            queue.append(load(row), [mark(row)])
        fill_up(disk)
        for row in range(10, 40):
            queue.append(load(row), [mark(row)], counts={"received": ROW})
            assert queue.sum().holds()
        assert queue.sum().accepted == 40 * ROW
        assert queue.sum().dropped["disk-full"] >= 20 * ROW
        (disk / "other").unlink()
        queue.append(load(40), [mark(40)])
        found = queue.sum()
    with opened(disk / "a.queue", reserve=0, policy=policy) as queue:
        assert queue.sum() == found
        assert queue.marks() == {"stream": mark(40)}
        assert queue.totals()["received"] == 30 * ROW


def test_a_queue_cannot_be_made_on_a_full_disk_and_a_sentence_says_so(disk):
    fill_up(disk)
    with pytest.raises(CefBridgeError) as error, opened(disk / "a.queue"):
        pass
    assert "the disk is full" in str(error.value).lower() or "No space left" in str(error.value)
