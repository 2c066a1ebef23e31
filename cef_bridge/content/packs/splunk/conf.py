"""Splunk's .conf files: stanzas of settings as text.

In come stanzas, out comes a file. A value is one line, or lines that a backslash joins. Must not
know what the settings mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HEAD = "# Written by cef-bridge. Changes belong in ../local, which Splunk reads over this file.\n"


def conf(stanzas: Mapping[str, Mapping[str, str]]) -> bytes:
    """Return a .conf file; the settings of a stanza are in the order in which they come."""
    parts = [_HEAD]
    for name, settings in stanzas.items():
        parts.append(f"\n[{name}]\n")
        parts += [f"{key} = {_value(value)}\n" for key, value in settings.items()]
    return "".join(parts).encode()


def _value(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any(line.endswith("\\") for line in lines):
        raise ValueError("a line of a .conf file must not end in a backslash")
    return " \\\n".join(lines)


def quoted(text: str) -> str:
    """Return a text as a literal of SPL's eval."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def named(name: str) -> str:
    """Return a field's name in an expression of eval: in quotes where it is no plain word."""
    plain = name.replace("_", "a").isalnum() and name.isascii() and not name[0].isdigit()
    return name if plain else f"'{name}'"


def csv_rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """Return a lookup: words without commas and quotes, so that nothing needs quoting."""
    for row in rows:
        if any(set(cell) & set(',"\r\n') for cell in row):
            raise ValueError("a cell of a lookup must not have commas or quotes")
    return "".join(",".join(row) + "\n" for row in [columns, *rows]).encode()
