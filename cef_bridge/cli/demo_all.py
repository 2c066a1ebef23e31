"""`cef-bridge demo --all`: the message of every sample event, and the first for two SIEMs.

In come samples, out go rows on stdout.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from cef_bridge.cli import demo_print
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.cli.demo_samples import DemoSample

_SIEMS = (("splunk", "Splunk"), ("qradar-leef", "QRadar"))


def show_messages(samples: Sequence[DemoSample]) -> None:
    """Print all messages, each under the name of its event."""
    for number, sample in enumerate(samples, 1):
        kind, severity = sample.result.kind, sample.result.severity
        text = f"{number:2}  {kind.name} (severity {severity}, {kind.class_id})"
        demo_print.heading(text, demo_print.colour_of(severity))
        demo_print.line(sample.result.message)
    demo_print.heading("The first event again, as two SIEMs want it")
    for mapping, siem in _SIEMS:
        result = Converter(load(mapping)).convert(samples[0].fields)
        if isinstance(result, Converted):
            click.echo(f"{demo_print.INDENT}{siem} (-m {mapping}):")
            demo_print.line(result.message)


def by_kind(samples: Sequence[DemoSample]) -> str:
    """Return how many events of each kind there are."""
    kinds = [sample.result.kind.class_id for sample in samples]
    counts = Counter(kind.partition(".")[0] for kind in kinds)
    said = ", ".join(f"{count} of kind {kind}" for kind, count in counts.most_common())
    return f"{said}; {len(set(kinds))} different class ids"
