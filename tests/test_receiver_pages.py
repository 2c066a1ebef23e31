"""The pages on receivers: what they show of `simulate` is what it prints, for each simulator."""

from __future__ import annotations

import re

import pytest
from transcripts import ROOT, page, run, transcript, write_files

from cef_bridge.cli.simulate import command
from cef_bridge.mapping.language import shipped
from cef_bridge.siems.reading import Kind
from cef_bridge.siems.simulators import SIMULATORS

PAGES = [
    "docs/receivers.md",
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("receiver-*.md"))),
]
SHOWN = [(name, shown) for name in PAGES for shown in transcript(page(name))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("receivers")
    write_files("", path)
    return path


@pytest.mark.parametrize(("name", "shown"), SHOWN, ids=lambda it: getattr(it, "command", it)[:70])
def test_a_command_of_a_receivers_page_prints_what_the_page_shows(name, shown, folder):
    got = run(shown.command, folder)
    assert shown.matches(got), f"{name}\n$ {shown.command}\n{got}"


def test_each_simulator_has_a_transcript():
    commands = " ".join(shown.command for _, shown in SHOWN)
    assert set(re.findall(r"--siem (\S+)", commands)) == set(SIMULATORS)


def test_the_page_on_receivers_has_every_option_and_every_kind_of_finding():
    text = page("docs/receivers.md")
    options = {name for each in command.params for name in each.opts if name.startswith("--")}
    assert set(re.findall(r"^\| (?:`-\w`, )?`(--[a-z-]+)`", text, re.MULTILINE)) == options
    assert re.findall(r"^\| (\w+) \|", text.partition("| Finding |")[2], re.MULTILINE) == [
        *Kind.__args__
    ]


def test_the_page_on_receivers_names_every_shipped_mapping():
    rows = re.findall(r"^\|(.+)$", page("docs/receivers.md"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row)}
    assert set(shipped.names()) <= named
