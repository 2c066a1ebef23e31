"""`cef-bridge parse`: CEF and LEEF lines become JSON lines, or tables for people.

In come files or stdin with any syslog header before the messages, out comes one JSON object a
line on stdout, with what is wrong with the line in `faults`; a line without a message is named on
stderr and the rest goes on. Must not know mappings, events or delivery.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
import orjson

from cef_bridge.errors import CefBridgeError, FormatError
from cef_bridge.lines import parse
from cef_bridge.lines.lint.lenient import Lenient, read_leniently
from cef_bridge.lines.text import sanitize
from cef_bridge.wording import limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MAX_LINE = 1 << 20


@click.command("parse")
@click.argument(
    "files",
    metavar="[FILE]...",
    nargs=-1,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
)
@click.option(
    "--strict",
    is_flag=True,
    help="Reject lines with faults.",
)
@click.option(
    "--pretty",
    is_flag=True,
    help="Print tables to read: keys with their long names and labels, faults with their place.",
)
def command(files: tuple[str, ...], strict: bool, pretty: bool) -> None:
    """Print CEF and LEEF lines as JSON lines, or with --pretty as tables.

    Reads each FILE, or stdin for "-" or nothing. A syslog header before a message is skipped.
    Violations of the format's grammar are listed in "faults"; a line without a message is reported
    on stderr. Exit code 3 in both cases.
    """
    out = sys.stdout.buffer
    counts = _Counts()
    show = _pretty() if pretty else lambda _, found: out.write(_as_json(found))
    try:
        for path in files or ("-",):
            _parse_file(path, show, counts, strict=strict)
        out.flush()
    except BrokenPipeError:
        # The reader has gone, as `head` does. Nothing may be flushed into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if counts.faulty:
        one = counts.faulty == 1
        lines = "1 line has" if one else f"{counts.faulty:,} lines have"
        listed = "" if pretty else f', listed in {"its" if one else "their"} "faults"'
        click.echo(f"{lines} faults{listed}", err=True)
    if counts.unread or counts.faulty:
        click.get_current_context().exit(3)


@dataclass
class _Counts:
    unread: int = 0
    faulty: int = 0


def _pretty() -> Callable[[bytes, Lenient], object]:
    """Return what prints a message as tables, with an empty line between two."""
    from cef_bridge.cli.pretty import print_pretty  # noqa: PLC0415 - JSON needs none of it

    begun = False

    def show(line: bytes, found: Lenient) -> None:
        nonlocal begun
        if begun:
            click.echo()
        begun = True
        print_pretty(_text(line), found)

    return show


def _parse_file(
    path: str, show: Callable[[bytes, Lenient], object], counts: _Counts, *, strict: bool
) -> None:
    """Write the messages of a file; count the lines that could not be read, or have faults."""
    name = "stdin" if path == "-" else path
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as stream:
            for number, line in _lines(stream):
                try:
                    found = _parse_line(line, strict=strict)
                    counts.faulty += bool(found.faults)
                    show(line, found)
                except FormatError as error:
                    counts.unread += 1
                    click.echo(f"{name}:{number}: {sanitize(str(error))}", err=True)
                if path == "-":
                    sys.stdout.buffer.flush()  # who pipes `tail -f` in waits for each line
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CefBridgeError(f"{name} cannot be read: {error.strerror}.") from error


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of each line that is not blank, LF taken off; LF alone ends one.

    Of a line that is too long one byte too many is given, the rest is skipped.
    """
    number = 0
    while line := stream.readline(_MAX_LINE + 1):
        number += 1
        rest = line
        while not rest.endswith(b"\n") and len(line) > _MAX_LINE:
            rest = stream.readline(_MAX_LINE)
            if not rest:
                break
        line = line.removesuffix(b"\n")
        if line.strip():
            yield number, line


def _parse_line(line: bytes, *, strict: bool) -> Lenient:
    if len(line) > _MAX_LINE:
        raise FormatError(f"the line has more than {limit(_MAX_LINE)}. Split it or leave it out.")
    text = _text(line)
    return Lenient(parse(text)) if strict else read_leniently(text)


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")


def _as_json(found: Lenient) -> bytes:
    header = {"version": found.message.version, **found.message.header._asdict()}
    shown: dict[str, object] = {"header": header, "extension": found.message.extension}
    if found.faults:
        shown["faults"] = found.faults
    return orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)
