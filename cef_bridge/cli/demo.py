"""`cef-bridge demo`: an event becomes a message before one's eyes, and none is lost on its way.

In come the samples that ship with the package, out come two screens: one event with what SIEMs read
of it (`demo_event`); all kinds of events, and a delivery to a collector that is killed half-way
(`demo_delivery`). Converts and sends nothing itself.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from cef_bridge.cli import demo_print
from cef_bridge.cli.demo_delivery import EVENTS, deliver
from cef_bridge.cli.demo_progress import watched
from cef_bridge.cli.demo_samples import convert_samples
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.cli.demo_samples import DemoSample, DemoSamples

_FOUND_SOMETHING = 3


@click.command("demo")
@click.option("--all", "wants_all", is_flag=True, help="Print the message of every sample event.")
def command(wants_all: bool) -> None:
    """Convert sample events of every kind, then forward events to a collector that is killed.

    Exit code 3 when a message is invalid, or an event is lost.
    """
    converter = Converter(load("kubearmor-cef"))
    samples = convert_samples(converter)
    if wants_all:
        _show_all(samples)
    else:
        from cef_bridge.cli.demo_event import show_event  # noqa: PLC0415 - not for all lines

        show_event(samples.converted[0], converter)
        _show_kinds(samples)
    if samples.problems:
        click.echo("\n".join(samples.problems))
        sys.exit(_FOUND_SOMETHING)
    demo_print.heading(f"\n{EVENTS:,} events to a collector that is killed half-way")
    with watched() as progress:
        result = deliver(progress)
    colour = "bright_red" if result.lost else "bright_green"
    demo_print.heading(str(result), colour)
    if result.lost:
        sys.exit(_FOUND_SOMETHING)
    click.echo("Next: cef-bridge forward --from FILE --to tcp://YOUR-COLLECTOR:514 --check")


def _show_all(samples: DemoSamples) -> None:
    from cef_bridge.cli.demo_all import by_kind, show_messages  # noqa: PLC0415 - seldom asked for

    show_messages(samples.converted)
    demo_print.heading(_counts(samples))
    click.echo(by_kind(samples.converted))
    if not samples.problems:
        click.echo("All messages are valid CEF.")


def _counts(samples: DemoSamples) -> str:
    converted = len(samples.converted)
    return f"{converted} converted, {samples.rejected} rejected, {samples.skipped} skipped"


def _show_kinds(samples: DemoSamples) -> None:
    """Print a table of the sample events, by what their class ids name as the operation."""
    groups: dict[str, list[DemoSample]] = {}
    for sample in samples.converted:
        groups.setdefault(sample.result.kind.class_id.split(".")[2], []).append(sample)
    demo_print.heading(f"\n{len(samples.converted)} sample events, by operation")
    rows = [(operation, *_summed(group)) for operation, group in groups.items()]
    demo_print.table(
        ("operation", "events", "severity", "such as"), rows, 3, ("cyan", "", "yellow", "")
    )
    valid = "" if samples.problems else "; all valid CEF"
    click.echo(f"{_counts(samples)}{valid}. All messages: demo --all")


def _summed(group: Sequence[DemoSample]) -> tuple[str, str, str]:
    """Return how many events there are, their severities, and the name of the most severe."""
    by_severity = sorted(group, key=lambda each: each.result.severity)
    least, worst = by_severity[0].result, by_severity[-1].result
    span = str(least.severity)
    if worst.severity != least.severity:
        span += f" to {worst.severity}"
    return str(len(group)), span, worst.kind.name
