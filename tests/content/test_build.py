"""`content build`: folders that are written whole, the same bytes each time, nothing overwritten."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile

import commands
import pytest
from commands import COMMAND

from cef_bridge.content.packs import registry
from cef_bridge.content.packs.archive import packed
from cef_bridge.content.packs.writing import SUMS, write
from cef_bridge.errors import CefBridgeError, UsageError


def build(*words, cwd):
    return commands.run(
        [COMMAND, "content", "build", *words], cwd=cwd, capture_output=True, text=True, check=False
    )


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    done = build("--out", "dist/content", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def test_each_siem_gets_a_folder_and_a_row(built):
    folder, said = built
    rows = [line.split() for line in said.splitlines()]
    assert rows[0] == ["siem", "mapping", "rules", "files", "folder"]
    assert list(dict.fromkeys(row[0] for row in rows[1:])) == list(registry.PACKS)
    for _, _, rules, count, path in rows[1:]:
        assert rules == "27"
        assert len(files_of(folder / path)) - 1 == int(count) > 0


def test_who_has_no_pysigma_is_told_how_to_get_it(tmp_path):
    (tmp_path / "sigma.py").write_text("raise ImportError('not here')", encoding="utf-8")
    program = "from cef_bridge.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "content", "build", "--out", tmp_path / "out"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'cef-bridge[content]'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_same_input_makes_the_same_bytes(built, tmp_path):
    folder, _ = built
    done = build("--out", "again", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "again") == files_of(folder / "dist" / "content")
    told = {name for it in json.loads(done.stdout) for name in it["folders"]}
    assert told == {f"again/{path.name}" for path in (tmp_path / "again").iterdir()}


def test_the_list_of_a_folder_is_one_that_sha256sum_reads(built):
    folder, _ = built
    for path in (folder / "dist" / "content").iterdir():
        subprocess.run(["sha256sum", "--quiet", "--check", SUMS], cwd=path, check=True)


def test_a_mapping_is_built_for_its_siems(tmp_path):
    (tmp_path / "acme.yaml").write_text("mapping: acme\nextends: splunk\n", encoding="utf-8")
    done = build("--out", "out", "-m", "acme.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [(it["siem"], it["mapping"]) for it in json.loads(done.stdout)] == [("splunk", "acme")]


def test_a_rule_that_does_not_fire_is_left_out_and_told(tmp_path):
    (tmp_path / "acme.yaml").write_text(
        "mapping: acme\nextends: splunk\nunmapped: drop\nextension: {filePath: null}\n",
        encoding="utf-8",
    )
    done = build("--out", "out", "-m", "acme.yaml", cwd=tmp_path)
    assert done.returncode == 3
    assert (
        "left out of splunk: token-read: file.path: the mapping acme writes it to no key"
        in done.stderr
    )
    assert "token-read" not in "".join(files_of(tmp_path / "out" / "splunk"))


def test_searches_that_miss_a_field_are_left_out_and_told(tmp_path):
    (tmp_path / "acme.yaml").write_text(
        "mapping: acme\nextends: splunk\nextension: {externalId: null}\n", encoding="utf-8"
    )
    done = build("--out", "out", "-m", "acme.yaml", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr == (
        "left out of splunk: searches that prove delivery: event.id is missing: the mapping acme "
        "writes it to no key\n"
    )
    (readme,) = (tmp_path / "out" / "splunk").glob("*/README.md")
    assert "searches that prove delivery are left out" in readme.read_text()
    (view,) = readme.parent.glob("default/data/ui/views/*.xml")
    assert "<row>\n  </row>" not in view.read_text()


def test_a_later_build_takes_the_place_of_an_earlier_one(tmp_path):
    write(tmp_path, {"a": {"x/y": b"1", "z": b"2"}})
    write(tmp_path, {"a": {"x/w": b"3"}})
    assert set(files_of(tmp_path)) == {"a/x/w", f"a/{SUMS}"}


@pytest.mark.parametrize("change", ["added", "changed", "link", "list"])
def test_files_of_others_are_not_overwritten(tmp_path, change):
    """All of them are named, in all folders, and nothing is written."""
    write(tmp_path, {"a": {"x": b"1"}, "b": {"x": b"1"}})
    other = tmp_path / "b" / ("x" if change == "changed" else "mine.txt")
    if change == "link":
        other.symlink_to("/etc/passwd")
    elif change == "list":
        (tmp_path / "b" / SUMS).unlink()
    else:
        other.write_text("mine", encoding="utf-8")
    before = files_of(tmp_path)
    with pytest.raises(UsageError, match="Move them") as caught:
        write(tmp_path, {"a": {"x": b"2"}, "b": {"x": b"2"}})
    assert ("x" if change == "list" else other.name) in str(caught.value)
    assert files_of(tmp_path) == before


def test_a_folder_that_is_a_file_or_a_link_is_refused(tmp_path):
    (tmp_path / "a").write_text("mine", encoding="utf-8")
    (tmp_path / "b").symlink_to(tmp_path)
    with pytest.raises(UsageError) as caught:
        write(tmp_path, {"a": {"x": b"2"}, "b": {"x": b"2"}})
    assert str(caught.value).count("is no folder") == 2
    with pytest.raises(UsageError, match="is no folder"):
        write(tmp_path / "a", {"a": {"x": b"2"}})


def test_the_command_tells_whose_files_it_leaves(tmp_path):
    (tmp_path / "out" / "splunk").mkdir(parents=True)
    (tmp_path / "out" / "splunk" / "mine.conf").write_text("", encoding="utf-8")
    done = build("--out", "out", "--for", "splunk", cwd=tmp_path)
    assert done.returncode == 2
    assert "out/splunk has files" in done.stderr
    assert "mine.conf" in done.stderr
    assert set(files_of(tmp_path)) == {"out/splunk/mine.conf"}


def test_what_fails_on_the_way_leaves_the_earlier_folder(tmp_path):
    write(tmp_path, {"a": {"x": b"1"}})
    with pytest.raises(CefBridgeError):
        write(tmp_path, {"a": {"y": b"2", "y/z": b"3"}})
    assert set(files_of(tmp_path)) == {"a/x", f"a/{SUMS}"}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_archive_has_its_files_and_nothing_of_the_machine():
    data = packed({"app/a.conf": b"1", "app/b/c": b"22"})
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = tar.getmembers()
        assert [it.name for it in members] == ["app", "app/a.conf", "app/b", "app/b/c"]
        assert tar.extractfile("app/b/c").read() == b"22"
    assert {(it.uid, it.gid, it.uname, it.gname) for it in members} == {(0, 0, "", "")}
    assert len({it.mtime for it in members}) == 1
