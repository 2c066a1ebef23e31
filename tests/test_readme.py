"""Every command of the README does what the README shows; see transcripts.py for the form."""

from __future__ import annotations

import json
import re

import pytest
from transcripts import ROOT, Shown, blocks, free_port, page, run, transcript, write_files

README = page("README.md")
EVENT_SHOWN = 58  # of tests/data/kinds.ndjson, on the first screen


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the commands run, one after the other, with the files that the README shows."""
    path = tmp_path_factory.mktemp("readme")
    write_files(README, path)
    return path


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.mark.parametrize("shown", transcript(README), ids=lambda shown: shown.command[:60])
def test_a_command_of_the_readme_prints_what_the_readme_shows(shown, folder, port):
    shown = shown.at(port)
    got = run(shown.command, folder)
    assert shown.matches(got), f"$ {shown.command}\n{got}"


def test_what_stands_for_left_out_text_stands_for_no_other_text():
    assert Shown("", "a … c\n").matches("a b c\n")
    assert not Shown("", "a … c\n").matches("a b d\n")
    assert not Shown("", "a…\n").matches("a b\nmore\n")
    assert Shown("", "a\n…\nz\n").matches("a\nb\nc\nz\n")
    assert not Shown("", "").matches("a\n")


def test_the_first_screen_shows_one_event_as_json_as_cef_and_as_splunk_reads_it(folder):
    rows = dict(line.split(maxsplit=1) for line in blocks(README, "text")[0].splitlines())
    assert list(rows) == ["KubeArmor", "cef-bridge", "Splunk"]
    (folder / "one.json").write_text(
        (folder / "tests/data/kinds.ndjson").read_text("utf-8").splitlines()[EVENT_SHOWN - 1]
    )
    line = run("cef-bridge convert -m splunk one.json", folder).splitlines()[0]
    assert Shown("", rows["KubeArmor"] + "\n").matches(run("cat one.json", folder) + "\n")
    assert Shown("", rows["cef-bridge"] + "…\n").matches(line + "\n")
    read = json.loads(run("cef-bridge simulate --siem splunk --json one.json", folder))
    for shown in rows["Splunk"].split():
        name, _, value = shown.partition("=")
        assert read["fields"][name] == value


def test_the_first_screen_says_how_to_try_it_and_why_not_another():
    first_screen = "\n".join(README.splitlines()[:25])
    assert "```sh\npipx install . " in first_screen
    assert "\ncef-bridge demo\n" in first_screen
    for other in ("sidekick", "Vector", "syslog-ng", "falcosidekick", "docs/quickstart.md"):
        assert other in first_screen


def test_an_own_mapping_is_reached_within_700_words():
    before, found, _ = README.partition("\n## Your own mapping\n")
    assert found
    assert len(before.split()) <= 700


def test_a_mapping_of_ones_own_takes_twelve_lines_of_yaml():
    assert len(blocks(README, "yaml")[0].splitlines()) == 12


def test_the_links_of_the_readme_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target
