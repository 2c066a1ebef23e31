"""What was read before can be passed by, and a pipe says when a read would wait."""

from __future__ import annotations

import gzip
import hashlib
import os

import pytest
import zstandard

from cef_bridge.sources.files.inputs import Input
from cef_bridge.sources.files.raw import Raw

TEXT = b"".join(b'{"Type":"HostLog","PID":%d}\n' % number for number in range(50_000))


def rest(path, skipped: int | None, *, hashed: bool) -> tuple[bytes, int, str | None]:
    """Return what is read behind so many bytes, how much raw input that took, and the hash."""
    streams = Input(str(path), str(path), path.stat().st_size).streams(hashed=hashed)
    (stream,) = [next(streams)]
    stream.skip(skipped)
    parts = []
    while data := stream.read(1 << 16):
        parts.append(data)
    assert next(streams, None) is None
    return b"".join(parts), stream.raw.consumed, stream.raw.sha256()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
@pytest.mark.parametrize("size", [0, 1, 511, 70_000, len(TEXT) - 1, len(TEXT), len(TEXT) + 9, None])
@pytest.mark.parametrize("hashed", [False, True])
def test_what_is_passed_by_is_not_read_again_and_all_else_is(tmp_path, pack, size, hashed):
    path = tmp_path / "in"
    path.write_bytes(pack(TEXT))
    text, consumed, digest = rest(path, size, hashed=hashed)
    assert text == (b"" if size is None else TEXT[size:])
    assert consumed == path.stat().st_size
    assert digest == (hashlib.sha256(path.read_bytes()).hexdigest() if hashed else None)


def test_damage_in_what_is_passed_by_is_passed_by(tmp_path):
    path = tmp_path / "in"
    path.write_bytes(gzip.compress(TEXT)[:-20])
    streams = Input("in", str(path), None).streams()
    next(streams).skip(None)
    assert next(streams, None) is None


def test_a_pipe_is_ready_when_there_is_something_or_nothing_any_more(tmp_path):
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb", buffering=0) as file:
        raw = Raw(file)
        assert not raw.ready(0)
        os.write(theirs, b"x")
        assert raw.ready(0)
        assert raw.read(9) == b"x"
        assert not raw.ready(0.001)
        assert raw.skip(5) == 0
        os.close(theirs)
        assert raw.ready(0)
    (tmp_path / "empty").touch()
    with (tmp_path / "empty").open("rb", buffering=0) as file:
        assert Raw(file).ready(0)
