"""Every command of the README does what the README shows; see transcripts.py for the form."""

from __future__ import annotations

import re

import pytest
from transcripts import ROOT, Shown, blocks, page, run, transcript, write_files

from cef_bridge.mapping.language import shipped

README = page("README.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the commands run, one after the other, with the files that the README shows."""
    path = tmp_path_factory.mktemp("readme")
    write_files(README, path)
    return path


@pytest.mark.parametrize("shown", transcript(README), ids=lambda shown: shown.command[:60])
def test_a_command_of_the_readme_prints_what_the_readme_shows(shown, folder):
    got = run(shown.command, folder)
    assert shown.matches(got), f"$ {shown.command}\n{got}"


def test_what_stands_for_left_out_text_stands_for_no_other_text():
    assert Shown("", "a … c\n").matches("a b c\n")
    assert not Shown("", "a … c\n").matches("a b d\n")
    assert not Shown("", "a…\n").matches("a b\nmore\n")
    assert Shown("", "a\n…\nz\n").matches("a\nb\nc\nz\n")
    assert not Shown("", "").matches("a\n")


def test_the_readme_begins_with_a_transcript():
    first_screen = "\n".join(README.splitlines()[:12])
    assert "```console\n$ " in first_screen
    assert "\nCEF:0|KubeArmor|" in first_screen


def test_the_readme_names_every_shipped_mapping():
    named = re.findall(r"^\| `([a-z-]+)` \| (?:CEF|LEEF)", README, re.MULTILINE)
    assert sorted(named) == shipped.names()


def test_a_mapping_of_ones_own_takes_twelve_lines_of_yaml():
    assert len(blocks(README, "yaml")[0].splitlines()) == 12


def test_the_links_of_the_readme_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target
