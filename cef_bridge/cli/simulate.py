"""`cef-bridge simulate`: what a SIEM's parser makes of an event's line, and what would fix it.

In come a receiver, a mapping and an event (or a finished line), out come the fields there, the
time, what is lost or misread, and what nobody can know here. Parses nothing itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.earlier import with_earlier_keys
from cef_bridge.cli.event_input import one_record
from cef_bridge.cli.params import Receiver, Whole, mapping_option
from cef_bridge.cli.tables import cut, json_option, print_sentence, print_table
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter, Filtered
from cef_bridge.siems.registry import SIEMS
from cef_bridge.siems.simulators import SIMULATORS, gathered
from cef_bridge.workbench.agreement import check
from cef_bridge.workbench.events import LocatedMessage

if TYPE_CHECKING:
    from cef_bridge.mapping.language.spec import Mapping
    from cef_bridge.siems.simulators import Reading, SiemFinding, Simulator
    from cef_bridge.workbench.events import LocatedEvent

_FOUND = 3
_WIDTH = 60


@click.command("simulate")
@click.argument("event", required=False)
@click.option(
    "--siem", required=True, type=Receiver(list(SIMULATORS)), help="SIEM parser to simulate."
)
@mapping_option(None, "; without it the SIEM's own")
@click.option(
    "--syslog-header",
    type=click.Choice(["none", "rfc3164", "rfc5424"]),
    help="Syslog header. [default: the mapping's]",
)
@click.option(
    "--event",
    "number",
    type=Whole(1),
    metavar="N",
    help="Number of the event, or line, to take.",
)
@json_option
def command(
    event: str | None,
    siem: str,
    mapping_name: str | None,
    syslog_header: str | None,
    number: int | None,
    as_json: bool,
) -> None:
    """Show what a SIEM's parser extracts from an event's message.

    EVENT is a file (any input format or archive), - (stdin, the default), or JSON that begins with
    {. On a terminal the default is the mapping's first example. CEF or LEEF lines are read
    unchanged. Exit code 3 when something is lost or misread.
    """
    simulator = SIMULATORS[siem]
    mapping = load(mapping_name or SIEMS[siem].simulated)
    record = one_record(event, number or 0, mapping)
    if isinstance(record, LocatedMessage) and (mapping_name or syslog_header):
        raise UsageError(
            f"{record.place} is a message already: no mapping and no header are put to it. "
            "Leave out --mapping and --syslog-header, or give an event as JSON."
        )
    line = (
        record.text
        if isinstance(record, LocatedMessage)
        else _written(record, mapping, syslog_header)
    )
    used = "" if isinstance(record, LocatedMessage) else mapping.name
    reading = simulator.read(line)
    if as_json:
        click.echo(json.dumps(_plain(simulator, used, line, reading), ensure_ascii=False, indent=2))
    else:
        _print(simulator, reading)
    if reading.problems:
        raise SystemExit(_FOUND)


def _written(found: LocatedEvent, mapping: Mapping, syslog_header: str | None) -> str:
    header = syslog_header or mapping.envelope.network_header
    machine = MappingEngine(Converter(mapping, syslog_header=header))
    fate = machine.convert(found.fields, "")
    check(machine, found)
    if isinstance(fate, Converted):
        return fate.message
    if isinstance(fate, Filtered):
        raise CefBridgeError(
            f"{found.place}: {mapping.name} filters this event out, so nothing is sent of it."
        )
    raise CefBridgeError(f"{found.place}: the event cannot be converted: {fate.reason}.")


def _plain(simulator: Simulator, mapping: str, line: str, reading: Reading) -> dict[str, object]:
    """Return a reading for machines; `mapping` is empty for a line that was given."""
    return {
        "siem": simulator.name,
        "mapping": mapping or None,
        "line": line,
        "time": {"value": reading.time.value, "from": reading.time.source},
        "fields": {field.name: field.value for field in reading.fields},
        "findings": [with_earlier_keys(finding._asdict()) for finding in reading.findings],
        "unknown": list(simulator.unknown),
        "sources": list(simulator.sources),
    }


def _print(simulator: Simulator, reading: Reading) -> None:
    if reading.fields:
        rows = [
            (cut(field.name, _WIDTH), cut(field.value, _WIDTH), cut(field.key, _WIDTH))
            for field in reading.fields
        ]
        print_table(("field", "value", "from"), rows)
        click.echo()
    value = f"{cut(reading.time.value)} from " if reading.time.value else ""
    print_sentence(f"time: {value}{reading.time.source}")
    order = {kind: place for place, kind in enumerate(("lost", "misread", "renamed", "ignored"))}
    found = gathered(reading.findings)
    for finding, keys in sorted(found, key=lambda each: order.get(each[0].kind, len(order))):
        _print_finding(finding, keys)
    click.echo(f"\n{simulator.title}. What cannot be known here:")
    for text in simulator.unknown:
        print_sentence(text, indent="  ")
    click.echo("What is known here was read in:")
    for text in simulator.sources:
        print_sentence(text, indent="  ")


def _print_finding(finding: SiemFinding, keys: list[str]) -> None:
    about = f"{', '.join(map(cut, keys))}: " if keys else ""
    print_sentence(f"{finding.kind}: {about}{cut(finding.message)}", finding.kind)
    if finding.fix:
        print_sentence(f"fix: {cut(finding.fix)}", "fixed", indent="  ")
