"""`cef-bridge mapping event-ids`: every class id there is."""

from __future__ import annotations

import click

from cef_bridge.cli.tables import json_option, print_rows
from cef_bridge.events.classes import catalogue


@click.command("event-ids")
@json_option
def command(as_json: bool) -> None:
    """List every device event class id with its name, category and default severity."""
    rows = [(row.class_id, row.name, row.category, row.severity) for row in catalogue()]
    print_rows(("id", "name", "category", "severity"), rows, as_json=as_json)
