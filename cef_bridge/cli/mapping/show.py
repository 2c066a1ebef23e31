"""`cef-bridge mapping show`: one mapping whole, as YAML that loads again, or as JSON."""

from __future__ import annotations

import json

import click

from cef_bridge.cli.params import MAPPING
from cef_bridge.cli.tables import json_option
from cef_bridge.mapping import dump, load


@click.command("show")
@click.argument("name", metavar="NAME-OR-PATH", type=MAPPING)
@json_option
def command(name: str, as_json: bool) -> None:
    """Print a mapping with everything it extends merged in, as YAML that loads again."""
    mapping = load.load(name)
    if as_json:
        click.echo(json.dumps(dump.to_plain(mapping), ensure_ascii=False, indent=2))
        return
    if mapping.extends:
        click.echo(f"# {mapping.name} extends {', '.join(mapping.extends)}; all of it is here.")
    click.echo(dump.to_yaml(mapping), nl=False)
