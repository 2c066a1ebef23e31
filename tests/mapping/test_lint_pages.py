"""Each lint rule's docstring is its page: what it calls bad is found, what it calls good is not."""

from __future__ import annotations

import re
import textwrap

import pytest

from cef_bridge.mapping.lint import RULES
from cef_bridge.mapping.load import problems

PAGES = {code.id: (code, rule.__doc__ or "") for code, rule in RULES.items()}


def codes_of(path, body):
    name = "mapping: page\n" if "mapping:" not in body else ""
    path.write_text(name + textwrap.dedent(body))
    return {problem.code for problem in problems(path)}


@pytest.mark.parametrize("name", PAGES)
def test_a_rules_page_shows_what_is_bad_and_what_is_good(name, tmp_path):
    code, page = PAGES[name]
    found = re.fullmatch(r"(.+?)\n+ +Bad:\n(.+?)\n +Good:\n(.+)", page, re.DOTALL)
    assert found, f"the page of {code.id} has no Bad: and Good: parts"
    assert code.id in codes_of(tmp_path / "bad.yaml", found[2])
    good = codes_of(tmp_path / "good.yaml", found[3])
    assert good <= {"M029"} - {code.id}
