from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import subprocess
import sys
import tarfile
import threading
import zlib

import pytest
import zstandard
from feeds import Feed, flat

from cef_bridge.sources.files.archives import UnpackedStream, open_stream
from cef_bridge.sources.files.compression import FLOOR, LINE
from cef_bridge.sources.files.inputs import expand
from cef_bridge.sources.files.raw import Raw
from cef_bridge.sources.records.blocks import BrokenLine, blocks

TEXT = b"".join(b'{"PID":%d,"Source":"/bin/sh"}\n' % number for number in range(2000))
LINES = TEXT.splitlines()


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


PACKERS = {"gzip": gzip.compress, "zstd": _zstd, "bzip2": bz2.compress, "xz": lzma.compress}


def _tar(members: dict[str, bytes], *, form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


class File(Feed):
    """A raw file in memory that hands out its bytes in small pieces."""

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


def read(data: bytes, *, piece: int = 1 << 20, **options) -> dict[str, list]:
    """Return what each stream of an input holds: lines, and what was lost."""
    raw = Raw(File(data, piece))
    return {
        stream.name: [
            each[0] if each[0].__class__ is bytes else each for each in flat(blocks(stream))
        ]
        for stream in open_stream(raw, "in", **options)
    }


@pytest.mark.parametrize("piece", [1, 100, 1 << 20])
def test_plain_bytes_are_one_stream(piece):
    assert read(TEXT, piece=piece) == {"in": LINES}


def test_an_empty_input_is_an_empty_stream():
    assert read(b"") == {"in": []}


@pytest.mark.parametrize("piece", [1, 100, 1 << 20])
@pytest.mark.parametrize("packer", PACKERS.values(), ids=PACKERS)
def test_every_compression_is_known_by_its_content(packer, piece):
    assert read(packer(TEXT), piece=piece) == {"in": LINES}


@pytest.mark.parametrize("packer", PACKERS.values(), ids=PACKERS)
def test_members_in_a_row_are_one_stream(packer):
    half = len(TEXT) // 2
    assert read(packer(TEXT[:half]) + packer(b"") + packer(TEXT[half:])) == {"in": LINES}


def test_zstd_frames_without_a_size_and_frames_to_skip_are_read():
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    streamed = zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compressobj()
    frame = streamed.compress(TEXT) + streamed.flush()
    assert read(skipped + frame + skipped + frame) == {"in": LINES * 2}


@pytest.mark.parametrize("name", ["gzip", "xz"])
def test_padding_with_zeros_is_no_damage(name):
    assert read(PACKERS[name](TEXT) + b"\0" * 512 + PACKERS[name](TEXT) + b"\0" * 4) == {
        "in": LINES * 2
    }


@pytest.mark.parametrize("name", PACKERS)
def test_a_cut_archive_gives_what_was_readable_and_says_so(name):
    noise = os.urandom(1_000_000).hex().encode()  # half of the file is half of the text
    text = b"\n".join(noise[i : i + 60] for i in range(0, len(noise), 60))
    packed = PACKERS[name](text)
    *lines, partial, broken = read(packed[: len(packed) * 9 // 10])["in"]
    assert broken.reason.startswith(f"the {name} data ends too early (was it cut?); ")
    assert lines == text.split(b"\n")[: len(lines)]
    assert text.split(b"\n")[len(lines)].startswith(partial)
    assert len(lines) > len(text) // 61 // 3  # bzip2 unpacks 900 kB at once


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_checksum_that_was_cut_off_is_noticed(name, cut):
    packer = (
        zstandard.ZstdCompressor(write_checksum=True).compress if name == "zstd" else PACKERS[name]
    )
    broken = read(packer(TEXT)[:-cut])["in"][-1]
    assert isinstance(broken, BrokenLine)
    assert broken.reason.startswith(f"the {name} data ends too early (was it cut?); ")


def test_the_few_bytes_of_a_small_cut_archive_are_kept():
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(b"one\ntwo") + packer.flush(zlib.Z_SYNC_FLUSH)
    assert read(packed) == {
        "in": [
            b"one",
            b"two",
            BrokenLine(
                2, 7, "the gzip data ends too early (was it cut?); 7 bytes of it were readable"
            ),
        ]
    }


@pytest.mark.parametrize("name", PACKERS)
def test_a_damaged_archive_says_so_in_plain_words(name):
    packed = bytearray(PACKERS[name](TEXT * 20))
    middle = len(packed) // 2
    packed[middle : middle + 20] = bytes(each ^ 0x5A for each in packed[middle : middle + 20])
    last = read(bytes(packed))["in"][-1]
    assert isinstance(last, BrokenLine)
    assert last.reason.startswith(f"the {name} data is damaged; ")


@pytest.mark.parametrize("name", PACKERS)
def test_what_follows_an_archive_is_not_passed_over_in_silence(name):
    found = read(PACKERS[name](TEXT) + b'{"PID":1}\n')["in"]
    assert found[:-1] == LINES
    assert (
        found[-1].reason
        == f"the {name} data is followed by something else; {len(TEXT):,} bytes of it were readable"
    )


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_ends_its_stream_and_keeps_what_came_before(name):
    packed = PACKERS[name](TEXT + b"0" * (80 << 20))
    found = read(packed)["in"]
    assert found[: len(LINES)] == LINES
    assert found[-1].reason.startswith("expands to more than 200 times its size (")
    assert found[-1].reason.endswith("); raise --max-expand if you trust it")


def test_a_bomb_that_is_trusted_is_unpacked():
    found = read(gzip.compress(b"0" * (80 << 20)), max_expand=2000)["in"]
    assert [each.size for each in found] == [80 << 20]


def test_a_zstd_frame_that_wants_too_much_memory_is_refused():
    parameters = zstandard.ZstdCompressionParameters(window_log=28, write_content_size=0)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    assert read(packer.compress(TEXT) + packer.flush()) == {
        "in": [BrokenLine(1, 0, "the zstd data is damaged; 0 bytes of it were readable")]
    }


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("packer", [bytes, *PACKERS.values()], ids=["plain", *PACKERS])
def test_each_member_of_a_tar_is_a_stream(packer, form):
    tar = _tar(
        {"a.json": TEXT, "logs/b.json": b"x\n", "empty": b"", "c/" + "long" * 20: b"y"}, form=form
    )
    assert read(packer(tar)) == {
        "in!a.json": LINES,
        "in!logs/b.json": [b"x"],
        "in!empty": [],
        "in!c/" + "long" * 20: [b"y"],
    }


def test_compressed_members_are_unpacked():
    tar = _tar({"a.json.gz": gzip.compress(TEXT), "b.zst": _zstd(b"x"), "c": b"plain"})
    assert read(bz2.compress(tar)) == {
        "in!a.json.gz": LINES,
        "in!b.zst": [b"x"],
        "in!c": [b"plain"],
    }


def test_a_tar_within_a_tar_is_opened():
    inner = gzip.compress(_tar({"log": b"x"}))
    assert read(gzip.compress(_tar({"inner.tgz": inner, "z": b"y"}))) == {
        "in!inner.tgz!log": [b"x"],
        "in!z": [b"y"],
    }


def test_the_fourth_layer_is_not_opened():
    data = TEXT
    for _ in range(3):
        data = gzip.compress(data)
    assert read(data) == {"in": LINES}
    assert read(gzip.compress(data)) == {
        "in": [BrokenLine(1, 0, "it is packed more than 3 times over; unpack it first")]
    }


def test_links_devices_and_folders_are_passed_by():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, kind in [
            ("l", tarfile.SYMTYPE),
            ("h", tarfile.LNKTYPE),
            ("d", tarfile.CHRTYPE),
            ("f", tarfile.DIRTYPE),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        info = tarfile.TarInfo("../../etc/cron.d/x")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"y"))
    assert read(file.getvalue()) == {"in!../../etc/cron.d/x": [b"y"]}


def test_a_member_name_cannot_forge_a_line_or_an_escape():
    assert read(_tar({"a\x1b[2J\nERROR": b"x"})) == {"in!a\\x1b[2J\\nERROR": [b"x"]}


def test_tars_that_were_joined_are_read_to_the_end():
    assert read(_tar({"a": b"1"}) + _tar({"b": b"2"})) == {"in!a": [b"1"], "in!b": [b"2"]}


def test_a_tar_cut_in_a_member_says_so_once():
    tar = _tar({"a": b"1\n", "b": TEXT, "c": b"3"})
    cut = read(tar[:4000])
    assert list(cut) == ["in!a", "in!b"]
    assert cut["in!b"][:50] == LINES[:50]
    assert (
        cut["in!b"][-1].reason
        == "the tar archive ends too early (was it cut?); its members up to here were read"
    )


def test_a_tar_with_a_damaged_header_says_so():
    tar = bytearray(_tar({"a": b"1", "b": b"2"}))
    tar[1024:1100] = b"x" * 76
    assert read(bytes(tar)) == {
        "in!a": [b"1"],
        "in": [BrokenLine(1, 0, "the tar archive is damaged; its members up to here were read")],
    }


def _header(name: str, *, size: bytes, kind: bytes = b"0") -> bytes:
    """Return a tar header whose size is written as it stands in `size` (12 bytes)."""
    block = bytearray(tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT))
    block[124:136], block[156:157], block[148:156] = size, kind, b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("kind", [b"0", b"5", b"7", b"L", b"x", b"S", b"Z"])
@pytest.mark.parametrize("size", [b"\x80" + b"\x7f" * 11, b"\xff" * 12, b"77777777777\0"])
def test_a_header_that_lies_about_its_size_ends_the_tar_at_once(kind, size):
    """Python's tarfile seeks over 2^87 bytes in steps of 10 KiB, long after the end."""
    found = read(_tar({"a": b"1"})[:1024] + _header("b", size=size, kind=kind) + b"2" * 512)
    assert found.pop("in!a") == [b"1"]
    assert [type(each) for streams in found.values() for each in streams[-1:]] == [BrokenLine]


def test_a_cut_compressed_tar_says_so_once():
    noise = os.urandom(100_000).hex().encode()
    packed = gzip.compress(_tar({"a": b"1", "b": noise, "c": b"3"}))
    found = read(packed[: len(packed) // 2])
    assert list(found) == ["in!a", "in!b"]
    assert [each.reason for each in found["in!b"] if isinstance(each, BrokenLine)] == [
        found["in!b"][-1].reason
    ]


def test_a_damaged_member_does_not_end_the_tar():
    tar = _tar({"a.gz": gzip.compress(TEXT)[:-9], "b": b"x"})
    found = read(tar)
    assert isinstance(found["in!a.gz"][-1], BrokenLine)
    assert found["in!b"] == [b"x"]


def test_a_sparse_member_is_a_bomb_too():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("sparse")
        info.pax_headers = {
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.map": "0,0",
            "GNU.sparse.size": str(1 << 40),
            "GNU.sparse.name": "sparse",
        }
        tar.addfile(info)
    found = read(file.getvalue())["in!sparse"]
    assert found[-1].reason.startswith("expands to more than 200 times its size")


def test_text_with_a_tar_mark_is_not_taken_for_a_tar():
    """The mark stands at byte 257, where a process may have put it with an argument."""
    line = b'{"Source":"' + b"x" * 246 + b'ustar  "}' + b"y" * 500
    assert line[257:262] == b"ustar"
    assert read(line) == {"in": [line]}


@pytest.mark.parametrize(("name", "magic"), [("zip", b"PK\x03\x04"), ("lz4", b"\x04\x22\x4d\x18")])
def test_archives_that_are_not_read_are_named(name, magic):
    assert read(magic + b"\0" * 100) == {
        "in": [
            BrokenLine(1, 0, f"this is a {name} archive, which is not read here; unpack it first")
        ]
    }


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_hash_is_that_of_the_raw_bytes(tmp_path, pack):
    path = tmp_path / "a"
    path.write_bytes(pack(TEXT) + (b"junk" if pack is gzip.compress else b""))
    raw = None
    for stream in expand([str(path)])[0].streams(hashed=True):
        raw = stream.raw
        list(blocks(stream))
    assert raw.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_progress_counts_raw_bytes(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(TEXT))
    (item,) = expand([str(path)])
    consumed = [block.consumed for stream in item.streams() for block in blocks(stream)]
    assert consumed[-1] == item.size == path.stat().st_size


def test_memory_stays_flat_on_a_bomb_of_any_kind(tmp_path):
    script = """
import resource, sys
from cef_bridge.sources.records.blocks import blocks
from cef_bridge.sources.files.inputs import expand
import zstandard
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for item in expand(sys.argv[1:]):
    for stream in item.streams():
        for block in blocks(stream):
            pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    paths = []
    for name, pack in PACKERS.items():
        path = tmp_path / name
        path.write_bytes(pack(b"0" * (80 << 20)))
        paths.append(str(path))
    done = subprocess.run(
        [sys.executable, "-c", script, *paths], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 60 * 1024


@pytest.mark.parametrize("pack", [bytes, *PACKERS.values()], ids=["plain", *PACKERS])
def test_a_pipe_can_be_anything_too(pack):
    script = """
from cef_bridge.sources.records.blocks import blocks
from cef_bridge.sources.files.inputs import expand
for item in expand([]):
    for stream in item.streams(hashed=True):
        print(stream.name, sum(len(block.lines) for block in blocks(stream)))
print(stream.raw.sha256())
"""
    data = pack(_tar({"a": TEXT}))
    done = subprocess.run(
        [sys.executable, "-c", script], input=data, capture_output=True, check=True
    )
    assert done.stdout.decode().split() == ["stdin!a", "2000", hashlib.sha256(data).hexdigest()]


def test_lines_of_a_pipe_come_while_it_is_open():
    """A record longer than the 512 bytes that are looked at first is there at once."""
    reader, writer = os.pipe()
    got = threading.Event()
    line = b"x" * 600

    def read_one() -> None:
        raw = Raw(os.fdopen(reader, "rb", buffering=0))
        with raw:
            for stream in open_stream(raw, "pipe"):
                for block in blocks(stream):
                    assert block.lines == [line]
                    got.set()

    thread = threading.Thread(target=read_one)
    thread.start()
    os.write(writer, line + b"\n")
    arrived = got.wait(5)
    os.close(writer)
    thread.join()
    assert arrived


def test_a_short_first_event_of_a_pipe_comes_at_once():
    reader, writer = os.pipe()
    os.write(writer, b'{"a":1}\n')
    with Raw(os.fdopen(reader, "rb", buffering=0)) as raw:
        stream = next(open_stream(raw, "pipe"))
        assert stream.read(100) == b'{"a":1}\n'
        os.close(writer)
        assert stream.read(100) == b""


@pytest.mark.parametrize("pack", [bytes, *PACKERS.values()], ids=["plain", *PACKERS])
def test_an_archive_in_small_pieces_is_known_as_one(pack):
    data = pack(_tar({"a": TEXT}))
    assert read(data, piece=1) == {"in!a": LINES}


def test_a_pipe_that_does_not_block_is_waited_for():
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    timer = threading.Timer(0.1, lambda: (os.write(writer, b"late\n"), os.close(writer)))
    timer.start()
    raw = Raw(os.fdopen(reader, "rb", buffering=0))
    with raw:
        assert [each[0] for stream in open_stream(raw, "p") for each in flat(blocks(stream))] == [
            b"late"
        ]
    timer.join()


def test_lines_count_when_an_input_expands():
    """65 KB of gzip hold 64 MiB of line feeds; each line is some work, whatever is in it."""
    *found, last = blocks(_stream(gzip.compress(b"\n" * (FLOOR - 1))))
    assert isinstance(last, BrokenLine)
    assert "lines, counted as 128 bytes each" in last.reason
    assert FLOOR // LINE - (1 << 20) <= sum(each.blank for each in found) <= FLOOR // LINE
    assert len(found) < 1000, "one step a line"
    within = blocks(_stream(gzip.compress(b"\n" * (FLOOR // LINE))))
    assert sum(each.blank for each in within) == FLOOR // LINE


def _stream(packed: bytes) -> UnpackedStream:
    return next(open_stream(Raw(io.BytesIO(packed)), "in"))
