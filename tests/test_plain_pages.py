"""Pages are easy to read: short sentences, short pages; tables, code and generated lists apart."""

from __future__ import annotations

import re

import pytest
from transcripts import ROOT, page

MOST_WORDS = 35  # of a sentence
LONGEST_PAGE = 2_000  # words
LISTS = ("cli", "class-ids", "fields", "line-rules", "lint-rules")
"""Generated lists: nobody reads them from the beginning to the end."""

LONG_SENTENCES: set[str] = set()
"""Pages that still have a long sentence. A page that has none any more leaves this set."""

LONG_PAGES: set[str] = set()
"""Pages that are still too long. A page that is short enough leaves this set."""

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
PAGES = [name for name in PAGES if name.partition("/")[2].removesuffix(".md") not in LISTS]


def sentences(text: str) -> list[str]:
    """Return the sentences of a page's prose: paragraphs and items of lists."""
    text = re.sub(r"^( *)```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"^ *[|#].*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^ *(?:[-*]|\d+\.) ", "\n\n", text, flags=re.MULTILINE)
    text = re.sub(r"`[^`]*`", "code", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return [
        " ".join(sentence.split())
        for paragraph in re.split(r"\n\s*\n", text)
        for sentence in re.split(r"(?<=[.!?])[\"')*\]]*\s+", paragraph)
        if sentence.strip()
    ]


def long_sentences(text: str) -> list[str]:
    return [it for it in sentences(text) if len(it.split()) > MOST_WORDS]


@pytest.mark.parametrize("name", [name for name in PAGES if name not in LONG_SENTENCES])
def test_a_page_has_no_sentence_that_is_too_long(name):
    assert long_sentences(page(name)) == []


@pytest.mark.parametrize("name", [name for name in PAGES if name not in LONG_PAGES])
def test_a_page_is_not_too_long(name):
    assert len(page(name).split()) <= LONGEST_PAGE


def test_known_pages_leave_their_set_when_they_are_good():
    fine = {name for name in LONG_SENTENCES if name not in PAGES or not long_sentences(page(name))}
    short = {it for it in LONG_PAGES if it not in PAGES or len(page(it).split()) <= LONGEST_PAGE}
    assert (fine, short) == (set(), set()), "take these out of LONG_SENTENCES and LONG_PAGES"


def test_a_long_sentence_is_found_in_prose_and_not_in_code_or_tables():
    long = "word " * (MOST_WORDS + 1)
    assert len(long_sentences(f"Short. {long}end. Short again.")) == 1
    assert len(long_sentences(f"- {long}\n- {long}")) == 2
    assert long_sentences(f"```text\n{long}\n```\n| {long} |\n\n`{long}`") == []
