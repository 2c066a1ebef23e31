"""`cef-bridge mapping fields`: what a mapping can read.

Prints the rows of `kubearmor.fields`, and adds none: a field that is added there is listed here.
With `--json` an array of objects with `field`, `kind`, `source` ("event" or "derived"), `since`
(KubeArmor's version, "" when it was always there) and `description`.
"""

from __future__ import annotations

import click

from cef_bridge.cli.tables import json_option, print_rows
from cef_bridge.kubearmor import fields


@click.command("fields")
@json_option
def command(as_json: bool) -> None:
    """List the event fields that a mapping can read: KubeArmor's own, then derived ones."""
    rows = [
        (row.path, row.kind, source, row.since, row.doc)
        for source, table in (("event", fields.RAW), ("derived", fields.DERIVED))
        for row in table.values()
    ]
    print_rows(("field", "kind", "source", "since", "description"), rows, as_json=as_json)
