"""A file that a person keeps is read whole, or refused at once: no pipe is waited for."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cef_bridge.delivery.destination_url import Tls
from cef_bridge.errors import MappingError, UsageError
from cef_bridge.forward.config import load_config
from cef_bridge.mapping.load import load
from cef_bridge.mapping.testfiles import suite
from cef_bridge.small_files import UnreadableError, read_small

PIPE = "it is a named pipe. Write its content to a file and name that"
MAPPING = "mapping: m\nextends: splunk\n"


def folder(path: Path) -> None:
    path.mkdir()


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


KINDS = {
    "pipe": (os.mkfifo, PIPE),
    "folder": (folder, "Is a directory"),
    "device": (link_to_device, "it is a device or socket. Expected a regular file"),
    "socket": (unix_socket, "it is a device or socket. Expected a regular file"),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=KINDS)
def odd(request, here):
    """Return the path of what is no regular file, and what is said of it."""
    make, reason = KINDS[request.param]
    make(here / "odd.yaml")
    return "odd.yaml", reason


def refused(error: type[Exception], work) -> str:
    with pytest.raises(error) as told:
        work()
    return str(told.value)


def test_what_is_no_regular_file_is_refused(odd):
    path, reason = odd
    assert refused(UnreadableError, lambda: read_small(path, 10)) == reason


def test_as_a_mapping(odd):
    path, reason = odd
    expected = f"odd.yaml:1:1 M016 odd.yaml cannot be read: {reason}."
    assert refused(MappingError, lambda: load(path)) == expected


def test_as_what_a_mapping_extends(odd):
    path, reason = odd
    Path("m.yaml").write_text(f"mapping: m\nextends: {path}\n", encoding="utf-8")
    expected = f"m.yaml:2:10 M016 odd.yaml cannot be read: {reason}."
    assert refused(MappingError, lambda: load("m.yaml")) == expected


def test_as_a_table(odd):
    path, reason = odd
    rule = f"extension:\n  act: {{from: Action, table: {{file: {path}}}}}\n"
    Path("m.yaml").write_text(MAPPING + rule, encoding="utf-8")
    expected = f"m.yaml:4:37 M014 The table odd.yaml cannot be read: {reason}."
    assert expected in refused(MappingError, lambda: load("m.yaml"))


def test_as_a_config(odd):
    path, reason = odd
    expected = f"odd.yaml:1:1 F007 The file cannot be read: {reason}."
    assert refused(MappingError, lambda: load_config(path)) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_as_a_file_of_examples(here, kind):
    make, reason = KINDS[kind]
    make(here / "m.test.yaml")
    expected = f"m.test.yaml:1:1 M016 m.test.yaml cannot be read: {reason}."
    assert refused(MappingError, lambda: suite("m.test.yaml")) == expected


def test_as_a_password(odd):
    path, reason = odd
    tls = Tls(key_password=f"file:{path}")
    expected = f"cannot read the key's password from odd.yaml: {reason}."
    assert refused(UsageError, tls.read_key_password) == expected


@pytest.mark.parametrize(
    ("most", "said"),
    [(1 << 20, "1 MiB"), (64 << 10, "64 KiB"), (100, "100 bytes")],
)
def test_a_file_that_is_too_large_is_refused_and_not_read_whole(here, most, said):
    path = here / "large"
    path.write_bytes(b"x" * most)
    assert len(read_small(path, most)) == most
    os.truncate(path, 1 << 40)  # a hole: reading it all would fill the memory
    assert refused(UnreadableError, lambda: read_small(path, most)) == f"it is larger than {said}"


def test_a_file_that_is_not_there_has_its_number():
    with pytest.raises(UnreadableError) as told:
        read_small("no/where", 10)
    assert (str(told.value), told.value.errno) == ("No such file or directory", 2)
    assert refused(UnreadableError, lambda: read_small("a\0b", 10)) == "this is no path"


def test_a_pipe_that_the_process_was_given_is_read():
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, MAPPING.encode())
        os.close(write_end)
        assert read_small(f"/dev/fd/{read_end}", 1000) == MAPPING.encode()
    finally:
        os.close(read_end)
