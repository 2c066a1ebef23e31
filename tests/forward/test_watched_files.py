"""Files that were read, and how their change shows: in place, by renaming, behind kubelet's link."""

from __future__ import annotations

import os

import pytest
from kubelet_volumes import Volume

from cef_bridge.forward.watched_files import WatchedFiles
from cef_bridge.small_files import UnreadableError, noted_files, read_small


def read(path):
    return read_small(path, 1000)


def in_place(path, text):
    path.write_text(text)
    later = path.stat().st_mtime_ns + 1_000_000  # of a file system with coarse times
    os.utime(path, ns=(later, later))


def renamed(path, text):
    new = path.with_name("new")
    new.write_text(text)
    os.utime(new, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    new.rename(path)


@pytest.mark.parametrize("change", [in_place, renamed])
def test_a_change_shows_once_it_is_the_same_twice(tmp_path, change):
    path = tmp_path / "a.yaml"
    path.write_text("one")
    files = WatchedFiles()
    with files.reading():
        read(path)
    assert not files.changed()
    assert not files.changed()
    change(path, "two")
    assert not files.changed()  # it may still be written
    assert files.changed()
    with files.reading():
        assert read(path) == b"two"
    assert not files.changed()
    assert not files.changed()


def test_a_swap_as_kubelet_makes_it_shows(tmp_path):
    volume = Volume(tmp_path / "v", {"a.yaml": "one", "b.yaml": "same"})
    files = WatchedFiles()
    with files.reading():
        read(volume.folder / "a.yaml")
    assert not files.changed()
    volume.write({"a.yaml": "two", "b.yaml": "same"})
    assert not files.changed()
    assert files.changed()


def test_a_change_between_reading_and_the_first_look_shows(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("one")
    files = WatchedFiles()
    with files.reading():
        read(path)
        renamed(path, "two")
    assert not files.changed()
    assert files.changed()


def test_a_file_that_was_missing_shows_when_it_appears(tmp_path):
    path = tmp_path / "a.yaml"
    files = WatchedFiles()
    with pytest.raises(UnreadableError), files.reading():
        read(path)
    assert not files.changed()
    assert not files.changed()
    path.write_text("one")
    assert not files.changed()
    assert files.changed()


def test_after_a_failure_all_files_are_watched_and_each_change_shows_once(tmp_path):
    config, mapping = tmp_path / "forward.yaml", tmp_path / "acme.yaml"
    config.write_text("one")
    mapping.write_text("one")
    files = WatchedFiles()
    with files.reading():
        read(config)
        read(mapping)
    assert not files.changed()
    in_place(config, "wrong")
    assert not files.changed()
    assert files.changed()

    def fails():
        with files.reading():
            read(config)
            raise ZeroDivisionError  # before the mapping is read

    with pytest.raises(ZeroDivisionError):
        fails()
    assert not files.changed()
    assert not files.changed()
    in_place(mapping, "two")
    assert not files.changed()
    assert files.changed()


def test_what_is_read_elsewhere_is_not_noted(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("one")
    with noted_files() as outer:
        with noted_files() as inner:
            read(path)
        assert set(inner) == {str(path)}
    assert outer == {}
    read(path)
    assert set(inner) == {str(path)}
