from __future__ import annotations

import io
import os
import sys

import pytest
from feeds import flat

from cef_bridge.errors import UsageError
from cef_bridge.sources.files.inputs import Input, expand
from cef_bridge.sources.records.blocks import BrokenLine, blocks


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Two files above, two below, and what must be passed by."""
    for name in ("b.json", "a.json", "sub/c.json", "sub/deep/d.log", ".hidden", ".git/x", "sub/.h"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*arguments: str) -> list[str]:
    return [each.name for each in expand(arguments)]


@pytest.mark.usefixtures("tree")
def test_files_stand_in_the_order_given_and_know_their_size():
    assert expand(["b.json", "a.json"]) == [
        Input("b.json", "b.json", 6),
        Input("a.json", "a.json", 6),
    ]


@pytest.mark.usefixtures("tree")
def test_a_folder_means_all_files_below_it_sorted_and_none_hidden():
    assert names("sub") == ["sub/c.json", "sub/deep/d.log"]
    assert names(".") == ["./a.json", "./b.json", "./sub/c.json", "./sub/deep/d.log"]


@pytest.mark.usefixtures("tree")
def test_globs_are_sorted_and_may_match_folders():
    assert names("*.json") == ["a.json", "b.json"]
    assert names("s*") == ["sub/c.json", "sub/deep/d.log"]
    assert names("**/*.log") == ["sub/deep/d.log"]


def test_a_file_with_glob_characters_in_its_name_is_that_file(tree):
    (tree / "[a].json").touch()
    assert names("[a].json") == ["[a].json"]


def test_nothing_and_a_dash_mean_standard_input():
    assert expand([]) == expand(["-"]) == [Input("stdin", None, None)]


def test_all_that_is_wrong_is_said_at_once(tree):
    (tree / "empty").mkdir()
    with pytest.raises(UsageError) as caught:
        expand(["nope.json", "a.json", "empty", "*.gz", "-", "-", "a\nb"])
    assert str(caught.value) == (
        "nope.json: no such file or folder\n"
        "empty: no files in this folder\n"
        "*.gz: no file matches this pattern\n"
        "standard input (-) is named more than once\n"
        "a\\nb: no such file or folder"
    )


def test_links_to_files_are_followed_and_a_file_comes_once(tree):
    """/var/log/containers holds nothing but links."""
    (tree / "links").mkdir()
    (tree / "links/1.log").symlink_to(tree / "a.json")
    (tree / "links/2.log").symlink_to(tree / "a.json")
    (tree / "links/loop").symlink_to(tree)
    assert names("links") == ["links/1.log"]


@pytest.mark.usefixtures("tree")
def test_a_fifo_that_is_named_is_an_input_and_one_in_a_folder_is_not():
    os.mkfifo("sub/fifo")
    assert names("sub") == ["sub/c.json", "sub/deep/d.log"]
    assert expand(["sub/fifo"]) == [Input("sub/fifo", "sub/fifo", None)]


def test_a_file_that_vanished_is_a_broken_stream_and_not_the_end_of_the_run(tree):
    found = expand(["a.json", "b.json"])
    (tree / "a.json").unlink()
    assert [flat(blocks(stream)) for item in found for stream in item.streams()] == [
        [BrokenLine(1, 0, "it cannot be opened: No such file or directory")],
        [(b"b.json", 1, 0)],
    ]


def test_a_name_that_is_no_utf8_can_be_read(tree):
    name = os.fsdecode(b"caf\xe9.json")
    (tree / name).write_bytes(b"x")
    (item,) = expand([name])
    assert item.name == "caf\\udce9.json"
    assert [flat(blocks(stream)) for stream in item.streams()] == [[(b"x", 1, 0)]]


def test_standard_input_may_be_replaced_by_memory(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb")))
    (item,) = expand([])
    assert [flat(blocks(stream)) for stream in item.streams()] == [[(b"a", 1, 0), (b"b", 2, 2)]]


def test_a_closed_standard_input_is_said(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    (item,) = expand([])
    assert [flat(blocks(stream)) for stream in item.streams()] == [
        [BrokenLine(1, 0, "it cannot be opened: standard input is closed")]
    ]
