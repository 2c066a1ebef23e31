"""The files of a queue: whose they are, who may have them, and how large they become."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import threading
import tracemalloc

import commands
import pytest
from queue_help import batch, drained, opened, texts

from cef_bridge.errors import UsageError
from cef_bridge.queue import schema
from cef_bridge.queue.queue import TELEMETRY, DeadLetter, MessageBatch, Queue, inspect


def test_all_files_are_for_their_owner_alone_and_so_is_the_folder(tmp_path):
    before = os.umask(0)
    try:
        with opened(tmp_path / "new" / "queue" / "a.queue") as queue:
            queue.append([batch(0, 10)])
            names = {
                path.name: stat.S_IMODE(path.stat().st_mode) for path in queue.path.parent.iterdir()
            }
            folder = stat.S_IMODE(queue.path.parent.stat().st_mode)
    finally:
        os.umask(before)
    beside = ("", "-wal", "-shm", ".lock", ".reserve")
    assert names == {f"a.queue{suffix}": 0o600 for suffix in beside}
    assert folder == 0o700


def test_a_second_opener_is_told_which_process_has_the_queue(tmp_path):
    path = tmp_path / "a.queue"
    with opened(path) as queue:
        queue.append([batch(0, 1)])
        program = (
            "import sys; from pathlib import Path; from cef_bridge.queue.queue import Queue\n"
            "try: Queue.open(Path(sys.argv[1]))\n"
            "except Exception as error: print(error)\n"
        )
        said = commands.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
        ).stdout
        with pytest.raises(UsageError) as error:
            Queue.open(path)
        assert (
            said.strip()
            == str(error.value)
            == (
                f"{path} is in use by process {os.getpid()}. A queue belongs to one forwarder: stop "
                "that one, or give this one a folder of its own with --queue"
            )
        )
        assert inspect(path).status().process == os.getpid()
    assert inspect(path).status().process is None
    with opened(path) as queue:
        assert queue.sequence == 1


def test_the_lock_goes_with_its_process(tmp_path):
    path = tmp_path / "a.queue"
    program = (
        "import os, sys; from pathlib import Path; from cef_bridge.queue.queue import Queue\n"
        "queue = Queue.open(Path(sys.argv[1])); os.kill(os.getpid(), 9)\n"
    )
    ended = commands.run([sys.executable, "-c", program, str(path)], check=False)
    assert ended.returncode == -9
    with opened(path) as queue:
        assert queue.sequence == 0


def test_a_queue_of_another_format_is_put_aside_as_it_is_with_what_to_do(tmp_path, caplog):
    path = tmp_path / "a.queue"
    with opened(path) as queue:
        queue.append([batch(0, 1)])
    set_version(path, 2, "ALTER TABLE facts ADD COLUMN later TEXT")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="its format is 2"):
        inspect(path).status()
    with opened(path) as queue:
        assert queue.sum().accepted == 0
        assert queue.damaged()
        queue.append([batch(0, 3)])
        assert len(drained(queue)) == 3
    (kept,) = tmp_path.glob("a.queue.format-2-*")
    assert kept.read_bytes() == before
    (said,) = [each.getMessage() for each in caplog.records]
    assert said == (
        f"{path} was written by another version of cef-bridge (its format is 2, this one reads 1). "
        f"It is kept as {kept}, and a new queue begins. To send what is in it, move it into a "
        "folder of its own as a.queue, and run the version that wrote it with --queue FOLDER"
    )


@pytest.mark.parametrize("version", [0, 2, 3, 7])
def test_a_queue_of_another_format_with_the_same_tables_is_read(tmp_path, version):
    path = tmp_path / "a.queue"
    with opened(path) as queue:
        queue.append([batch(0, 5)])
    set_version(path, version)
    with opened(path) as queue:
        assert drained(queue) == texts(0, 5)


def set_version(path, version: int, *statements: str) -> None:
    with sqlite3.connect(path) as file:
        for statement in statements:
            file.execute(statement)
        file.execute(f"PRAGMA user_version = {version}")
    file.close()


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as error:
        Queue.open(tmp_path / "file" / "a.queue")
    assert str(error.value).startswith(f"{tmp_path}/file/a.queue cannot be opened: ")


def test_a_folder_in_the_place_of_a_queue_is_named(tmp_path):
    (tmp_path / "a.queue").mkdir()
    with pytest.raises(UsageError, match="is a folder; a queue is a file"):
        Queue.open(tmp_path / "a.queue")


def test_the_file_is_made_as_measured(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        asked = ("page_size", "auto_vacuum", "journal_mode", "synchronous", "secure_delete")
        writer = queue._core.store.writer  # noqa: SLF001  # settings of a connection
        found = [writer.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]
        assert found == [schema.PAGE, 2, "wal", 2, 0]
        assert inspect(queue.path)._connect(writes=False).close() is None  # noqa: SLF001


def test_file_and_log_shrink_again_once_a_large_backlog_is_sent(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        messages = texts(0, 500, 900)
        for _ in range(400):  # 200,000 messages; each row about 250 kB
            queue.append([MessageBatch(TELEMETRY, messages)])
        full = queue.bytes()
        assert full > 80 << 20
        largest = 0
        wal = schema.beside(queue.path, "-wal")
        flying = []
        while stored := queue.fetch():
            flying.append(stored)
            if len(flying) == 20:
                queue.settle(flying, "confirmed")
                flying = []
                largest = max(largest, schema.size(wal))
        queue.settle(flying, "confirmed")
        assert largest <= 16 << 20
        assert queue.bytes() <= full + largest
        queue.housekeeping()
        assert schema.size(wal) == 0
        assert queue.bytes() < 1 << 19
        assert queue.sum().confirmed == 200_000


def test_housekeeping_stops_when_there_is_something_to_send(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        for first in range(0, 4000, 100):
            queue.append([batch(first, 100, size=900)])
        queue.housekeeping()
        assert queue.sum().waiting == 4000
        assert len(drained(queue)) == 4000


def test_fetching_holds_one_batch_in_memory_however_large_the_backlog(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        messages = texts(0, 500, 900)
        size = sum(map(len, messages))
        for _ in range(100):
            queue.append([MessageBatch(TELEMETRY, messages)])
        tracemalloc.start()
        try:
            while stored := queue.fetch():
                queue.settle([stored], "confirmed")
            del stored
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 6 * size  # the batch compressed, joined and cut, and the one before it


def test_a_reader_from_outside_does_not_stop_the_log_from_being_cut(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        ended = threading.Event()

        def look() -> None:
            while not ended.is_set():
                assert inspect(queue.path).status().sum.holds()
                inspect(queue.path).peek(count=3)

        looker = threading.Thread(target=look)
        looker.start()
        for first in range(0, 20_000, 100):
            queue.append([batch(first, 100, size=900)])
            queue.settle([queue.fetch()], "confirmed")
        ended.set()
        looker.join()
        queue.housekeeping()
        assert schema.size(schema.beside(queue.path, "-wal")) == 0


def test_a_lock_held_by_a_look_for_a_moment_keeps_no_forwarder_out(tmp_path):
    path = tmp_path / "a.queue"
    Queue.open(path).close()
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            inspect(path).status()

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(10):
            Queue.open(path, reserve=0).close()
    finally:
        ended.set()
        looker.join()


def test_replay_from_another_process_waits_for_a_forwarder_that_writes(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        dead = [DeadLetter("message", "why", "here", text) for text in texts(0, 50)]
        queue.append([], dead=dead)
        assert queue.sum().dead_lettered == 50
        ended = threading.Event()

        def write() -> None:
            first = 1000
            while not ended.is_set():
                queue.append([batch(first, 10)])
                first += 10

        writer = threading.Thread(target=write)
        writer.start()
        program = (
            "import sys; from pathlib import Path; from cef_bridge.queue.queue import inspect\n"
            "print(inspect(Path(sys.argv[1])).replay())\n"
        )
        said = commands.run(
            [sys.executable, "-c", program, str(queue.path)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        ended.set()
        writer.join()
        assert said == "50\n"
        assert queue.take_replays() == []
        assert queue.sum().dead_lettered == 0
        assert queue.sum().holds()
        assert set(texts(0, 50)) <= set(drained(queue))
