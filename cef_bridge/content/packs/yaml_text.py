"""Data as YAML that people read: keys in their order, texts of several lines as blocks.

In comes data, out comes text. The same data makes the same text. Must not know what it means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from yaml.nodes import ScalarNode


class _Blocks(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and lists indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - the form of PyYAML's own
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Blocks.add_representer(str, _text)


def yaml_text(data: object) -> str:
    """Return data as YAML."""
    return str(
        yaml.dump(data, Dumper=_Blocks, sort_keys=False, allow_unicode=True, width=1_000_000)
    )
