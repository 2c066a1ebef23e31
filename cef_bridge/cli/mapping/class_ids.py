"""`cef-bridge mapping class-ids`: every class id there is, also as receivers take the list."""

from __future__ import annotations

import click

from cef_bridge.cli.logs import say
from cef_bridge.cli.tables import json_option, print_rows
from cef_bridge.kubearmor.classes import catalogue
from cef_bridge.siems.class_ids import FORMS, text


@click.command("class-ids")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", *FORMS]),
    default="table",
    show_default=True,
    help="Output format: table, JSON, CSV, or the file that a SIEM imports.",
)
@json_option
def command(form: str, *, as_json: bool) -> None:
    """List every device event class id with its name, category and default severity.

    qradar is what QID map entries need, arcsight a categorizer file, splunk rows of SC4S'
    splunk_metadata.csv, splunk-eventtypes and splunk-tags two .conf files, sentinel a query.
    """
    if form in FORMS and not as_json:
        click.echo(text(form), nl=False)
        if note := FORMS[form].note:
            say(note)
        return
    rows = [(row.class_id, row.name, row.category, row.severity) for row in catalogue()]
    columns = ("id", "name", "category", "severity")
    print_rows(columns, rows, as_json=as_json or form == "json")
