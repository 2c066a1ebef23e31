"""`cef-bridge parse`: CEF and LEEF lines become JSON lines.

In come files or stdin with any syslog header before the messages, out comes one JSON object a
line on stdout; what cannot be read is named on stderr and the rest goes on. Must not know
mappings, events or delivery.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
import orjson

from cef_bridge.errors import CefBridgeError, FormatError
from cef_bridge.formats import parse
from cef_bridge.formats.text import neutralise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.formats import Message

_MAX_LINE = 1 << 20


@click.command("parse")
@click.argument(
    "files",
    metavar="[FILE]...",
    nargs=-1,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
)
def command(files: tuple[str, ...]) -> None:
    """Print CEF and LEEF lines as JSON lines.

    Reads each FILE, or stdin for "-" or nothing. A syslog header before a message is skipped.
    Exit code 3 when a line could not be read; it is named on stderr.
    """
    out = sys.stdout.buffer
    unread = 0
    try:
        for path in files or ("-",):
            unread += _parse_file(path, out)
        out.flush()
    except BrokenPipeError:
        # The reader has gone, as `head` does. Nothing may be flushed into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if unread:
        click.get_current_context().exit(3)


def _parse_file(path: str, out: BinaryIO) -> int:
    """Write the messages of a file; return how many lines could not be read."""
    unread = 0
    name = "stdin" if path == "-" else path
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as stream:
            for number, line in _lines(stream):
                try:
                    out.write(_as_json(_parse_line(line)))
                except FormatError as error:
                    unread += 1
                    click.echo(f"{name}:{number}: {neutralise(str(error))}", err=True)
                if path == "-":
                    out.flush()  # who pipes `tail -f` in waits for each line
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CefBridgeError(f"{name} cannot be read: {error.strerror}.") from error
    return unread


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


def _parse_line(line: bytes) -> Message:
    if len(line) > _MAX_LINE:
        raise FormatError(f"the line has more than {_MAX_LINE} bytes. Split it or leave it out.")
    return parse(line.removesuffix(b"\r").decode("utf-8", "replace"))


def _as_json(message: Message) -> bytes:
    header = {"version": message.version, **message.header._asdict()}
    return orjson.dumps(
        {"header": header, "extension": message.extension}, option=orjson.OPT_APPEND_NEWLINE
    )
