"""`cef-bridge parse`: CEF and LEEF lines become JSON lines.

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
    from collections.abc import Iterator

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
def command(files: tuple[str, ...], strict: bool) -> None:
    """Print CEF and LEEF lines as JSON lines.

    Reads each FILE, or stdin for "-" or nothing. A syslog header before a message is skipped.
    Violations of the format's grammar are listed in "faults"; a line without a message is reported
    on stderr. Exit code 3 in both cases.
    """
    out = sys.stdout.buffer
    counts = _Counts()
    try:
        for path in files or ("-",):
            _parse_file(path, out, counts, strict=strict)
        out.flush()
    except BrokenPipeError:
        # The reader has gone, as `head` does. Nothing may be flushed into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if counts.faulty:
        one = counts.faulty == 1
        lines = "1 line has" if one else f"{counts.faulty:,} lines have"
        click.echo(f'{lines} faults, listed in {"its" if one else "their"} "faults"', err=True)
    if counts.unread or counts.faulty:
        click.get_current_context().exit(3)


@dataclass
class _Counts:
    unread: int = 0
    faulty: int = 0


def _parse_file(path: str, out: BinaryIO, counts: _Counts, *, strict: bool) -> None:
    """Write the messages of a file; count the lines that could not be read, or have faults."""
    name = "stdin" if path == "-" else path
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as stream:
            for number, line in _lines(stream):
                try:
                    found = _parse_line(line, strict=strict)
                    counts.faulty += bool(found.faults)
                    out.write(_as_json(found))
                except FormatError as error:
                    counts.unread += 1
                    click.echo(f"{name}:{number}: {sanitize(str(error))}", err=True)
                if path == "-":
                    out.flush()  # who pipes `tail -f` in waits for each line
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
    text = line.removesuffix(b"\r").decode("utf-8", "replace")
    return Lenient(parse(text)) if strict else read_leniently(text)


def _as_json(found: Lenient) -> bytes:
    header = {"version": found.message.version, **found.message.header._asdict()}
    shown: dict[str, object] = {"header": header, "extension": found.message.extension}
    if found.faults:
        shown["faults"] = found.faults
    return orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)
