"""`cef-bridge demo`: sample events become messages before one's eyes, and none is lost on its way.

In come the samples that ship with the package, out come their CEF lines, one event as two
receivers want it, and the verdicts: of the strict reader, and of a delivery to a collector that
dies in the middle (`demo_delivery`). Converts and sends nothing itself.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import click

from cef_bridge.cli.demo_delivery import deliver
from cef_bridge.kubearmor.decode import Decoded, EventDecoder, Noise
from cef_bridge.lines.check import faults
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter
from cef_bridge.sources.records.blocks import Block, blocks

_SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "events.ndjson"
_RECEIVERS = (("splunk", "Splunk"), ("qradar-leef", "QRadar"))
_INDENT = "    "
# From this severity on -> colour; CEF calls 9 and 10 very high, 7 and 8 high, 4 to 6 medium.
_COLOURS = ((9, "bright_red"), (7, "red"), (4, "yellow"), (0, "green"))
_FOUND_SOMETHING = 3


class _Sample(NamedTuple):
    fields: dict[str, object]
    fate: Converted


@click.command("demo")
def command() -> None:
    """Convert sample events of every kind, then forward events to a collector that is killed.

    Exit code 3 when a message is invalid, or an event is lost.
    """
    converter = Converter(load("kubearmor-cef"))
    samples, passed_over, lost = _convert_samples(converter)
    for number, sample in enumerate(samples, 1):
        kind, severity = sample.fate.kind, sample.fate.severity
        head = f"{number:2}  {kind.name} (severity {severity}, {kind.class_id})"
        _say(head, colour=next(name for least, name in _COLOURS if severity >= least))
        _say_line(sample.fate.message)
    _show_receivers(samples[0].fields)
    strict = converter.program.format
    found = [fault for sample in samples for fault in faults(sample.fate.message, strict)]
    _say(
        f"{len(samples)} events converted, {len(lost)} rejected, {passed_over} other lines passed "
        "over",
        colour="bright_white",
    )
    click.echo(_by_kind(samples))
    if lost or found:
        click.echo("\n".join([*lost, *found]))
        sys.exit(_FOUND_SOMETHING)
    click.echo("A strict reader finds no problems.\n")
    _say("Delivery to a collector that is killed half-way", colour="bright_white")
    verdict = deliver(_say_wrapped)
    if verdict.duplicates:
        click.echo(f"{_INDENT}what had no receipt was sent again, under the same event id")
    _say(str(verdict), colour="bright_red" if verdict.lost else "bright_green")
    if verdict.lost:
        sys.exit(_FOUND_SOMETHING)
    click.echo("Next: cef-bridge forward --from FILE --to tcp://YOUR-COLLECTOR:514 --check")


def _convert_samples(converter: Converter) -> tuple[list[_Sample], int, list[str]]:
    """Return what became of the samples, how many lines are no events, and why some were lost."""
    samples, passed_over, lost, decoder = [], 0, [], EventDecoder()
    with _SAMPLES.open("rb") as file:
        units = [unit for item in blocks(file) if isinstance(item, Block) for unit in item.lines]
    for unit in units:
        for found in decoder.decode(unit):
            fate = converter.convert(found.fields) if isinstance(found, Decoded) else found
            if isinstance(found, Decoded) and isinstance(fate, Converted):
                samples.append(_Sample(found.fields, fate))
            elif isinstance(fate, Noise):
                passed_over += 1
            else:
                lost.append(getattr(fate, "reason", "the mapping dropped it"))
    return samples, passed_over, lost


def _show_receivers(fields: dict[str, object]) -> None:
    _say("The first event again, as two receivers want it", colour="bright_white")
    for mapping, receiver in _RECEIVERS:
        fate = Converter(load(mapping)).convert(fields)
        if isinstance(fate, Converted):
            click.echo(f"{_INDENT}{receiver} (-m {mapping}):")
            _say_line(fate.message)


def _by_kind(samples: list[_Sample]) -> str:
    kinds = [sample.fate.kind.class_id for sample in samples]
    counts = Counter(kind.partition(".")[0] for kind in kinds)
    told = ", ".join(f"{count} of kind {kind}" for kind, count in counts.most_common())
    return f"{told}; {len(set(kinds))} different class ids"


def _plain() -> bool:
    return not sys.stdout.isatty() or bool(os.environ.get("NO_COLOR"))


def _say(text: str, colour: str) -> None:
    click.echo(text if _plain() else click.style(text, fg=colour, bold=True))


def _say_wrapped(sentence: str) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 120
    click.echo(
        textwrap.fill(sentence, width, initial_indent=_INDENT, subsequent_indent=_INDENT * 2)
    )


def _say_line(message: str) -> None:
    """Print a message: whole where it may be copied, wrapped and indented on a terminal."""
    if not sys.stdout.isatty():
        click.echo(f"{_INDENT}{message}\n")
        return
    width = max(shutil.get_terminal_size().columns - len(_INDENT), 20)
    rows = [message[at : at + width] for at in range(0, len(message), width)]
    click.echo("\n".join(_INDENT + row for row in rows) + "\n")
