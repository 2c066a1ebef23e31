"""Files that grow, and files that are read once: what comes, in which order, and how it is marked."""

from __future__ import annotations

import gzip
import io
import logging
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from following import Store
from test_archives import PACKERS, _tar

from cef_bridge.errors import UsageError
from cef_bridge.sources.feed import Arrival
from cef_bridge.sources.files.follow import Follow
from cef_bridge.sources.files.inputs import expand
from cef_bridge.sources.records.blocks import blocks
from cef_bridge.sources.records.units import Block, BrokenLine, Oversized

DATA = Path(__file__).parent.parent / "data"


def lines(start: int, stop: int, size: int = 40) -> list[bytes]:
    return [(b'{"n":%d,"x":"' % number).ljust(size, b".") + b'"}' for number in range(start, stop)]


def text(start: int, stop: int, size: int = 40) -> bytes:
    return b"".join(line + b"\n" for line in lines(start, stop, size))


def append(path: Path, data: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(data)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def log(tmp_path):
    return tmp_path / "app.log"


# Growing


def test_a_file_is_read_from_its_beginning_and_as_it_grows(log, store):
    log.write_bytes(text(0, 3))

    def until() -> bool:
        if len(store.lines) == 3:
            append(log, text(3, 5))
        return len(store.lines) == 5

    store.run(log, until=until)
    assert store.lines == lines(0, 5)
    (mark,) = store.marks.values()
    assert (mark.offset, set(store.names)) == (log.stat().st_size, {str(log)})


def test_a_restart_goes_on_behind_the_mark(log, store):
    log.write_bytes(text(0, 3))
    store.quiet(log)
    append(log, text(3, 5))
    store.quiet(log)
    assert store.lines == lines(0, 5)
    assert len(store.marks) == 1


def test_a_line_that_is_written_byte_by_byte_comes_whole(log, store):
    log.write_bytes(b"")
    data = iter(text(0, 2, size=20))

    def until() -> bool:
        if (byte := next(data, None)) is not None:
            append(log, bytes([byte]))
        return len(store.lines) == 2

    store.run(log, until=until, poll=0.001)
    assert store.lines == lines(0, 2, size=20)


def test_a_partial_last_line_waits_and_is_read_whole_after_a_restart(log, store):
    whole = text(0, 2)
    log.write_bytes(whole[:-10])
    store.quiet(log)
    assert store.lines == lines(0, 1)
    append(log, whole[-10:])
    store.quiet(log)
    assert store.lines == lines(0, 2)


def test_a_young_file_keeps_its_key_while_it_grows_into_its_first_kib(log, store):
    log.write_bytes(b"")
    for number in range(40):
        append(log, text(number, number + 1))
        store.run(log, until=store.has(number + 1))
        assert len(store.marks) == 1
    assert store.lines == lines(0, 40)
    assert not store.notices


def test_documents_and_arrays_go_on_where_they_were(log, store):
    pretty = b'{\n "a": 1,\n "b": [\n  2\n ]\n}'
    elements = [b'{"n":%d}' % number for number in range(50)]
    data = pretty + b"\n" + b"[" + b",\n".join(elements) + b"]\n" + pretty + b"\n" + text(0, 2)
    whole = [line for block in blocks(io.BytesIO(data)) for line in block.lines]
    for end in [*range(1, len(data), 13), len(data)]:
        append(log, data[log.stat().st_size if end > 1 else 0 : end])
        store.quiet(log, ticks=1, poll=0.001)
    assert store.lines == whole


def test_a_line_over_the_limit_is_reported_once_and_the_next_is_read(log, store):
    log.write_bytes(b"x" * 5000 + b"\n" + text(0, 1))
    store.quiet(log, max_record=1000)
    append(log, text(1, 2))
    store.quiet(log, max_record=1000)
    assert store.lost == [Oversized(1, 0, 5000, b"x" * 1000)]
    assert store.lines == lines(0, 2)


def test_from_end_begins_behind_the_last_whole_line_and_only_the_first_time(log, store, tmp_path):
    log.write_bytes(text(0, 3)[:-5])
    store.quiet(log, from_end=True)
    assert store.lines == []
    assert len(store.marks) == 1
    append(log, text(0, 3)[-5:])
    (tmp_path / "new.log").write_bytes(text(7, 8))
    store.quiet(tmp_path / "*.log", from_end=True)
    assert store.lines == lines(2, 3) + lines(7, 8)


# Which files


def test_globs_find_new_files_and_folders_at_any_depth(tmp_path, store):
    (tmp_path / "a.log").write_bytes(text(0, 1))

    def until() -> bool:
        deep = tmp_path / "x" / "y"
        if not deep.exists():
            deep.mkdir(parents=True)
            (deep / "b.log").write_bytes(text(1, 2))
            (tmp_path / "c.txt").write_bytes(text(9, 10))
        return len(store.lines) == 2

    store.run(tmp_path / "**" / "*.log", until=until)
    assert store.lines == lines(0, 2)


def test_a_file_that_is_named_and_not_there_yet_is_waited_for(log, store):
    def until() -> bool:
        if not log.exists():
            log.write_bytes(text(0, 1))
        return len(store.lines) == 1

    store.run(log, until=until)


def test_a_file_that_two_links_lead_to_is_read_once(tmp_path, store):
    (tmp_path / "real").write_bytes(text(0, 2))
    for name in ("a.log", "b.log"):
        (tmp_path / name).symlink_to("real")
    store.quiet(tmp_path / "*.log")
    assert store.lines == lines(0, 2)


def test_folders_and_fifos_that_are_named_are_refused_in_a_sentence(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UsageError) as caught:
        Follow([str(tmp_path), str(tmp_path / "fifo"), "/dev/null"])
    assert str(caught.value) == (
        f"{tmp_path}: is a folder; name the files in it, for example {tmp_path}/*.log\n"
        f"{tmp_path}/fifo: is a named pipe, which cannot be followed; read it with `-` and `<`\n"
        "/dev/null: is no regular file, and cannot be followed"
    )


def test_folders_and_fifos_that_a_glob_matches_are_passed_by(tmp_path, store, caplog):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "a").write_bytes(text(0, 1))
    store.quiet(tmp_path / "*")
    assert store.lines == lines(0, 1)
    assert [each.message for each in caplog.records] == [
        f"{tmp_path}/fifo: is a named pipe, which cannot be followed; read it with `-` and `<`"
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said_once_and_tried_again(log, store, caplog):
    log.write_bytes(text(0, 1))
    log.chmod(0)
    ticks = iter(range(20))

    def until() -> bool:
        if next(ticks) == 10:
            log.chmod(0o600)
        return bool(store.lines)

    store.run(log, until=until)
    assert [each.message for each in caplog.records] == [
        f"{log}: cannot be opened: Permission denied. It is tried again"
    ]


def test_packed_files_are_not_followed_and_that_is_said_once(tmp_path, store, caplog):
    (tmp_path / "a.log").write_bytes(text(0, 1))
    (tmp_path / "a.log.1.gz").write_bytes(gzip.compress(text(4, 5)))
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(text(5, 6)))
    store.quiet(tmp_path / "a.log*")
    assert store.lines == lines(0, 1)
    sentence = (
        f"{tmp_path}/a.log.gz: it is packed, and is not followed; read it with --once if its "
        "events are wanted"
    )
    assert [(each.levelno, each.message) for each in caplog.records] == [
        (logging.WARNING, sentence)
    ]


def test_what_cannot_be_cut_into_lines_is_said_once(log, store):
    log.write_bytes("{}\n".encode("utf-16"))
    store.quiet(log, ticks=10)
    assert [each.__class__ for each in store.lost] == [BrokenLine]


# Many


def descriptors() -> list[Path]:
    return list(Path("/proc/self/fd").iterdir())


def test_many_files_share_few_descriptors_and_take_turns(tmp_path, store):
    size = 1 << 19
    for number in range(60):
        (tmp_path / f"{number:02}.log").write_bytes(text(0, 2))
    (tmp_path / "00.log").write_bytes(text(0, 3000, size=1000))
    feed = Follow([str(tmp_path / "*.log")], max_open=10, poll=0.02)
    stream = feed.arrivals({})
    before = len(descriptors())
    first, most = 0, 0
    for each in stream:
        if each is None:
            break
        store.take(each)
        most = max(most, len(descriptors()))
        if each.name.endswith("59.log") and each.item.lines:
            first = len(store.lines) * 1000
    stream.close()
    assert first < 4 * size, "a large file was read to its end before the others"
    assert len(store.lines) == 3000 + 59 * 2
    assert len(store.marks) == 60
    assert most - before <= 10 + 5


def test_stop_ends_it_soon_from_another_thread(log):
    log.write_bytes(text(0, 1))
    feed = Follow([str(log)], poll=60)
    stream = feed.arrivals({})
    while next(stream) is not None:
        pass
    threading.Timer(0.1, feed.stop).start()  # while it waits for more
    started = time.monotonic()
    assert list(stream) == []
    assert time.monotonic() - started < 30
    assert feed.state().text == "stopped"
    assert feed.state().bytes == log.stat().st_size


# Once


def convert(*paths: object) -> tuple[list[tuple[str, bytes]], list[object]]:
    """Return what `convert` reads: the units with their stream's name, and what was lost."""
    units, lost = [], []
    for each in expand([str(path) for path in paths]):
        for stream in each.streams():
            for item in blocks(stream):
                if isinstance(item, Block):
                    units += [
                        (stream.name, line, *item.places()[i]) for i, line in enumerate(item.lines)
                    ]
                else:
                    lost.append(item)
    return units, lost


def once(*paths: object, marks=(), **options):
    units, lost, kept = [], [], dict(marks)
    for each in Follow([str(path) for path in paths], once=True, **options).arrivals(kept):
        assert each is None or isinstance(each, Arrival), each
        if each is None:
            continue
        if each.mark is not None:
            kept[each.stream] = each.mark
        if isinstance(each.item, Block):
            places = each.item.places()
            units += [(each.name, line, *places[i]) for i, line in enumerate(each.item.lines)]
        else:
            lost.append(each.item)
    return (units, lost), kept


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.iterdir()))
@pytest.mark.parametrize("pack", [bytes, *PACKERS.values()], ids=["plain", *PACKERS])
def test_once_gives_what_convert_reads_and_a_second_time_nothing(name, pack, tmp_path):
    path = tmp_path / name
    path.write_bytes(pack((DATA / name).read_bytes()))
    found, marks = once(path)
    assert found == convert(path)
    assert once(path, marks=marks)[0] == ([], [])


def test_once_reads_tars_and_archives_in_archives(tmp_path):
    members = {path.name: path.read_bytes() for path in sorted(DATA.iterdir())}
    members["in.gz"] = gzip.compress(text(0, 9))
    (tmp_path / "all.tar.gz").write_bytes(gzip.compress(_tar(members)))
    (tmp_path / "b.log").write_bytes(text(0, 3)[:-1])
    found, marks = once(tmp_path / "*")
    expected = convert(tmp_path / "*")
    assert (sorted(found[0]), found[1]) == (sorted(expected[0]), expected[1])
    assert len(marks) == len(members) + 1
    assert once(tmp_path / "*", marks=marks)[0] == ([], [])


def test_once_stopped_after_any_arrival_goes_on_there(tmp_path):
    members = {str(number): text(number * 10, number * 10 + 10) for number in range(3)}
    (tmp_path / "a.tar").write_bytes(_tar(members))
    (tmp_path / "b.log").write_bytes(text(50, 60) + b"[" + b",".join(lines(60, 70)) + b"]")
    store = Store()
    for _ in range(30):
        store.run(tmp_path / "*", arrivals=1, once=True)
    assert sorted(store.lines) == sorted([*lines(0, 30), *lines(50, 70)])


def test_once_says_what_is_damaged_and_what_is_not_there(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(text(0, 5000))[:-20])
    assert once(path)[0] == convert(path)
    assert once(path)[0][1]
    with pytest.raises(UsageError, match="nope: no such file"):
        Follow([str(tmp_path / "nope")], once=True)


@pytest.mark.parametrize("target", ["nowhere", "link.log"])
def test_once_passes_links_to_nothing_by_when_a_glob_meets_them(tmp_path, caplog, target):
    (tmp_path / "a.log").write_bytes(text(0, 3))
    (tmp_path / "link.log").symlink_to(target)
    (tmp_path / "other.log").symlink_to("nowhere")
    assert once(tmp_path / "*.log") == once(tmp_path / "a.log")
    told = [each.getMessage() for each in caplog.records]
    assert len(told) == 1 + (target != "nowhere")  # one sentence for all links that are alike
    assert all("nothing is read from" in each and str(tmp_path) in each for each in told)


@pytest.mark.parametrize("target", ["nowhere", "link.log"])
def test_once_refuses_a_link_to_nothing_that_is_named(tmp_path, target):
    (tmp_path / "link.log").symlink_to(target)
    with pytest.raises(UsageError) as told:
        Follow([str(tmp_path / "link.log")], once=True)
    assert str(told.value) == (
        f"{tmp_path}/link.log: this link leads to nothing. Name the file itself"
    )


def test_names_are_spelled_as_they_were_given(tmp_path, monkeypatch):
    (tmp_path / "a.log").write_bytes(text(0, 1))
    monkeypatch.chdir(tmp_path)
    (found, _), marks = once("a.log")
    assert found == convert("a.log")[0]
    assert once(tmp_path / "a.log", marks=marks)[0] == ([], [])


def test_a_name_that_is_no_utf8_is_followed(tmp_path, store):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n!x|1.log")
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(text(0, 1))
    store.quiet(path)
    with open(path, "ab") as file:  # noqa: PTH123
        file.write(text(1, 2))
    store.quiet(path)
    assert store.lines == lines(0, 2)
    assert all(key.encode() for key in store.marks)
    shutil.rmtree(tmp_path)
