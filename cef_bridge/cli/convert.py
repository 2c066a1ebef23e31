"""`cef-bridge convert`: archives of KubeArmor JSON become CEF or LEEF.

In come paths and options, out go messages (stdout or a file that appears whole), rejects, a report
and a summary on stderr. Opens files, handles signals and shows progress; converts nothing itself.
"""

# ruff: noqa: PLC0415 - imports that only some runs need stand where they are needed

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cef_bridge import __version__
from cef_bridge.converter import Converter
from cef_bridge.conversion import Options, Run
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.events.clock import microseconds
from cef_bridge.events.decode import INPUT_FORMATS
from cef_bridge.mapping.load import load
from cef_bridge.outputs import AtomicFile
from cef_bridge.sources.inputs import expand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from cef_bridge.sources.inputs import Input

_SIGPIPE = 141
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def _size(_: click.Context, option: click.Parameter, text: str) -> int:
    """Read `1048576`, `512K`, `4MiB`; what bounds memory is at most 1 GiB."""
    number = text.strip().lower().removesuffix("b").removesuffix("i")
    unit = number[-1:] if number[-1:].isalpha() else ""
    digits = number.removesuffix(unit)
    if unit not in _UNITS or not digits.isdecimal() or not digits.isascii():
        raise click.BadParameter(f'"{text}" is no size. Expected bytes, or such as 512K or 4M.')
    size = int(digits[:20]) * _UNITS[unit]
    if not 1024 <= size <= 1 << 30:
        raise click.BadParameter(f'"{text}" is out of range. Expected 1K to 1G.', param=option)
    return size


def _time(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """Read the time that events without one get, as epoch microseconds."""
    if text is None:
        return None
    if text == "now":
        return time.time_ns() // 1000
    found = microseconds(text)
    if found is None:
        raise click.BadParameter(
            f'"{text}" is no time. Expected now, or such as 2026-03-01T12:00:00Z.'
        )
    return found


@click.command("convert")
@click.argument("inputs", metavar="[INPUT]...", nargs=-1)
@click.option(
    "-o", "--output", metavar="PATH", help="Write to a file, which appears when all is in it."
)
@click.option(
    "-m",
    "--mapping",
    "mapping_name",
    metavar="NAME-or-PATH",
    default="kubearmor-cef",
    show_default=True,
    help="A shipped mapping or a file.",
)
@click.option(
    "--syslog-header",
    type=click.Choice(["none", "rfc3164", "rfc5424"]),
    default="none",
    show_default=True,
    help="Write a syslog header before each message.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Worker processes; more than one has no effect yet.",
)
@click.option("--rejects", metavar="PATH", help="Write rejected records there, as JSON lines.")
@click.option("--report", metavar="PATH", help="Write a report there, as JSON.")
@click.option(
    "--strict", is_flag=True, help="Reject lines that are no events, instead of passing them over."
)
@click.option(
    "--input-format",
    type=click.Choice(INPUT_FORMATS),
    default="auto",
    show_default=True,
    help="Take only events of this dialect or wrapper.",
)
@click.option(
    "--max-record",
    metavar="SIZE",
    default="1M",
    show_default=True,
    callback=_size,
    help="Reject records longer than this.",
)
@click.option(
    "--max-expand",
    metavar="FACTOR",
    type=click.IntRange(1, 1_000_000),
    default=200,
    show_default=True,
    help="Stop an archive that expands to more than so many times its size.",
)
@click.option(
    "--assume-time",
    metavar="TIME",
    callback=_time,
    help="The time of events that have none: now, or an ISO time.",
)
@click.option(
    "--progress/--no-progress",
    default=None,
    help="Show a progress bar on stderr (when it is a terminal).",
)
def command(  # noqa: PLR0913 - the options of the command
    inputs: tuple[str, ...],
    output: str | None,
    mapping_name: str,
    syslog_header: str,
    jobs: int,  # noqa: ARG001 - one for now; the option is part of the contract
    rejects: str | None,
    report: str | None,
    strict: bool,  # noqa: FBT001
    input_format: str,
    max_record: int,
    max_expand: int,
    assume_time: int | None,
    progress: bool | None,  # noqa: FBT001
) -> None:
    """Convert KubeArmor JSON into CEF or LEEF messages, one a line.

    INPUT is a file, a folder, a glob or - (stdin, also when there is none); .gz .zst .bz2 .xz and
    .tar are opened by their content. Every dialect and wrapper of KubeArmor's events is recognised.
    Exit code 3 when records were rejected.
    """
    mapping = load(mapping_name)
    found = expand(inputs)
    _no_output_among(found, (output, rejects, report))
    converter = Converter(mapping, syslog_header=syslog_header, assumed_time=assume_time)
    options = Options(max_record, max_expand, input_format, strict, hashed=report is not None)
    started = time.monotonic()
    with contextlib.ExitStack() as files:
        out = files.enter_context(AtomicFile(output)) if output else _Stdout()
        aside = files.enter_context(AtomicFile(rejects)) if rejects else None
        told = files.enter_context(AtomicFile(report)) if report else None
        with _progress(found, progress) as show:
            run = Run(converter, out, aside, options, show)
            with _interruptible(run):
                try:
                    run.run(found)
                except BrokenPipeError:
                    _leave_quietly()
        seconds = time.monotonic() - started
        if run.stopped and output:
            out.discard()  # type: ignore[union-attr]
        if told:
            told.write(_report(run, mapping.name, output, seconds))
    _summary(run, seconds, output, assume_time)
    if run.stopped:
        raise SystemExit(130)
    if run.stats.rejected:
        raise SystemExit(3)


class _Stdout:
    """Standard output, unbuffered: batches are large already."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._file = sys.stdout.fileno()

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CefBridgeError(f"cannot write to standard output: {error.strerror}.") from error


def _leave_quietly() -> None:
    """The reader has gone (`| head`): what a program killed by SIGPIPE reports, without a word."""
    os._exit(_SIGPIPE)


def _no_output_among(inputs: list[Input], outputs: tuple[str | None, ...]) -> None:
    paths = [Path(path).resolve() for path in outputs if path]
    if len(set(paths)) < len(paths):
        raise UsageError("the output, the rejects and the report need a file each.")
    read = {Path(each.path).resolve() for each in inputs if each.path}
    for path in paths:
        if path in read and path.is_file():
            raise UsageError(f"{path} would be read and written. Name another file.")


@contextlib.contextmanager
def _interruptible(run: Run) -> Iterator[None]:
    """The first SIGINT or SIGTERM ends the run after the lines in hand, a second one at once."""

    def handle(_: int, __: FrameType | None) -> None:
        if run.stopped or run.waiting:
            run.stop()
            raise KeyboardInterrupt
        run.stop()

    before = {each: signal.signal(each, handle) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        run.stop()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def _progress(
    inputs: list[Input],
    wanted: bool | None,  # noqa: FBT001
) -> Iterator[Callable[[str, int], None]]:
    """Show a bar by bytes with rate and time left, when someone looks."""
    if wanted is False or not (wanted or sys.stderr.isatty()):
        yield lambda _name, _consumed: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    sizes = [each.size for each in inputs]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=total)
        done: dict[str, int] = {}

        def show(name: str, consumed: int) -> None:
            # The members of an archive share its bytes.
            done[name.partition("!")[0]] = consumed
            bars.update(task, description=name[-40:], completed=sum(done.values()))

        yield show


def _summary(run: Run, seconds: float, output: str | None, assumed: int | None) -> None:
    stats = run.stats
    rate = f", {stats.records / seconds:,.0f} events/s" if seconds >= 0.1 else ""
    text = (
        f"{stats.lines:,} lines: {stats.converted:,} converted, {stats.filtered:,} filtered, "
        f"{stats.rejected:,} rejected, {stats.noise:,} noise, {stats.blank:,} blank "
        f"({seconds:.2f} s{rate})"
    )
    click.echo(text, err=True)
    for reason, count in stats.reasons.most_common(10):
        click.echo(f"  rejected {count:,}: {reason}", err=True)
    if stats.without_time and assumed is None:
        click.echo(
            f"  {stats.without_time:,} events say no time: their messages have no rt. "
            "--assume-time gives them one.",
            err=True,
        )
    if run.stopped:
        what = f" {output} was not written." if output else ""
        click.echo(f"interrupted; this is what was done until then.{what}", err=True)


def _report(run: Run, mapping: str, output: str | None, seconds: float) -> bytes:
    stats = run.stats

    def count(place: int) -> dict[str, int]:
        counts: dict[str, int] = {}
        for kind, number in stats.kinds.most_common():
            name = str(kind[place] or "")
            counts[name] = counts.get(name, 0) + number
        return counts

    report = {
        "version": __version__,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "complete": not run.stopped,
        "mapping": mapping,
        "output": output,
        "lines": stats.lines,
        "records": stats.records,
        "noise": stats.noise,
        "blank": stats.blank,
        "converted": stats.converted,
        "filtered": stats.filtered,
        "rejected": stats.rejected,
        "without_time": stats.without_time,
        "types": count(0),
        "operations": count(1),
        "class_ids": count(2),
        "reasons": dict(stats.reasons),
        "inputs": run.inputs,
    }
    return json.dumps(report, indent=2).encode() + b"\n"
