"""The studio's pages in a wheel: built by npm, or a text that says why they are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="builds without pip's isolation need hatchling")

ROOT = Path(__file__).parent.parent
PARTS = ("LICENSE", "README.md", "hatch_build.py", "pyproject.toml")
FOLDERS = ("cef_bridge", "content/rules", "mappings", "studio")
NOT_COPIED = ("__pycache__", "node_modules", "samples", "static", "_engine.so", "_no_engine.txt")
FAKE_NPM = "#!/bin/sh\necho npm went away >&2\nexit 7\n"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout")
    for part in PARTS:
        shutil.copy(ROOT / part, folder)
    for part in FOLDERS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(*NOT_COPIED))
    return folder


def build(tree: Path, out: Path, path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out],
        check=False,
        capture_output=True,
        text=True,
        cwd=tree,
        env={**os.environ, "CEF_BRIDGE_BUILD": "skip", "PATH": str(path), **variables},
        timeout=300,
    )


def pages_of(out: Path) -> dict[str, str]:
    (made,) = out.glob("*.whl")
    archive = zipfile.ZipFile(made)
    names = [name for name in archive.namelist() if name.startswith("cef_bridge/studio/")]
    return {
        name.removeprefix("cef_bridge/studio/"): archive.read(name).decode()
        for name in names
        if "/static/" in name or name.endswith(".txt")
    }


REMEDY = "; to get the pages of cef-bridge studio, install npm, then cef-bridge again\n"


def test_a_wheel_built_without_npm_says_why_it_has_no_pages(tree, tmp_path):
    done = build(tree, tmp_path / "out", tmp_path / "empty")
    assert done.returncode == 0, done.stderr
    said = "npm was not found when cef-bridge was built" + REMEDY
    assert pages_of(tmp_path / "out") == {"no_pages.txt": said}
    assert said in done.stderr


def test_pages_that_were_built_before_are_taken_where_there_is_no_npm(tree, tmp_path):
    copy = tmp_path / "tree"
    shutil.copytree(tree, copy)
    static = copy / "cef_bridge" / "studio" / "static"
    static.mkdir()
    for name in ("live.html", "LICENSES.txt"):
        (static / name).write_text(f"{name} of make studio")
    done = build(copy, tmp_path / "out", tmp_path / "empty", CEF_BRIDGE_STUDIO="require")
    assert done.returncode == 0, done.stderr
    assert pages_of(tmp_path / "out") == {
        f"static/{name}": f"{name} of make studio" for name in ("live.html", "LICENSES.txt")
    }


def test_an_npm_that_fails_fails_no_build(tree, tmp_path):
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(FAKE_NPM)
    npm.chmod(0o755)
    done = build(tree, tmp_path / "out", npm.parent)
    assert done.returncode == 0, done.stderr
    said = "npm ci failed (exit code 7)" + REMEDY
    assert pages_of(tmp_path / "out") == {"no_pages.txt": said}
    assert "npm went away" in done.stderr


def test_a_build_that_must_have_the_pages_fails_without_npm(tree, tmp_path):
    done = build(tree, tmp_path / "out", tmp_path / "empty", CEF_BRIDGE_STUDIO="require")
    assert done.returncode != 0
    said = "CEF_BRIDGE_STUDIO=require, but there are no pages: npm was not found"
    assert said in done.stderr
    assert not list((tmp_path / "out").glob("*.whl"))


def test_a_wrong_word_for_the_pages_is_refused_with_the_right_ones(tree, tmp_path):
    done = build(tree, tmp_path / "out", tmp_path / "empty", CEF_BRIDGE_STUDIO="no")
    assert done.returncode != 0
    assert "CEF_BRIDGE_STUDIO=no is unknown. Expected auto, require or skip." in done.stderr


def test_the_lock_file_names_no_host():
    lock = (ROOT / "studio" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert '"integrity"' in lock
