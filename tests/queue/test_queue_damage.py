"""A damaged file costs what cannot be read of it, is kept, and never stops the sending.

SQLite notices a flipped byte only sometimes; the checksums of the bodies and the sum notice others.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3

import pytest
from queue_help import batch, drained, mark, numbers, opened, texts

from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.queue import schema
from cef_bridge.queue.queue import DeadLetter, MessageBatch, inspect

ROWS, ROW = 12, 100


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The path of a closed queue: twelve rows, of which the first is confirmed."""
    path = tmp_path_factory.mktemp("whole") / "siem.queue"
    with opened(path) as queue:
        for row in range(ROWS):
            queue.append([batch(row * ROW, ROW, size=900)], [mark(row)], counts={"received": ROW})
        queue.settle([queue.fetch()], "confirmed")
        queue.append(
            [], dead=[DeadLetter("event", "why", "here", b"raw")], pending={"stream": b"ha"}
        )
        queue.remember("answers:siem", "strong")
    assert [each.name for each in path.parent.iterdir() if "wal" in each.name] == []
    return path


@pytest.fixture
def filled(whole, tmp_path):
    """The path of a copy of it."""
    return shutil.copyfile(whole, tmp_path / whole.name)


def flip(path, at: int, mask: int = 0xFF) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ mask]))


def errors(caplog) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]


def damaged_files(path) -> list[str]:
    found = path.parent.glob(path.name + ".damaged-*")
    return sorted(each.name for each in found if not each.name.endswith(("-wal", "-shm")))


def page_of(path, table: str) -> int:
    """Return where in the file the first page of a table begins."""
    with sqlite3.connect(path) as file:
        (page,) = file.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
    file.close()
    return (page - 1) * schema.PAGE


@pytest.mark.parametrize("at", range(100))
def test_a_flipped_byte_in_the_header_costs_no_message(filled, at, caplog):
    flip(filled, at)
    try:
        with opened(filled) as queue:
            found = queue.sum()
            assert found.accepted == ROWS * ROW
            assert found.confirmed == ROW
            assert found.waiting == (ROWS - 1) * ROW
            assert queue.marks() == {"stream": mark(ROWS - 1)}
            assert numbers(drained(queue)) == list(range(ROW, ROWS * ROW))
            queue.append([batch(0, 1)])
    except UsageError as error:  # the format's number, and the mark that this is a queue
        assert 60 <= at <= 63 or 68 <= at <= 71, error  # noqa: PT017  # either is right
        flip(filled, at)
        with opened(filled) as queue:
            assert queue.sum().waiting == (ROWS - 1) * ROW
    else:
        assert len(damaged_files(filled)) == len(errors(caplog)) <= 1


@pytest.mark.parametrize("table", ["totals", "rows", "bodies", "marks", "dead", "facts"])
def test_a_damaged_page_is_noticed_at_the_start_and_the_rest_stays(filled, table, caplog):
    for place in range(12):  # the header of the page, and where its cells begin
        flip(filled, page_of(filled, table) + place)
    with opened(filled) as queue:
        found = queue.sum()
        assert found.waiting == (ROWS - 1) * ROW
        assert found.accepted == found.waiting + found.confirmed + found.dropped.get("damaged", 0)
        if table != "totals":
            assert found.accepted == ROWS * ROW
            assert found.confirmed == ROW
            assert queue.totals()["received"] == ROWS * ROW
        assert queue.totals()["damaged_files"] == 1
        assert queue.marks() == ({} if table == "marks" else {"stream": mark(ROWS - 1)})
        queue.append([batch(0, ROW)])
        assert numbers(drained(queue))[-ROW:] == list(range(ROW))
    (aside,) = damaged_files(filled)
    (said,) = errors(caplog)
    assert said.startswith(f"{filled} is damaged (")
    assert said.endswith(f"The damaged file is kept as {filled.parent / aside}")


def leaf_of(path, table: str) -> int:
    """Return where in the file the first leaf of a table begins that has more than one."""
    page = path.read_bytes()[page_of(path, table) :]
    cell = int.from_bytes(page[12:14], "big")  # the first one of an inner page
    return (int.from_bytes(page[cell : cell + 4], "big") - 1) * schema.PAGE


@pytest.mark.parametrize("size", [12, schema.PAGE])
def test_what_can_be_read_around_a_damaged_page_is_sent(tmp_path, caplog, size):
    path = tmp_path / "siem.queue"
    with opened(path) as queue:
        # The table of rows has more than one page.
        queue.append([batch(row, 1) for row in range(1500)])
    whole = path.read_bytes()
    for table in ("rows", "bodies"):
        at = leaf_of(path, table)
        path.write_bytes(whole[:at] + b"\xa5" * size + whole[at + size :])
        with opened(path) as queue:
            found = queue.sum()
            assert found.accepted == 1500
            lost = found.dropped.get("damaged", 0)
            assert len(drained(queue)) == 1500 - lost
        assert (table, lost > 0) in (("rows", False), ("bodies", True))
        assert lost < 500
        path.write_bytes(whole)
    assert len(errors(caplog)) == 2


def test_where_it_is_not_known_how_many_are_lost_that_is_said(filled, caplog):
    for start in (leaf_of(filled, "bodies"), page_of(filled, "rows")):
        for place in range(12):
            flip(filled, start + place)
    with opened(filled) as queue:
        assert len(drained(queue)) == (ROWS - 2) * ROW
    (said,) = errors(caplog)
    assert "perhaps more: what had been sent of the others is not known" in said


def test_no_queue_at_all_under_its_name_is_put_aside(tmp_path, caplog):
    path = tmp_path / "siem.queue"
    path.write_bytes(b"this is a text, and was never a queue\n" * 1000)
    with opened(path) as queue:
        queue.append([batch(0, ROW)])
        assert len(drained(queue)) == ROW
    (aside,) = damaged_files(path)
    assert (tmp_path / aside).read_bytes().startswith(b"this is a text")
    assert "the totals restart at 0" in errors(caplog)[0]


def test_a_database_of_someone_else_is_left_alone(tmp_path):
    path = tmp_path / "siem.queue"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE theirs (x)")
    file.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"siem\.queue is no queue of cef-bridge"), opened(path):
        pass
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_queue(tmp_path):
    path = tmp_path / "siem.queue"
    path.touch(0o644)
    with opened(path) as queue:
        queue.append([batch(0, ROW)])
    assert path.stat().st_mode & 0o777 == 0o600


def body_at(path, message: bytes) -> int:
    """Return where in the file the body of a row lies that begins with this message."""
    (found,) = [row for row in bodies(path) if row[1].startswith(message)]
    return path.read_bytes().index(found[0][-1000:])


def bodies(path) -> list[tuple[bytes, bytes]]:
    from cef_bridge.queue.values import unsqueeze

    with sqlite3.connect(path) as file:
        rows = [row[0] for row in file.execute("SELECT body FROM bodies").fetchall()]
    file.close()
    return [(row, unsqueeze(row)) for row in rows]


def test_a_flipped_byte_in_a_body_costs_its_row_and_no_other(filled, caplog):
    flip(filled, body_at(filled, texts(5 * ROW, 1, 900)[0]) + 500, 0x10)
    with opened(filled) as queue:
        got = numbers(drained(queue))
        assert got == [n for n in range(ROW, ROWS * ROW) if not 5 * ROW <= n < 6 * ROW]
        assert queue.sum().dropped == {"damaged": ROW}
        assert queue.sum().dead_lettered == 0
        letters = inspect(filled).letters()
        assert [letter.kind for letter in letters] == ["event", "damaged"]
        assert len(letters[1].raw) > 1000
        assert inspect(filled).replay() == 1  # the event; what is damaged cannot be sent
    assert damaged_files(filled) == []
    (said,) = errors(caplog)
    assert said.startswith(f"{filled}: a row is damaged (")


def test_a_row_whose_body_is_gone_costs_itself(filled):
    with sqlite3.connect(filled) as file:
        file.execute("DELETE FROM bodies WHERE id = 7")
    file.close()
    with opened(filled) as queue:
        assert len(drained(queue)) == (ROWS - 2) * ROW
        assert queue.sum().dropped == {"damaged": ROW}


def test_numbers_that_do_not_add_up_are_noticed_and_made_to(filled, caplog):
    with sqlite3.connect(filled) as file:
        file.execute("UPDATE rows SET unsettled = 12 WHERE id = 7")
    file.close()
    with opened(filled) as queue:
        assert queue.sum().waiting == (ROWS - 1) * ROW
        assert "damaged" not in queue.sum().dropped
        assert len(drained(queue)) == (ROWS - 1) * ROW
    assert "its totals and its messages do not add up" in errors(caplog)[0]


def test_a_file_that_is_damaged_while_it_is_in_use_is_replaced_and_sending_goes_on(
    tmp_path, caplog
):
    path = tmp_path / "siem.queue"
    with opened(path) as queue:
        for row in range(40):
            queue.append([batch(row * ROW, ROW, size=900)], [mark(row)])
        flying = queue.fetch()
        queue.settle([queue.fetch()], "confirmed", hold=True)
        queue.housekeeping()
        starts = [page_of(path, "bodies"), leaf_of(path, "bodies")]
        for start in starts:
            for place in range(12):
                flip(path, start + place)
        forget_pages(queue)
        got = numbers(drained(queue))
        queue.append([batch(90_000, ROW)], [mark(90)])
        got += numbers(drained(queue))
        found = queue.sum()
        assert got[-ROW:] == list(range(90_000, 90_000 + ROW))
        assert found.accepted == 41 * ROW
        assert found.dropped["damaged"] > 0
        assert found.confirmed + found.dropped["damaged"] + found.in_flight == 41 * ROW
        queue.settle([flying], "confirmed")  # whether its row is still there or not
        assert queue.sum().in_flight == 0
        assert queue.marks() == {"stream": mark(90)}
    assert len(damaged_files(path)) == 1
    assert len(errors(caplog)) == 1


def forget_pages(queue) -> None:
    """Make SQLite read from the disk again, as it does with a queue larger than its memory."""
    for connection in (queue._core.store._reader, queue._core.store._writer):  # noqa: SLF001  # no other way
        connection.execute("PRAGMA shrink_memory")
        connection.execute("PRAGMA cache_size = 0")


def test_a_rescue_that_was_interrupted_is_finished_by_the_next_start(filled):
    new = schema.beside(filled, ".new")
    filled.rename(new)
    with opened(filled) as queue:
        assert queue.sum().waiting == (ROWS - 1) * ROW
    assert not new.exists()


def test_looking_into_a_damaged_file_says_so_in_words(filled):
    for place in range(12):
        flip(filled, page_of(filled, "rows") + place)
    with pytest.raises(CefBridgeError, match="A forwarder that opens it puts it aside"):
        inspect(filled).status()


def test_a_message_that_is_empty_is_one(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append([MessageBatch(1, [b""]), MessageBatch(1, [])])
        assert queue.sum().waiting == 1
        assert drained(queue) == [b""]


def ids_at(path) -> list[int]:
    """Return where in the file the ids of the rows stand, of a table of one page."""
    start = page_of(path, "rows")
    page = path.read_bytes()[start : start + schema.PAGE]
    count = int.from_bytes(page[3:5], "big")
    cells = [int.from_bytes(page[8 + 2 * at : 10 + 2 * at], "big") for at in range(count)]
    return [start + cell + 1 + page[cell + 1] for cell in cells]  # behind its size and its header


def test_a_row_with_the_number_of_another_hides_none(filled):
    whole = filled.read_bytes()
    places = ids_at(filled)
    assert len(places) == ROWS - 1
    for place in places:
        for mask in (1, 2, 8):
            filled.write_bytes(whole)
            flip(filled, place, mask)
            with opened(filled) as queue:
                stored = list(iter(queue.fetch, None))
                assert sum(len(each.messages) for each in stored) == (ROWS - 1) * ROW
                assert queue.damaged()
