"""What the READMEs of all packs say alike: what the pack is of, its rules, what was tested.

In comes a `PackContent`, out comes Markdown. What each pack tested further is its own business.
Must not know any pack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cef_bridge.content.packs.pack_content import PackContent, PackRule


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; a pipe in a cell is escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(
        "| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in cells) + " |\n"
        for cells in lines
    )


class PackReadme(NamedTuple):
    """What the README of a pack says itself. `files`: what each file is; the rest is Markdown."""

    beginning: str
    install: str
    files: Sequence[tuple[str, str]]
    notes: str
    tested: str


def page(content: PackContent, own: PackReadme) -> str:
    """Return a README: what the pack is of, how to install it, its rules, what was tested."""
    return "".join(
        [
            own.beginning,
            origin(content),
            own.install,
            "\n",
            table(("File", "Content"), own.files),
            own.notes,
            "\n",
            rules_table(content),
            "\n",
            left_out(content),
            "\n## What was tested\n\n- ",
            rules_tested(content),
            own.tested,
        ]
    )


def origin(content: PackContent) -> str:
    """Return the sentence that says what made the pack."""
    command = f"cef-bridge content build --for {content.siem.name}"
    return (
        f"Made by cef-bridge {content.version} from the mapping `{content.mapping.name}` "
        f"(`{command}`). Build it again after a change of the mapping.\n"
    )


def rules_table(content: PackContent, notes: Mapping[str, str] | None = None) -> str:
    """Return the rules as a table; `notes`: what is to be said of a rule here, by its name."""
    columns = ["Rule", "Fires at", "Level", "ATT&CK", "What to do", *(["Note"] if notes else [])]
    return table(columns, (_row(it, notes) for it in content.rules))


def _row(rule: PackRule, notes: Mapping[str, str] | None) -> list[str]:
    row = [f"`{rule.name}`", rule.title, rule.level, ", ".join(rule.techniques), rule.response]
    return [*row, notes.get(rule.name, "")] if notes else row


def left_out(content: PackContent) -> str:
    """Return what is not in the pack, and why, as a list; "" when all is."""
    rows = [(f"`{it.rule.name}`", "is", "; ".join(it.why)) for it in content.left_out]
    if content.no_searches:
        rows.append(("The searches that prove delivery", "are", content.no_searches))
    return "".join(f"- {name} {verb} left out: {why}.\n" for name, verb, why in rows)


def rules_tested(content: PackContent) -> str:
    """Return what the test of the rules proves, and what it does not."""
    synthetic = sum(it.verdict.synthetic for it in content.rules)
    events = "their test events" if not synthetic else "test events"
    return (
        f"Each of the {counted(len(content.rules), 'rule')} was run over {events}: converted with "
        f"the mapping `{content.mapping.name}`, parsed by cef-bridge's simulator of "
        f"{content.siem.title}, and searched with SQLite (`cef-bridge content test`). Each rule "
        "fires on its events and not on the others. The simulator follows the published sources "
        f"and documents of {content.siem.title}'s parser.\n"
    )


def fields_to_make(content: PackContent) -> tuple[str, ...]:
    """Return the fields that the rules and searches need and that the SIEM has not by itself."""
    names = [name for it in content.rules for name in it.verdict.made]
    return tuple(dict.fromkeys([*names, *content.made]))
