"""Standard input as a feed: what comes, when it comes, and how it ends."""

from __future__ import annotations

import gzip
import os
import threading
import time
from pathlib import Path

import pytest

from cef_bridge.errors import CefBridgeError
from cef_bridge.sources.feed import Arrival
from cef_bridge.sources.files.archives import open_stream
from cef_bridge.sources.files.raw import Raw
from cef_bridge.sources.records.blocks import BrokenLine, blocks
from cef_bridge.sources.stdin import Pipe

DATA = Path(__file__).parent.parent / "data"
LONG = b'{"a":"' + b"x" * 2000 + b'"}'


@pytest.fixture
def pipe():
    """Yield a feed, and the descriptor to write to."""
    reader, writer = os.pipe()
    yield Pipe(reader, poll=0.05), writer
    os.close(reader)


def units(arrivals) -> list[bytes]:
    return [line for each in arrivals if isinstance(each, Arrival) for line in each.item.lines]


@pytest.mark.parametrize("line", [b"a", b"{}", LONG])
def test_a_line_comes_at_once_and_none_while_nothing_does(pipe, line):
    feed, writer = pipe
    arrivals = feed.arrivals({})
    assert next(arrivals) is None
    os.write(writer, line + b"\n" + line[:1])
    first = next(each for each in arrivals if each is not None)
    assert (first.stream, first.name, first.mark, first.ended) == ("stdin", "stdin", None, False)
    assert first.item.lines == [line]
    assert next(arrivals) is None
    assert feed.state().connected
    assert feed.state().bytes == len(line) + 2
    os.write(writer, line[1:])
    assert next(arrivals) is None
    os.close(writer)
    rest = [each for each in arrivals if each is not None]
    assert units(rest) == [line]
    assert (rest[-1].ended, rest[-1].mark, rest[-1].item.lines) == (True, None, [])
    assert feed.state().text == "read to its end"


def test_an_empty_pipe_ends(pipe):
    feed, writer = pipe
    os.close(writer)
    assert [each.ended for each in feed.arrivals({})] == [True]


@pytest.mark.parametrize(
    "first", [b"", b"a\n", LONG + b"\n", gzip.compress(os.urandom(2000))[:900]]
)
def test_stop_ends_a_feed_that_waits(pipe, first):
    feed, writer = pipe
    os.write(writer, first)
    threading.Timer(0.1, feed.stop).start()
    started = time.monotonic()
    assert not [each for each in feed.arrivals({}) if each is not None and each.ended]
    assert time.monotonic() - started < 2
    os.close(writer)


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.iterdir()))
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_through_a_pipe_has_its_units(pipe, name, pack):
    feed, writer = pipe
    data = pack((DATA / name).read_bytes())

    def write() -> None:
        with os.fdopen(writer, "wb", buffering=0) as file:
            file.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    found = [each for each in feed.arrivals({}) if each is not None]
    thread.join()
    with Raw((DATA / name).open("rb", buffering=0)) as raw:
        (stream,) = open_stream(raw, name)
        assert units(found) == [line for block in blocks(stream) for line in block.lines]
    assert [each.ended for each in found] == [False] * (len(found) - 1) + [True]


def test_what_cannot_be_read_is_said_and_ends_it(tmp_path):
    fd = os.open(tmp_path, os.O_RDONLY)
    found = [each for each in Pipe(fd).arrivals({}) if each is not None]
    os.close(fd)
    assert [each.item for each in found if each.item.__class__ is BrokenLine] == [
        BrokenLine(1, 0, "reading stopped after 0 bytes: Is a directory")
    ]
    assert found[-1].ended


def test_a_closed_standard_input_is_said(pipe):
    feed, writer = pipe
    fd = os.dup(writer)
    os.close(fd)
    os.close(writer)
    with pytest.raises(CefBridgeError, match="stdin: it is closed, so there is nothing to read"):
        list(Pipe(fd).arrivals({}))
    feed.stop()
