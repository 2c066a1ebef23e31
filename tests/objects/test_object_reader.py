from __future__ import annotations

import pytest

pytest.importorskip("fsspec")

from stores import Breaks, Faulty, memory, put

from cef_bridge.objects.faults import StoreError
from cef_bridge.objects.listing import StoredObject, find
from cef_bridge.objects.reader import ObjectReader
from cef_bridge.sources.files.raw import Peekable, Raw
from cef_bridge.sources.records.units import DamagedError

DATA = bytes(range(256)) * 40
BLOCK = 1000


def reader(fault=lambda data: data, data: bytes = DATA, waits: list[float] | None = None):
    """Return a reader of some data, and its store."""
    url = memory()
    put(f"{url}/a", data)
    (stored,) = find(f"{url}/a")
    store = Faulty(fault)
    waited = [] if waits is None else waits
    return ObjectReader(stored._replace(store=store), block=BLOCK, sleep=waited.append), store


def whole(source, size: int = 300) -> bytes:
    return b"".join(iter(lambda: source.read(size), b""))


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, len(DATA)])
def test_an_object_is_read_to_its_end_by_blocks(size):
    source, store = reader(data=DATA[:size])
    assert whole(source) == DATA[:size]
    assert source.read(1) == b""
    assert [each[0] for each in store.asked] == list(range(0, size, BLOCK))


@pytest.mark.parametrize("error", [None, ConnectionResetError(104, "reset"), TimeoutError()])
def test_a_block_that_breaks_is_asked_for_again_from_its_offset(error):
    waits = []
    source, store = reader(Breaks(3, error), waits=waits)
    assert whole(source) == DATA
    assert store.asked[:4] == [(0, BLOCK)] * 4
    assert waits == [0.5, 1.0, 2.0]


def test_a_block_that_always_breaks_is_an_error_of_reading_with_its_place():
    fourth = DATA[3000:4000]
    source, store = reader(lambda data: data[:-1] if data == fourth else data)
    with pytest.raises(DamagedError) as caught:
        whole(Raw(source))
    assert str(caught.value) == "reading stopped after 3,000 bytes: only 999 of 1,000 bytes arrived"
    assert store.asked[3:] == [(3000, BLOCK)] * 6


@pytest.mark.parametrize("error", [PermissionError("no"), FileNotFoundError("gone")])
def test_what_lasts_is_not_tried_again(error):
    waits = []
    source, _ = reader(Breaks(1, error), waits=waits)
    with pytest.raises(StoreError):
        source.read(1)
    assert waits == []


def test_an_object_that_is_replaced_is_not_read_on():
    url = memory()
    put(f"{url}/a", DATA)
    (stored,) = find(f"{url}/a")

    def replace(data: bytes) -> bytes:
        if data == DATA[2000:3000]:
            put(f"{url}/a", DATA.upper())
        return data

    raw = Raw(ObjectReader(stored._replace(store=Faulty(replace)), block=BLOCK))
    with pytest.raises(DamagedError) as caught:
        whole(raw)
    assert raw.consumed == 2000
    assert str(caught.value) == (
        "reading stopped after 2,000 bytes: the object was replaced by another version after it was "
        "listed. Run this again"
    )


def test_an_object_that_was_replaced_before_it_is_opened_is_not_read():
    url = memory()
    put(f"{url}/a", DATA)
    (stored,) = find(f"{url}/a")
    put(f"{url}/a", DATA[1:])
    with pytest.raises(StoreError, match="replaced by another version"):
        ObjectReader(stored)


@pytest.mark.parametrize("first", [0, 10, 999, 1000, 1500])
@pytest.mark.parametrize("size", [0, 1, 800, 5000, 10**6])
def test_bytes_that_are_passed_by_are_not_asked_for(first, size):
    source, store = reader()
    raw = Raw(source)
    peekable = Peekable(raw)
    taken = b""
    while len(taken) < first:
        taken += peekable.read(first - len(taken))
    peekable.skip(size)
    assert whole(peekable) == DATA[first + size :]
    assert raw.consumed == len(DATA)
    if size == 5000:
        assert sum(asked for _, asked in store.asked) < len(DATA) - 2000


def test_a_hash_is_of_all_bytes_and_none_is_passed_by():
    source, _ = reader()
    raw = Raw(source, hashed=True)
    assert raw.skip(10) == 0
    assert len(raw.sha256()) == 64


def test_the_head_is_read_without_the_rest():
    source, store = reader()
    assert source.head(512) == DATA[:512]
    source.close()
    assert store.asked == [(0, 512)]


def test_an_object_of_unknown_size_is_read_to_its_end():
    url = memory()
    put(f"{url}/a", DATA)
    (stored,) = find(f"{url}/a")
    assert isinstance(stored, StoredObject)
    assert whole(ObjectReader(stored._replace(size=None), block=BLOCK)) == DATA
