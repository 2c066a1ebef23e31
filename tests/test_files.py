from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cef_bridge import files
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.files import AtomicFile, ResumableFile


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_the_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "out.cef"
    with AtomicFile(path) as file:
        file.write(b"one\n")
        file.write(b"two\n")
        assert not path.exists()
        assert file.size == 8
    assert path.read_bytes() == b"one\ntwo\n"
    assert names(tmp_path) == ["out.cef"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file_and_no_other(tmp_path, error):
    path = tmp_path / "out.cef"
    path.write_bytes(b"old")

    def fail() -> None:
        with AtomicFile(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out.cef"]


def test_commit_and_discard_can_be_called_in_any_order_and_twice(tmp_path):
    file = AtomicFile(tmp_path / "a")
    file.write(b"x")
    file.commit()
    file.commit()
    file.discard()
    assert (tmp_path / "a").read_bytes() == b"x"
    file = AtomicFile(tmp_path / "b")
    file.discard()
    file.discard()
    file.commit()
    assert names(tmp_path) == ["a"]


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with AtomicFile(tmp_path / "out") as file:
        file.write(b"x")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_replaced_file_keeps_its_mode(tmp_path):
    path = tmp_path / "out"
    path.touch(mode=0o600)
    path.chmod(0o640)
    with AtomicFile(path) as file:
        file.write(b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with AtomicFile(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(UsageError) as caught:
        AtomicFile(tmp_path)
    assert str(caught.value) == f"cannot write {tmp_path}: it is a folder; name a file in it"


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "nope" / "out"
    with pytest.raises(UsageError) as caught:
        AtomicFile(path)
    assert str(caught.value) == f"cannot write {path}: its folder does not exist"


def test_a_path_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as caught:
        AtomicFile(tmp_path / "file" / "out")
    assert str(caught.value) == f"cannot write {tmp_path}/file/out: Not a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_or_folder_without_permission_is_refused(tmp_path):
    path = tmp_path / "out"
    path.touch(mode=0o400)
    with pytest.raises(UsageError, match="Permission denied"):
        AtomicFile(path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UsageError, match="Permission denied"):
            AtomicFile(tmp_path / "new")
    finally:
        tmp_path.chmod(0o700)


def test_a_device_is_written_straight():
    with AtomicFile("/dev/null") as file:
        file.write(b"x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_fifo_is_written_straight(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    got = []
    thread = threading.Thread(target=lambda: got.append(path.read_bytes()))
    thread.start()
    with AtomicFile(path) as file:
        file.write(b"x" * 100_000)
    thread.join()
    assert got == [b"x" * 100_000]
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_what_a_shell_opened_is_never_replaced(tmp_path, name):
    path = tmp_path / "log"
    path.write_bytes(b"before\n")
    script = "import sys; from cef_bridge.files import AtomicFile\nwith AtomicFile(sys.argv[1]) as f: f.write(b'x\\n')"
    inode = path.stat().st_ino
    with path.open("ab") as log:
        subprocess.run([sys.executable, "-c", script, name], stdout=log, check=True)
    assert path.read_bytes() == b"before\nx\n"
    assert path.stat().st_ino == inode


def test_a_reader_that_went_away_is_said_in_plain_words(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = AtomicFile(path)
    os.close(reader)
    with pytest.raises(CefBridgeError) as caught:
        file.write(b"x")
    file.discard()
    assert str(caught.value) == f"cannot write {path}: the reader closed it"


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"old")
    script = """
import resource, signal, sys
from cef_bridge.files import AtomicFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with AtomicFile(sys.argv[1]) as file:
        file.write(b"x" * 5000)
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        f"CefBridgeError cannot write {path}: the disk is full after 1,000 bytes. "
        "The file itself was not touched\n"
    )
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out"]


def test_a_real_full_device_is_said_in_plain_words():
    with pytest.raises(CefBridgeError) as caught, AtomicFile("/dev/full") as file:
        file.write(b"x")
    assert str(caught.value) == "cannot write /dev/full: the disk is full after 0 bytes"


# --- files that are gone on with


def begun(path: Path, data: bytes) -> str:
    """Leave a file that is not complete; return its name."""
    with contextlib.suppress(KeyboardInterrupt), ResumableFile(path, ".out.part") as file:
        file.write(data)
        raise KeyboardInterrupt
    return ".out.part"


def test_a_resumable_file_goes_on_behind_what_counts_of_it(tmp_path):
    (tmp_path / "out").write_bytes(b"old")
    partial = begun(tmp_path / "out", b"onetwo")
    assert (tmp_path / "out").read_bytes() == b"old"
    assert (tmp_path / partial).read_bytes() == b"onetwo"
    with ResumableFile(tmp_path / "out", partial, 3) as file:
        assert file.size == 3
        file.sync()
        file.write(b"2")
    assert (tmp_path / "out").read_bytes() == b"one2"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_a_resumable_file_that_another_run_has_is_not_touched(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_LOCK_SECONDS", 0.2)
    first = ResumableFile(tmp_path / "out", ".x.part")
    first.write(b"one")
    with pytest.raises(UsageError, match=r"another run writes to .*out"):
        ResumableFile(tmp_path / "out", first.partial, 0)
    partial = first.partial

    def end(_: float) -> None:
        first.commit()

    monkeypatch.setattr(files.time, "sleep", end)
    with pytest.raises(UsageError, match=r"another run has just ended .*out"):
        ResumableFile(tmp_path / "out", partial, 0)
    assert (tmp_path / "out").read_bytes() == b"one"
