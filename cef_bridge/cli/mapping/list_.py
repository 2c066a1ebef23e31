"""`cef-bridge mapping list`: the mappings that come with the package.

A file in `mappings/` is a row: its name, its format, and the first line of its description.
With `--json` an array of objects with `name`, `format` and `description`.
"""

from __future__ import annotations

import click

from cef_bridge.cli.tables import json_option, print_rows
from cef_bridge.mapping import load
from cef_bridge.mapping.language import shipped


@click.command("list")
@json_option
def command(as_json: bool) -> None:
    """List the shipped mappings."""
    rows = []
    for name in shipped.names():
        mapping = load.load(name)
        first_line = mapping.description.strip().partition("\n")[0]
        rows.append((name, mapping.format, first_line))
    print_rows(("name", "format", "description"), rows, as_json=as_json)
