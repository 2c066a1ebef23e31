"""Write a man page of section 1 for each command, from what `--help` says.

    python deploy/packages/man.py FOLDER

`cef-bridge mapping lint` is cef-bridge-mapping-lint.1.gz.
"""

from __future__ import annotations

import gzip
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cef_bridge import __version__
from cef_bridge.cli import _root

if TYPE_CHECKING:
    from collections.abc import Iterator


def safe(text: str) -> str:
    """Return a text that troff takes as it is."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    rows = "".join(it if it.isascii() else f"\\[u{ord(it):04X}]" for it in escaped).splitlines()
    return "\n".join(f"\\&{row}" if row[:1] in {".", "'"} else row for row in rows)


def commands(command: click.Command, parent: click.Context) -> Iterator[click.Context]:
    """Yield the context of a command and of all in it that are not hidden."""
    yield parent
    if isinstance(command, click.Group):
        for name in command.list_commands(parent):
            child = command.get_command(parent, name)
            if child is not None and not child.hidden:
                yield from commands(child, click.Context(child, parent, info_name=name))


def options(context: click.Context) -> Iterator[str]:
    """Yield a tagged paragraph for each option."""
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record:
            yield f".TP\n.B {safe(record[0])}\n{safe(record[1])}"


def paragraph(text: str) -> str:
    """Return a paragraph. One that click must not wrap, marked by a backspace, keeps its lines."""
    first, _, rest = text.partition("\n")
    return f".nf\n{safe(rest)}\n.fi" if first == "\b" else safe(text)


def page(context: click.Context) -> str:
    """Return the page of a command."""
    command = context.command
    name = context.command_path.replace(" ", "-")
    usage = " ".join(command.collect_usage_pieces(context))
    text = click.unstyle(command.help or "").partition("\f")[0]
    parts = [
        f'.TH "{name.upper()}" "1" "" "cef-bridge {__version__}" "cef-bridge"',
        f".SH NAME\n{safe(name)} \\- {safe(command.get_short_help_str(200))}",
        f".SH SYNOPSIS\n.B {safe(context.command_path)}\n{safe(usage)}",
        ".SH DESCRIPTION\n" + "\n.PP\n".join(map(paragraph, inspect.cleandoc(text).split("\n\n"))),
        ".SH OPTIONS\n" + "\n".join(options(context)),
    ]
    if isinstance(command, click.Group):
        below = [
            f".TP\n.BR {safe(name)}\\-{safe(each)} (1)\n{safe(child.get_short_help_str(200))}"
            for each in command.list_commands(context)
            if (child := command.get_command(context, each)) and not child.hidden
        ]
        parts.append(".SH COMMANDS\n" + "\n".join(below))
    return "\n".join(parts) + "\n"


def main() -> None:
    """Write all pages."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for context in commands(_root, click.Context(_root, info_name="cef-bridge")):
        name = context.command_path.replace(" ", "-")
        packed = gzip.compress(page(context).encode(), mtime=0)
        (folder / f"{name}.1.gz").write_bytes(packed)


if __name__ == "__main__":
    main()
