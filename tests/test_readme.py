"""Every command of the README does what the README shows.

A `console` block is a transcript: `$ command`, then its output, stderr included. `…` stands for
text that is left out; alone on a line, for any number of lines. A `yaml` block that begins with
`# name.yaml` is that file.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from cef_bridge.mapping import shipped

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Shown(NamedTuple):
    command: str
    output: str


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCK.findall(README) if name == language]


def transcript() -> list[Shown]:
    found: list[Shown] = []
    for block in blocks("console"):
        assert block.startswith("$ "), "a console block begins with a command"
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Shown(command, output))
    return found


def pattern(output: str) -> str:
    """Return a regular expression for what a block shows."""
    lines = [
        r"(?:[^\n]*\n)*" if line == "…\n" else re.escape(line).replace("…", "[^\n]+?")
        for line in output.splitlines(keepends=True)
    ]
    return "".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the commands run, one after the other: a folder with the files that the README shows."""
    path = tmp_path_factory.mktemp("readme")
    (path / "tests").symlink_to(ROOT / "tests")
    for text in blocks("yaml"):
        name = re.match(r"# (\S+\.yaml)\n", text)
        assert name, "a yaml block begins with the name of its file"
        (path / name[1]).write_text(text, encoding="utf-8")
    return path


def run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        check=False,
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    return done.stdout.decode()


@pytest.mark.parametrize("shown", transcript(), ids=lambda shown: shown.command[:60])
def test_a_command_of_the_readme_prints_what_the_readme_shows(shown, folder):
    got = run(shown.command, folder)
    assert re.fullmatch(pattern(shown.output), got), f"$ {shown.command}\n{got}"


def test_the_readme_begins_with_a_transcript():
    first_screen = "\n".join(README.splitlines()[:12])
    assert "```console\n$ " in first_screen
    assert "\nCEF:0|KubeArmor|" in first_screen


def test_what_stands_for_left_out_text_matches_no_other_text():
    assert re.fullmatch(pattern("a … c\n"), "a b c\n")
    assert not re.fullmatch(pattern("a … c\n"), "a b d\n")
    assert not re.fullmatch(pattern("a…\n"), "a b\nmore\n")
    assert re.fullmatch(pattern("a\n…\nz\n"), "a\nb\nc\nz\n")
    assert not re.fullmatch(pattern(""), "a\n")


def test_the_readme_names_every_shipped_mapping():
    named = re.findall(r"^\| `([a-z-]+)` \| (?:CEF|LEEF)", README, re.MULTILINE)
    assert sorted(named) == shipped.names()


def test_a_mapping_of_ones_own_takes_twelve_lines_of_yaml():
    assert len(blocks("yaml")[0].splitlines()) == 12


def test_the_links_of_the_readme_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target
