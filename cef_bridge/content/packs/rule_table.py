"""The rules of a pack as a table for its README.

In comes a `PackContent`, out comes Markdown. Must not know any SIEM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent


def rule_table(content: PackContent) -> str:
    """Return a table of the rules: name, what they find, level, techniques."""
    rows = [
        "| Rule | Finds | Level | ATT&CK |",
        "|---|---|---|---|",
        *(
            f"| `{it.name}` | {it.title} | {it.level} | {', '.join(it.techniques)} |"
            for it in content.rules
        ),
    ]
    return "\n".join(rows) + "\n"


def left_out_list(content: PackContent) -> str:
    """Return which rules are missing and why; nothing where none is."""
    if not content.left_out:
        return ""
    lines = [f"- `{it.rule.name}`: {'; '.join(it.why)}" for it in content.left_out]
    return "Left out, because they do not fire with this mapping:\n\n" + "\n".join(lines) + "\n"
