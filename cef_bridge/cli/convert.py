"""`cef-bridge convert`: archives of KubeArmor JSON become CEF or LEEF.

In come paths and options, out go messages (stdout or a file that appears whole), rejects, a report
and a summary on stderr. Opens files and handles signals; converts nothing itself.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from cef_bridge.cli.jobs import MOST_JOBS, threads
from cef_bridge.cli.logs import say
from cef_bridge.cli.packed import PackedFile
from cef_bridge.cli.params import Renamed, Whole, mapping_option
from cef_bridge.cli.progress import progress, someone_looks
from cef_bridge.cli.summary import Asked, counters, report, summary
from cef_bridge.cli.targets import StandardStream, Targets, appears, mode_of, opened
from cef_bridge.cli.times import moment
from cef_bridge.convert.conversion import MAX_EXPAND, ConvertRun
from cef_bridge.engine import native
from cef_bridge.engine.line_loop import Options
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.kubearmor.decode import INPUT_FORMATS
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.objects.urls import is_url
from cef_bridge.objects.urls import shown as shown_url
from cef_bridge.sources.files.inputs import expand

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from cef_bridge.cli.packed import WholeFile
    from cef_bridge.cli.state import State
    from cef_bridge.convert.conversion import ConvertResult
    from cef_bridge.convert.parallel import ParallelRun
    from cef_bridge.sources.files.inputs import Input

_SIGPIPE = 141
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def _size(_: click.Context, __: click.Parameter, text: str) -> int:
    """Read `1048576`, `512K`, `4MiB`; what bounds memory is at most 1 GiB."""
    number = text.strip().lower().removesuffix("b").removesuffix("i")
    unit = number[-1:] if number[-1:].isalpha() else ""
    digits = number.removesuffix(unit)
    if unit not in _UNITS or not digits.isdecimal() or not digits.isascii():
        raise click.BadParameter(f'Invalid size "{text}". Expected bytes, or such as 512K or 4M.')
    size = int(digits[:20]) * _UNITS[unit]
    if not 1 <= size <= 1 << 30:
        raise click.BadParameter(f'"{text}" is out of range. Expected 1 to 1G.')
    return size


@click.command("convert")
@click.argument("inputs", metavar="[INPUT]...", nargs=-1)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Write to a file or an object (s3://...), which appears when it is complete. "
    "A name in .gz or .zst compresses it.",
)
@mapping_option()
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
    metavar="N",
    type=Whole(1, MOST_JOBS),
    help="Worker threads.  [default: the number of cores]",
)
@click.option("--rejects", metavar="PATH", help="File for rejected records, as JSON lines.")
@click.option(
    "--report", "report_path", metavar="PATH", help="File for counts and input hashes, as JSON."
)
@click.option(
    "--checkpoint",
    "state_path",
    cls=Renamed,
    was="--state",
    metavar="PATH",
    help="Checkpoint file for resuming; run the same command to resume.",
)
@click.option(
    "--strict", is_flag=True, help="Reject lines that are no events, instead of skipping them."
)
@click.option(
    "--input-format",
    type=click.Choice(INPUT_FORMATS),
    default="auto",
    show_default=True,
    help="Take only events of this input format.",
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
    type=Whole(1, 1_000_000),
    default=MAX_EXPAND,
    show_default=True,
    help="Stop at an archive that expands to more than N times its size (and 64 MiB).",
)
@click.option(
    "--assume-time",
    metavar="TIME",
    callback=moment,
    help="Time of events without one: now, or an ISO time.",
)
@click.option(
    "--progress/--no-progress",
    "wanted",
    default=None,
    help="Show a progress bar on stderr (when it is a terminal).",
)
def command(  # noqa: PLR0913, PLR0917 - the options of the command; click hands them over by name
    inputs: tuple[str, ...],
    output: str | None,
    mapping_name: str,
    syslog_header: str,
    jobs: int | None,
    rejects: str | None,
    report_path: str | None,
    state_path: str | None,
    strict: bool,
    input_format: str,
    max_record: int,
    max_expand: int,
    assume_time: int | None,
    wanted: bool | None,
) -> None:
    """Convert KubeArmor JSON into CEF or LEEF messages, one a line.

    INPUT is a file, a folder, a glob, a URL of objects (s3://bucket/*.json.gz, in quotes) or -
    (stdin, the default); .gz .zst .bz2 .xz and .tar are recognized by their content. All input
    formats of KubeArmor's events are recognized. A PATH may be a URL, or - for stdout. Exit code 3
    when records were rejected, or when Python and the native engine differ
    (CEF_BRIDGE_ENGINE=both compares them).
    """
    mapping = load(mapping_name)
    found = expand(inputs)
    targets = Targets.named(output, rejects, report_path)
    output, rejects = (None if it is None else shown_url(it) for it in (output, rejects))
    state: State | None = None
    if state_path is not None:
        from cef_bridge.cli.state import State, others  # noqa: PLC0415 - seldom asked for
        from cef_bridge.mapping.language.dump import fingerprint  # noqa: PLC0415 - as above

        found = others(found, state_path)
    targets.check(found)
    if state_path is not None:
        said = {
            "mapping": fingerprint(mapping),
            "syslog-header": syslog_header,
            "input-format": input_format,
            "max-record": max_record,
            "max-expand": max_expand,
            "strict": strict,
            "report": report_path is not None,
            "rejects": rejects is not None,
            "output": output,
        }
        state = State(state_path, said, found, targets, assume_time)
        assume_time = state.assumed_time
    asked = Asked(
        mapping=mapping.name,
        output=output,
        rejects=rejects,
        withheld=output if targets.output and appears(targets.output) else None,
        assumed_time=assume_time is not None,
        state=state_path,
        engine=native.status(),
    )
    converter = Converter(mapping, syslog_header=syslog_header, assumed_time=assume_time)
    options = Options(max_record, input_format, strict)
    shown = someone_looks(targets.output) if wanted is None else wanted
    task = _Task(converter, options, found, targets, asked, max_expand, jobs, shown, state)
    try:
        run = _convert(task)
    except BrokenPipeError:
        # The reader has gone (`| head`): what a program that SIGPIPE ended reports, and no word.
        os._exit(_SIGPIPE)
    if run.stopped:
        raise SystemExit(130)
    if run.stats.rejected or run.stats.differed:
        raise SystemExit(3)


class _Task(NamedTuple):
    """What was asked for, checked."""

    converter: Converter
    options: Options
    inputs: list[Input]
    targets: Targets
    asked: Asked
    max_expand: int
    jobs: int | None
    shown: bool
    state: State | None


def _convert(task: _Task) -> ConvertResult:
    """Open the outputs, run, bring what was written to its name and say what it came to."""
    started = time.monotonic()
    state, asked = task.state, task.asked
    # What is remembered lives long and has no cycles worth looking for: measured 2 to 4 % less CPU.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with contextlib.ExitStack() as files:
        out, aside, told = _opened(task, files)
        run = _run(task, out, aside, files)
        with progress(task.inputs, shown=task.shown) as run.progress, _interruptible(run):
            run.run(task.inputs)
        if state and not run.stopped:
            state.complete()
        # First the messages: a report must not speak of what is not there.
        for file in (out, aside) if state else (out,):
            if file is not None and not isinstance(file, StandardStream):
                file.discard() if run.stopped else file.commit()
        seconds = time.monotonic() - started + (state.seconds if state else 0)
        if told:
            told.write(report(run, asked, seconds, _digest(task, run, out)))
    if state and not run.stopped:
        state.done()
    first, *others = summary(run, asked, seconds)
    say(first, "info", "converted", **counters(run, seconds))
    for line in others:
        say(line, "info", "summary")
    return run


def _opened(
    task: _Task, files: contextlib.ExitStack
) -> tuple[
    StandardStream | WholeFile,
    StandardStream | WholeFile | None,
    StandardStream | WholeFile | None,
]:
    """Open what the messages, the rejects and the report are written to."""
    targets, state = task.targets, task.state
    if state:
        if state.resumed:
            say(f"resuming: {state.where()}", "info", "resuming")
        state.begin()

    def open_(what: str, path: str | None) -> StandardStream | WholeFile:
        if state and path and state.keeps(what):
            target = state.opened(what, path)
            files.enter_context(target)
            return target
        hashed = what == "output" and targets.report is not None
        return opened(path, files, hashed=hashed, mode=mode_of(what))

    return (
        open_("output", targets.output),
        open_("rejects", targets.rejects) if targets.rejects else None,
        open_("report", targets.report) if targets.report else None,
    )


def _run(
    task: _Task,
    out: StandardStream | WholeFile,
    aside: StandardStream | WholeFile | None,
    files: contextlib.ExitStack,
) -> ConvertRun | ParallelRun:
    """Return the run, ready to go: by one thread, or by several."""
    machine, hashed = MappingEngine(task.converter), task.targets.report is not None
    # Without the engine threads would only wait for one another.
    jobs = threads(task.jobs, task.inputs) if machine.native else 1
    if jobs > 1:  # one thread by itself uses its memory again
        native.keep_freed_memory()
    options, max_expand = task.options, task.max_expand
    if jobs == 1 and task.state is None:
        return ConvertRun(machine, out, aside, options, max_expand=max_expand, hashed=hashed)
    from cef_bridge.convert.parallel import ParallelOptions, ParallelRun  # noqa: PLC0415 - not for small inputs

    run = ParallelRun(machine, out, aside, options, ParallelOptions(jobs, max_expand, hashed))
    if task.state:
        task.state.follow(run)
    run.begin(task.inputs)
    files.callback(run.close)
    return run


def _digest(task: _Task, run: ConvertResult, out: StandardStream | WholeFile) -> str | None:
    """Return the SHA-256 of the file or object of messages, None of what is neither."""
    path = task.targets.output
    if run.stopped or path is None or task.asked.withheld is None:
        return None
    if is_url(path):
        from cef_bridge.cli.staged import StagedObject  # noqa: PLC0415 - few outputs are objects
        from cef_bridge.objects.writer import ObjectFile  # noqa: PLC0415 - as above

        whole = out.inner if isinstance(out, PackedFile) else out
        return whole.sha256() if isinstance(whole, ObjectFile | StagedObject) else None
    if path.startswith(("/dev/", "/proc/")):
        return None
    import hashlib  # noqa: PLC0415 - loads OpenSSL, for a report

    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _interruptible(run: ConvertRun | ParallelRun) -> Iterator[None]:
    """End the run on a signal: the first after the lines in hand, a second one at once."""
    again = False

    def handle(_: int, __: FrameType | None) -> None:
        nonlocal again
        again = run.stopped
        run.stop()
        if again or run.waiting:
            raise KeyboardInterrupt

    heard = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        heard.append(signal.SIGHUP)
    before = [(each, signal.signal(each, handle)) for each in heard]
    try:
        yield
    except KeyboardInterrupt:
        if again:
            say("interrupted again: ended at once, the output may end within a line")
            raise
    finally:
        for each, handler in before:
            signal.signal(each, handler)
