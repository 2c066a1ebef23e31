"""A compiled mapping as bytes: the table that the native engine runs.

In comes a `converter.Converter`, out go the bytes that `engine/src/table.rs` reads, or the same in
words. All facts about KubeArmor's events, keys and the mapping travel in it; the engine itself has
algorithms alone. Must not know how the engine is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.mapping.program.table.facts import Fields, write_facts
from cef_bridge.mapping.program.table.program import write_program
from cef_bridge.mapping.program.table.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.mapping.program.converter import Converter

__all__ = ["pack", "words"]


def pack(converter: Converter) -> bytes:
    """Return the table of a mapping at work."""
    writer = Writer()
    _write(writer, converter)
    return writer.table()


def words(converter: Converter) -> Sequence[str]:
    """Return the table in words, a line for each entry, indented by what it is a part of."""
    writer = Writer(in_words=True)
    _write(writer, converter)
    return writer.lines


def _write(writer: Writer, converter: Converter) -> None:
    fields = Fields(converter)
    write_facts(writer, fields, converter.program)
    write_program(writer, fields, converter)
