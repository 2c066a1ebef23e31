"""The queue's file goes away while it is in use: it is seen, and nothing that it held is lost."""

from __future__ import annotations

import logging
import shutil

import pytest
from queue_help import batch, drained, mark, numbers, opened

from cef_bridge.errors import UsageError
from cef_bridge.queue.lock import Lock
from cef_bridge.queue.queue import DeadLetter, Queue, inspect


def delete(path) -> None:
    path.unlink()


def delete_all(path) -> None:
    for each in path.parent.glob(path.name + "*"):
        each.unlink()


def delete_folder(path) -> None:
    shutil.rmtree(path.parent)


def replace(path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.write_bytes(b"something else\n" * 2000)


@pytest.mark.parametrize("go_away", [delete, delete_all, delete_folder, replace])
def test_what_a_file_held_that_went_away_is_in_the_new_one(tmp_path, go_away, caplog):
    path = tmp_path / "queue" / "siem.queue"
    with opened(path) as queue:
        queue.append([batch(0, 100), batch(100, 100)], [mark(1)], pending={"stream": b"ha"})
        queue.append([], dead=[DeadLetter("event", "why", "here", b"raw")])
        flying = queue.fetch()
        assert queue.trouble() == ""
        go_away(path)
        queue.look_at_file()
        assert queue.trouble()
        assert path.exists()
        queue.append([batch(200, 100)], [mark(2)])
        queue.settle([flying], "confirmed")  # its receipt comes after all
        assert queue.sum().confirmed == 100
        assert inspect(path).status().sum.waiting == 200
        assert not queue.damaged()
    (said,) = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    how = "replaced by another file" if go_away is replace else "deleted"
    assert said.startswith(
        f"{path} was {how} while it was in use. A new file was begun, and 200 messages that waited "
        "copied into it; none is lost"
    )
    with opened(path) as queue:
        assert queue.marks() == {"stream": mark(2)}
        assert queue.pending() == {"stream": b"ha"}
        assert numbers(drained(queue)) == list(range(100, 300))
        assert len(inspect(path).letters()) == 1
    kept = list(path.parent.glob("siem.queue.replaced-*"))
    assert [each.read_bytes()[:14] for each in kept] == [b"something else"] * (go_away is replace)


@pytest.mark.parametrize("go_away", [delete, delete_all, delete_folder, replace])
def test_an_append_sees_by_itself_that_the_file_went_away(tmp_path, go_away):
    path = tmp_path / "queue" / "siem.queue"
    with opened(path) as queue:
        queue.append([batch(0, 10)])
        go_away(path)
        queue.append([batch(10, 10)])
        assert inspect(path).status().sum.waiting == 20
        assert numbers(drained(queue)) == list(range(20))


def test_a_lock_that_went_away_is_taken_again(tmp_path):
    path = tmp_path / "siem.queue"
    with opened(path) as queue:
        (tmp_path / "siem.queue.lock").unlink()
        queue.look_at_file()
        with pytest.raises(UsageError, match="is in use by process"):
            Queue.open(path)


def test_a_queue_that_another_process_took_meanwhile_is_its_own(tmp_path):
    path = tmp_path / "siem.queue"
    with opened(path) as queue:
        lock = tmp_path / "siem.queue.lock"
        lock.unlink()
        other = Lock(lock, path)
        with pytest.raises(UsageError, match="is in use by process"):
            queue.look_at_file()
        other.release()


def test_a_folder_that_cannot_be_made_again_is_trouble_until_it_can(tmp_path, caplog):
    path = tmp_path / "queue" / "siem.queue"
    with opened(path) as queue:
        queue.append([batch(0, 10)])
        shutil.rmtree(path.parent)
        path.parent.write_bytes(b"a file where the folder was")
        queue.look_at_file()
        queue.append([batch(10, 10)])
        assert "no new one can be made" in queue.trouble()
        assert "What waits is lost if this process ends" in caplog.text
        path.parent.unlink()
        queue.look_at_file()
        assert inspect(path).status().sum.waiting == 20
