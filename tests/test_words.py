"""What users read is plain: docs, help, messages and the pages of lint rules have none of the words below."""

from __future__ import annotations

import ast
import re

import click
import pytest
from transcripts import ROOT, page

from cef_bridge.cli import _root
from cef_bridge.lines.lint import pages as line_pages
from cef_bridge.mapping.language.codes import CODES
from cef_bridge.mapping.lint import linter

WORDS = re.compile(
    r"\b(?:stands?|stood|told|tells?|(?:is|are) none|gone on|anew|mend(?:s|ed)?|befalls?|nowhere"
    r"|whoever)\b",
    re.IGNORECASE,
)
"""Words with a plain one in their place: is, is in, says, reports, invalid, resumed, again, fix, missing."""

PRIVATE = re.compile(
    r"\b(?:noise|unreadable|leftovers?|normali[sz]e[ds]?|shed|outlets?|farewell|settled?|generations?"
    r"|turn-?overs?|turned over|once more|buried|own words|in band|traps?|excuses?|dialects?|wrappers?"
    r"|fates?|window mode|broken? (?:the connection )?off|what goes where|is no (?:setting|word)"
    r"|is not possible here|the event says nothing|so much of|its log tells|begin anew|good end)\b",
    re.IGNORECASE,
)
"""Words of our own for which there is a standard one: skipped, rejected, unmapped, sanitize, truncate,
destination, confirmed, round, reset, resend, dead letter, pitfall, suppression, input format, result."""

PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]
GENERATED = ("fields.md", "class-ids.md", "lint-rules.md", "line-rules.md")
SOURCES = sorted((ROOT / "cef_bridge").rglob("*.py"))

EXCEPTIONS: dict[str, str] = {
    "| `simulate --json`: `mend` | `fix` |": "the earlier name of a key, for who upgrades",
    "noise of a namespace": "unwanted events, as a SOC says",
}
"""Texts in which a word is right, and why it is."""


def found(text: str, words: re.Pattern[str] = WORDS) -> list[str]:
    """Return the lines of a text that have such a word."""
    return [
        line.strip()
        for line in text.splitlines()
        if words.search(line) and not any(known in line for known in EXCEPTIONS)
    ]


def private(text: str) -> list[str]:
    """Return the lines of a text that have a word of ours, or one with a plain one in its place."""
    return [*found(text), *found(text, PRIVATE)]


def prose(text: str) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def without_names(text: str) -> str:
    """Return a page without code in its lines and without where links lead: files and contracts."""
    return re.sub(r"`[^`\n]*`|(?<=\])\([^)\n]*\)", "…", text)


def helps(command: click.Command, name: str, parent: click.Context | None = None):
    """Yield the help of a command and of all commands in it, hidden ones as well."""
    context = click.Context(command, info_name=name, parent=parent)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            child = command.get_command(context, each)
            if child is not None:
                yield from helps(child, each, context)


def sentences(source: str) -> list[str]:
    """Return the texts of a module that have three words or more, but for docstrings.

    A text that is a statement of its own documents the name above it. The parts of an f-string are
    one text, in which `…` stands for the values.
    """
    tree = ast.parse(source)
    skipped = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    texts = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped.update(map(id, node.values))
            parts = [it.value if isinstance(it, ast.Constant) else "…" for it in node.values]
            texts.append("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and id(node) not in skipped:
            texts.append(str(node.value))
    return [text for text in texts if len(text.split()) >= 3]


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_plain(name):
    assert not found(prose(page(name)))


@pytest.mark.parametrize("name", [*PAGES, "CHANGELOG.md"])
def test_pages_have_no_words_of_our_own(name):
    assert not found(without_names(prose(page(name))), PRIVATE)


def test_the_help_of_commands_is_plain():
    texts = dict(helps(_root, "cef-bridge"))
    assert len(texts) > 25
    assert not {name: private(text) for name, text in texts.items() if private(text)}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_messages_are_plain(path):
    assert not [line for text in sentences(path.read_text("utf-8")) for line in private(text)]


@pytest.mark.parametrize("code", CODES)
def test_pages_of_mapping_rules_are_plain(code):
    assert not private(linter.page(CODES[code]))


def test_pages_of_line_rules_are_plain():
    assert not [
        line for it in line_pages.pages() for line in private(f"{it.code.meaning}\n{it.prose}")
    ]


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_have_no_words_of_our_own(name):
    assert not private(prose(page(f"docs/{name}")))


def test_a_number_agrees_with_its_noun():
    wrong = re.compile(
        r"\b1 (?:messages|events|lines|records|dead letters|files)\b|(?<!,)\b67108864\b"
    )
    texts = [text for path in SOURCES for text in sentences(path.read_text("utf-8"))]
    assert not [text for text in texts if wrong.search(text)]


def test_a_message_is_found_in_all_of_its_parts():
    source = (
        '"""It stands."""\nx = f"{y} st" "ands twice here"\n"""It stands."""\nz = "two words"\n'
    )
    assert sentences(source) == ["… stands twice here"]
    assert found("… stands twice here\nIt is told.\nA standing order.") == [
        "… stands twice here",
        "It is told.",
    ]
