"""Each code has a page: what it calls bad is found, what it calls good is not."""

from __future__ import annotations

import re
import textwrap

import pytest

from cef_bridge.mapping.language import codes
from cef_bridge.mapping.lint import linter, pages
from cef_bridge.mapping.load import check

# What every piece of YAML lacks that is no whole mapping.
_INCOMPLETE = {codes.NO_CLUSTER.id, codes.NO_EVENT_ID.id, codes.NO_EXAMPLES.id}


def codes_of(folder, name, body):
    """Return the codes that are found in the files of a piece of YAML."""
    body = textwrap.dedent(body).strip() + "\n"
    parts = re.split(r"^# (\S+\.yaml)\n", body, flags=re.MULTILINE)
    files = dict(zip(parts[1::2], parts[2::2], strict=True)) or {f"{name}.yaml": body}
    mappings = [file for file in files if not file.endswith(".slots.yaml")]
    for file, text in files.items():
        begin = "" if "mapping:" in text or file not in mappings else "mapping: page\n"
        (folder / file).write_text(begin + text)
    return {problem.code for problem in check([folder / file for file in mappings]).problems}


def test_every_code_has_one_page():
    assert {*linter.RULES} | {*pages.PAGES} == {*codes.CODES.values()}
    assert not {*linter.RULES} & {*pages.PAGES}


@pytest.mark.parametrize("code", codes.CODES.values(), ids=codes.CODES)
def test_a_page_shows_what_is_bad_and_what_is_good(code, tmp_path):
    page = linter.page(code)
    found = re.fullmatch(r"(\S.+?)\n+Bad:\n(.+?)\nGood:\n(.+)", page, re.DOTALL)
    assert found, f"the page of {code.id} has no Bad: and Good: parts"
    for name, body in (("bad", found[2]), ("good", found[3])):
        (tmp_path / name).mkdir()
        got = codes_of(tmp_path / name, name, body)
        if code is codes.SLOTS_NOT_WRITTEN:
            assert name == "good" or got <= _INCOMPLETE  # only a folder can be bad: test_slots.py
        elif name == "bad":
            assert code.id in got
        else:
            assert got <= _INCOMPLETE - {code.id}
