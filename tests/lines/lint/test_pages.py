"""Each rule's docstring is its page: what it calls bad is found, what it calls good is not."""

from __future__ import annotations

import re

import pytest

from cef_bridge.lines.lint.codes import CODES, RECEIVERS
from cef_bridge.lines.lint.linter import ACROSS, RULES, Linter
from cef_bridge.lines.lint.pages import pages

PAGES = {page.code.id: page for page in pages()}


VISIBLE = re.compile(r"<U\+([0-9A-F]{4})>")
LONG = re.compile(r"<(\d+) x>")
REPEATS = 200


def lines_of(example: str) -> list[str]:
    """Return the lines that an example means: characters by number, long texts, repeats."""
    lines: list[str] = []
    for shown in example.split("\n"):
        text = VISIBLE.sub(lambda found: chr(int(found[1], 16)), shown)
        text = LONG.sub(lambda found: "x" * int(found[1]), text)
        numbers = range(1, REPEATS + 1) if "{n}" in text else range(1)
        lines += [text.replace("{n}", str(number)) for number in numbers]
    return lines


def codes_of(lines, read_by=""):
    linter = Linter(read_by)
    return [{fault.code.id for fault in linter.lint(line)} for line in lines]


@pytest.mark.parametrize("name", PAGES)
def test_a_rule_finds_each_line_that_its_page_calls_bad(name):
    page = PAGES[name]
    found = codes_of(
        lines_of(page.bad), page.code.receivers[0] if page.code.severity == "note" else ""
    )
    if page.code in ACROSS:
        assert sum(name in codes for codes in found) == 1
    else:
        assert all(name in codes for codes in found), found


@pytest.mark.parametrize("name", PAGES)
def test_a_rule_finds_nothing_in_what_its_page_calls_good(name):
    assert not any(name in codes for codes in codes_of(lines_of(PAGES[name].good)))


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_calls_good_breaks_no_other_rule_of_the_standard(name):
    linter = Linter()
    faults = [fault for line in lines_of(PAGES[name].good) for fault in linter.lint(line)]
    assert [fault for fault in faults if fault.code.severity == "error"] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_warning_is_told_for_its_receivers_only(name):
    page = PAGES[name]
    for receiver in page.code.receivers:
        assert any(name in codes for codes in codes_of(lines_of(page.bad), receiver))
    if page.code.receivers:
        for other in {*RECEIVERS, "standard"} - {*page.code.receivers}:
            assert not any(name in codes for codes in codes_of(lines_of(page.bad), other))


def test_every_code_has_one_rule_and_each_number_is_given_once():
    assert list(CODES) == [f"L{number:03d}" for number in range(1, len(CODES) + 1)]
    assert {*RULES} | {*ACROSS} == {*CODES.values()}
    assert len(RULES) + len(ACROSS) == len(CODES)


def test_an_error_names_no_receivers_and_a_warning_only_known_ones():
    for code in CODES.values():
        assert code.severity != "error" or code.receivers == ()
        assert code.severity != "note" or code.receivers
        assert set(code.receivers) <= set(RECEIVERS)
