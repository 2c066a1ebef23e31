"""`cef-bridge mapping show`: one mapping whole, as YAML that loads again, as JSON, or compiled."""

from __future__ import annotations

import json

import click

from cef_bridge.cli.params import MAPPING
from cef_bridge.cli.tables import json_option
from cef_bridge.errors import UsageError
from cef_bridge.mapping import load
from cef_bridge.mapping.language import dump
from cef_bridge.mapping.program import table
from cef_bridge.mapping.program.converter import Converter


@click.command("show")
@click.argument("name", metavar="NAME-OR-PATH", type=MAPPING)
@json_option
@click.option("--table", "as_table", is_flag=True, help="Print the rules as the engine runs them.")
def command(name: str, as_json: bool, as_table: bool) -> None:
    """Print a mapping with everything it extends merged in, as YAML that loads again."""
    mapping = load.load(name)
    if as_table:
        if as_json:
            raise UsageError("--table and --json exclude each other. Remove one.")
        click.echo("\n".join(table.words(Converter(mapping))))
        return
    if as_json:
        click.echo(json.dumps(dump.to_plain(mapping), ensure_ascii=False, indent=2))
        return
    if mapping.extends:
        click.echo(f"# {mapping.name} extends {', '.join(mapping.extends)}; all of it is here.")
    click.echo(dump.to_yaml(mapping), nl=False)
