"""Files that are renamed, cut, replaced, packed and deleted while they are read, or in between.

In each test every line is numbered; the set of lines read is the set of lines written, none twice.
"""

from __future__ import annotations

import errno
import gzip
import os
import random
import resource
import shutil
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from following import Store
from test_archives import PACKERS
from test_follow import append, lines, text

from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.sources.feed import Arrival
from cef_bridge.sources.files import file_watcher, follow_folders
from cef_bridge.sources.files.follow import Follow
from cef_bridge.sources.files.follow_folders import _listed
from cef_bridge.sources.records.blocks import Block


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b"")
    return path


def rename(log: Path, keep: int = 30) -> None:
    """Rotate as logrotate does with `create`: app.log.1 becomes app.log.2, and so on."""
    for number in range(keep, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))
    log.write_bytes(b"")


def copytruncate(log: Path) -> None:
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)


def check(store: Store, count: int, size: int = 100) -> None:
    wrong = Counter(store.lines)
    wrong.subtract(lines(0, count, size))
    assert not {line: number for line, number in wrong.items() if number}
    assert not store.notices


# While it is followed


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
def test_a_renamed_file_is_read_to_its_end_before_the_new_one(log, store, pattern):
    append(log, text(0, 10, 100))
    steps = iter([
        lambda: (append(log, text(10, 20, 100)), rename(log), append(log, text(20, 30, 100))),
        # whoever had it open writes on for a while
        lambda: append(log.with_name("app.log.1"), text(30, 40, 100)),
    ])  # fmt: skip

    def until() -> bool:
        if len(store.lines) in (10, 30):
            next(steps, lambda: None)()
        return len(store.lines) == 40

    store.run(log.with_name(pattern), until=until, linger=5)
    assert store.lines[:30] == lines(0, 30, 100)
    check(store, 40)
    assert set(store.names) == {str(log)}


def test_the_mark_of_a_renamed_file_is_forgotten_when_it_is_over(log, store):
    append(log, text(0, 10, 100))
    store.quiet(log)
    (old,) = store.marks
    rename(log)
    store.run(log, until=lambda: store.ended)
    append(log, text(10, 20, 100))
    store.run(log, until=store.has(20))
    assert store.ended == [str(log)]
    assert old not in store.marks
    assert len(store.marks) == 1
    check(store, 20)


def test_a_deleted_file_is_read_to_its_end_and_with_its_partial_line(log, store):
    append(log, text(0, 10, 100))

    def until() -> bool:
        if len(store.lines) == 10 and log.exists():
            append(log, text(10, 20, 100)[:-1])
            log.unlink()
        return bool(store.ended)

    store.run(log, until=until)
    check(store, 20)
    assert store.marks == {}


def test_a_recreated_file_is_a_new_one_even_with_the_inode_of_the_old(log, store):
    def until() -> bool:
        count = len(store.lines)
        if not count % 10 and count < 50 and until.wrote != count:
            until.wrote = count
            log.unlink()
            append(log, text(count, count + 10, 100))
        return count == 50

    until.wrote = -1
    store.run(log, until=until)
    check(store, 50)


@pytest.mark.parametrize("pack", [None, *PACKERS.values()], ids=["copy", *PACKERS])
def test_what_copytruncate_cut_before_it_was_read_is_found_in_the_copy(log, store, pack):
    append(log, text(0, 10, 100))

    def until() -> bool:
        if len(store.lines) == 10:
            append(log, text(10, 20, 100))
            copytruncate(log)
            if pack:
                copy = log.with_name("app.log.1")
                log.with_name("app.log.1.z").write_bytes(pack(copy.read_bytes()))
                copy.unlink()
            append(log, text(20, 30, 100))
        return len(store.lines) == 30

    store.run(log, until=until)
    check(store, 30)


def test_what_copytruncate_cut_and_nobody_kept_is_a_notice(log, store):
    append(log, text(0, 10, 100))

    def until() -> bool:
        if len(store.lines) == 10 and not store.notices:
            os.truncate(log, 0)
            append(log, text(10, 20, 100))
        return len(store.lines) == 20

    store.run(log, until=until)
    (notice,) = store.notices
    assert notice.text == (
        f"{log}: the file was cut (copytruncate?) after {10 * 103:,} bytes of it had been read; "
        "whatever was written behind that place is lost"
    )
    assert (notice.name, notice.reason, notice.lost) == (str(log), "copytruncate", None)
    assert store.lines == lines(0, 20, 100)


def test_a_file_that_was_cut_and_is_longer_again_is_not_read_in_its_middle(log, store):
    append(log, text(0, 10, 100))

    def until() -> bool:
        if len(store.lines) == 10:
            copytruncate(log)
            append(log, text(10, 40, 100))
        return len(store.lines) == 40

    store.run(log, until=until)
    check(store, 40)


def test_a_writer_that_leaves_a_hole_loses_nothing(log, store):
    """Without O_APPEND it goes on where it was: the file begins with zeros after copytruncate."""
    with log.open("wb", buffering=0) as writer:
        writer.write(text(0, 2000, 100))

        def until() -> bool:
            if len(store.lines) == 2000:
                copytruncate(log)
                writer.write(text(2000, 2010, 100))
            return len(store.lines) == 2010

        store.run(log, until=until)
    store.lines = [line.lstrip(b"\0") for line in store.lines]
    check(store, 2010)


def test_a_link_that_switches_is_followed_to_the_new_file(tmp_path, store):
    """As /var/log/containers/*.log lead to a pod's 0.log, 1.log."""
    pods = tmp_path / "pods"
    pods.mkdir()
    link = tmp_path / "c.log"
    (pods / "0.log").write_bytes(text(0, 10, 100))
    link.symlink_to("pods/0.log")

    def until() -> bool:
        if len(store.lines) == 10:
            append(pods / "0.log", text(10, 20, 100))
            (pods / "1.log").write_bytes(text(20, 30, 100))
            (tmp_path / "new").symlink_to("pods/1.log")
            (tmp_path / "new").rename(link)
        return len(store.lines) == 30

    store.run(link, until=until)
    check(store, 30)
    assert store.lines == lines(0, 30, 100)


def test_a_file_that_was_closed_is_found_again_where_it_was_moved(log, store):
    others = [log.with_name(f"other{number}.log") for number in range(6)]
    for other in others:
        other.write_bytes(b"")
    append(log, text(0, 10, 100))

    def until() -> bool:
        if len(store.lines) == 10:
            append(log, text(10, 20, 100))
            rename(log)
            append(log, text(20, 30, 100))
        return len(store.lines) == 30

    store.run(log, *others, until=until, max_open=2)
    check(store, 30)


@pytest.fixture
def _few_descriptors():
    """As `ulimit -n 1024` does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Thousands:
    """Many files that are followed, and what reading them takes."""

    def __init__(self, count: int, folder: Path, store: Store, monkeypatch) -> None:
        self.files = [folder / f"pod.{number}.log" for number in range(count)]
        self.store, self.listed, self.most, self._written = store, 0, 0, 0
        self.write()
        self._stream = store.follow(folder / "*.log", max_open=2000)
        monkeypatch.setattr(follow_folders, "_listed", self._list)

    def _list(self, path: str) -> set:
        self.listed += 1
        return _listed(path)

    def write(self) -> None:
        for path in self.files:
            append(path, text(self._written, self._written + 1, 100))
            self._written += 1

    def read(self) -> None:
        while len(self.store.lines) < self._written:
            for _ in range(10):
                self.store.take(next(self._stream))
            self.most = max(self.most, sum(1 for _ in Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            self.store.take(next(self._stream))

    def check(self, caplog: pytest.LogCaptureFixture) -> None:
        self.read()
        self._stream.close()
        check(self.store, self._written)
        assert self.most < 1000
        assert caplog.records == []


@pytest.mark.usefixtures("_few_descriptors")
def test_thousands_of_files_that_are_renamed_at_once_stay_within_the_limit_of_open_files(
    tmp_path, store, monkeypatch, caplog
):
    """Also where the limit that is asked for is more than the system gives."""
    many = Thousands(3000, tmp_path, store, monkeypatch)
    many.read()
    many.write()  # what is not read yet when they are renamed
    many.listed = 0
    for path in many.files:
        path.rename(f"{path}.1")
    many.write()
    many.check(caplog)
    assert many.listed <= 2  # twice when it was changed just now


@pytest.mark.usefixtures("_few_descriptors")
def test_thousands_of_files_that_are_packed_at_once_are_read_on(
    tmp_path, store, monkeypatch, caplog
):
    many = Thousands(1500, tmp_path, store, monkeypatch)
    many.read()
    many.write()
    for path in many.files:
        Path(f"{path}.1.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    many.write()
    many.check(caplog)


@pytest.mark.parametrize(("one", "other"), [("c", "d"), ("d", "c")])
def test_a_packed_file_with_the_inode_of_another_that_was_deleted_is_read_on(
    tmp_path, store, one, other
):
    """An inode of a deleted file goes to the next one that is made, such as another's packed one."""
    first, last = tmp_path / f"{one}.log", tmp_path / f"{other}.log"
    for number, path in enumerate((tmp_path / "a.log", tmp_path / "b.log", first, last)):
        append(path, text(5 * number, 5 * number + 5, 100))  # the first two stay open
    stream = store.follow(tmp_path / "*.log", max_open=1, rescan=0)
    while len(store.lines) < 20:
        store.take(next(stream))
    for _ in range(5):
        store.take(next(stream))
    append(first, text(20, 30, 100))  # not read yet when they are packed
    append(last, text(30, 40, 100))
    (tmp_path / f"{other}.log.1.gz").write_bytes(gzip.compress(last.read_bytes()))
    freed = last.stat().st_ino
    last.unlink()
    packed = gzip.compress(first.read_bytes())
    for attempt in range(200):
        made = tmp_path / f"{attempt}.tmp"
        made.write_bytes(packed)
        if made.stat().st_ino == freed:
            break
    else:
        pytest.skip("this file system gives the inode of a deleted file to no other one")
    first.unlink()
    (tmp_path / "spare.tmp").touch()  # the next file of this name is not to have its inode
    made.rename(tmp_path / f"{one}.log.1.gz")
    append(first, text(40, 50, 100))
    append(last, text(50, 60, 100))
    for _ in range(100):
        store.take(next(stream))
        if len(store.lines) == 60:
            break
    stream.close()
    check(store, 60)


def test_what_is_true_of_thousands_of_files_is_one_warning(tmp_path, store, caplog, monkeypatch):
    """They cannot be opened, for there are no descriptors left: they are tried again."""
    for number in range(3000):
        append(tmp_path / f"{number}.log", text(number, number + 1, 100))

    def refuse(*_: str) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    really = file_watcher.open_file
    monkeypatch.setattr(file_watcher, "open_file", refuse)
    stream = store.follow(tmp_path / "*.log", rescan=0)
    for _ in range(3):
        store.take(next(stream))
    (told,) = caplog.records
    assert told.message == (
        f"3,000 files ({tmp_path}/0.log, {tmp_path}/1.log, {tmp_path}/10.log, …): cannot be "
        "opened: Too many open files. They are tried again"
    )
    monkeypatch.setattr(file_watcher, "open_file", really)
    while len(store.lines) < 3000:
        store.take(next(stream))
    stream.close()
    check(store, 3000)


# Under load


def write_on(log: Path, count: int, rotate, every: int, done: threading.Event) -> None:
    rng = random.Random(7)  # noqa: S311  # no secret
    number = 0
    while number < count:
        step = rng.randint(1, 40)
        data = text(number, min(number + step, count), 100)
        cut = rng.randrange(len(data))
        with log.open("ab", buffering=0) as file:
            file.write(data[:cut])
            file.write(data[cut:])
        number += step
        if number // every != (number - step) // every and number < count:
            rotate(log)
        time.sleep(0.0005)
    done.set()


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("restarts", [False, True])
def test_rotation_by_renaming_under_load_loses_and_repeats_nothing(log, store, pattern, restarts):
    done = threading.Event()
    writer = threading.Thread(target=write_on, args=(log, 20_000, rename, 800, done))
    writer.start()
    rng = random.Random(3)  # noqa: S311  # no secret
    while restarts and not done.is_set():
        store.run(
            log.with_name(pattern),
            arrivals=rng.randint(1, 12),
            until=done.is_set,
            linger=2,
        )
        time.sleep(rng.random() * 0.05)
    store.run(log.with_name(pattern), until=store.has(20_000), linger=2)
    writer.join()
    store.quiet(log.with_name(pattern))
    check(store, 20_000)


def test_copytruncate_of_what_was_read_loses_and_repeats_nothing_under_load(log, store):
    """Who writes waits until all was read; what is written after the cut may come at once."""
    written = 0

    def until() -> bool:
        nonlocal written
        if len(store.lines) == written < 3000:
            if written:
                copytruncate(log)
            step = 100 + written % 70
            for number in range(written, written + step):
                append(log, text(number, number + 1, 100))
            written += step
        return len(store.lines) >= 3000

    store.run(log, until=until, poll=0.001)
    check(store, written)
    assert len(store.marks) <= 2


def test_a_rotated_file_in_view_that_is_cut_is_a_new_one(log, store):
    append(log, text(0, 10, 100))
    older = log.with_name("app.log.1")

    def until() -> bool:
        if len(store.lines) == 10 and not older.exists():
            rename(log)
        elif len(store.lines) == 10 and until.ticks == 20:
            os.truncate(older, 0)
            append(older, text(10, 20, 100))
        until.ticks += 1
        return len(store.lines) == 20 and until.ticks > 40

    until.ticks = 0
    store.run(log.with_name("app.log*"), until=until, poll=0.01)
    assert store.lines == lines(0, 20, 100)
    assert [each.reason for each in store.notices] == ["copytruncate"]


# While nobody follows


@pytest.mark.parametrize("seed", range(12))
def test_a_restart_after_any_block_and_any_rotation_loses_and_repeats_nothing(log, store, seed):
    rng = random.Random(seed)  # noqa: S311  # no secret
    written = 0
    size = rng.choice([100, 2000])
    packers = list(PACKERS.values())
    store.quiet(log)
    for _ in range(12):
        for _ in range(rng.randint(0, 3)):
            step = rng.randint(0, 60)
            append(log, text(written, written + step, size))
            written += step
            kind = rng.randrange(6)
            if kind == 0 and log.stat().st_size:
                rename(log)
            elif kind == 1 and log.stat().st_size:
                rename(log)
                last = log.with_name("app.log.1")
                packed = last.with_suffix(".1.gz") if rng.random() < 0.5 else Path(f"{last}.zst")
                packed.write_bytes(rng.choice(packers)(last.read_bytes()))
                shutil.copystat(last, packed)
                last.unlink()
                packed.rename(log.with_name(f"app.log-2025010{rng.randint(1, 9)}-{written}.gz"))
            time.sleep(0.006)  # mtime has a granularity
        store.run(log, arrivals=rng.randint(1, 3), until=store.has(written), linger=1)
    store.run(log, until=store.has(written))
    store.quiet(log)
    check(store, written, size)


def test_copytruncate_while_nobody_follows_goes_on_in_the_copy(log, store):
    append(log, text(0, 10, 100))
    store.quiet(log)
    append(log, text(10, 20, 100))
    copytruncate(log)
    append(log, text(20, 50, 100))
    store.quiet(log)
    check(store, 50)
    assert store.lines == lines(0, 50, 100)


def test_a_rest_that_is_nowhere_is_a_notice_and_its_mark_is_forgotten(log, store):
    append(log, text(0, 10, 100))
    store.quiet(log)
    size = log.stat().st_size
    keep = log.open("rb")  # so that the new file has another inode
    log.unlink()
    append(log, text(10, 20, 100))
    store.quiet(log)
    keep.close()
    (notice,) = store.notices
    assert (notice.reason, notice.lost) == ("file-vanished", None)
    assert notice.text == (
        f"{log}: the file that was read up to byte {size:,} is gone, and none of its siblings is "
        "a copy of it; what was written behind that place is lost"
    )
    assert store.lines == lines(0, 20, 100)
    assert len(store.marks) == 1


def test_a_file_that_was_copied_back_is_the_same(log, store):
    append(log, text(0, 10, 100))
    store.quiet(log)
    other = log.with_name("other")
    shutil.copyfile(log, other)
    other.replace(log)
    append(log, text(10, 20, 100))
    store.quiet(log)
    check(store, 20)


def test_the_smallest_offset_of_several_queues_is_gone_on_from(log, store):
    """The value may be of a queue that was ahead."""
    append(log, text(0, 10, 100))
    store.quiet(log)
    ((key, mark),) = store.marks.items()
    store.marks[key] = mark._replace(offset=5 * 103)
    append(log, text(10, 20, 100))
    feed = Follow([str(log)], poll=0.02)
    found = []
    for each in feed.arrivals(store.marks):
        if each is None:
            break
        found += each.item.lines
    assert found == lines(5, 20, 100)


def test_a_rotated_file_is_read_from_its_mark_once(log, store):
    append(log, text(0, 10, 100))
    store.quiet(log, once=True)
    append(log, text(10, 20, 100))
    rename(log)
    append(log, text(20, 30, 100))
    rename(log)
    append(log, text(30, 40, 100))
    store.quiet(log, once=True)
    store.quiet(log, once=True)
    check(store, 40)
    assert len(store.marks) == 1


def test_parts_of_a_line_are_joined_across_a_rotation_of_restarts(log):
    """A decoder's pending parts are kept beside the mark."""
    event = b'{"Type":"HostLog","Operation":"File","HostName":"' + b"h" * 500 + b'"}'
    stamp = b"2026-03-03T09:00:00.000001111Z stdout "
    parts = [event[at : at + 100] for at in range(0, len(event), 100)]
    written = [stamp + b"P " + part for part in parts[:-1]] + [stamp + b"F " + parts[-1]]
    marks, pending, events = {}, {}, []
    for line in written * 3:
        append(log, line + b"\n")
        decoder = None
        for each in Follow([str(log)], poll=0.01).arrivals(dict(marks)):
            if each is None:
                break
            assert isinstance(each, Arrival)
            assert isinstance(each.item, Block)
            decoder = decoder or EventDecoder(pending=pending.get(each.stream, b""))
            events += [found for unit in each.item.lines for found in decoder.decode(unit)]
            marks[each.stream] = each.mark
            pending[each.stream] = decoder.pending()
    assert [type(each) for each in events] == [Decoded] * 3
    assert set(pending.values()) == {b""}


def test_a_gzip_that_is_made_while_nobody_follows_is_read_from_its_middle(log, store):
    append(log, text(0, 15000, 100))
    store.run(log, arrivals=1)
    assert 0 < len(store.lines) < 15000
    rename(log)
    last = log.with_name("app.log.1")
    log.with_name("app.log-20250101.gz").write_bytes(gzip.compress(last.read_bytes()))
    last.unlink()
    append(log, text(15000, 15010, 100))
    store.run(log, arrivals=1)
    store.quiet(log)
    check(store, 15010)


@pytest.mark.parametrize("restart", [False, True])
def test_a_long_rest_comes_before_the_first_line_of_the_new_file(log, store, restart):
    append(log, text(0, 1, 1000))

    def until() -> bool:
        if len(store.lines) == 1:
            append(log, text(1, 2000, 1000))
            rename(log)
            append(log, text(2000, 2001, 1000))
        return len(store.lines) > 2000 or restart

    store.run(log, until=until)
    if restart:
        store.run(log, until=store.has(2001))
    assert store.lines == lines(0, 2001, 1000)
