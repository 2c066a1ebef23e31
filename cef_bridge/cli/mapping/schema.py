"""`cef-bridge mapping schema`: JSON Schemas of the YAML files that people write, for editors."""

from __future__ import annotations

import json

import click

from cef_bridge.forward import config
from cef_bridge.mapping.language.schema import schema


@click.command("schema")
@click.option("--config", "of_config", is_flag=True, help="That of a config of forward instead.")
def command(of_config: bool) -> None:
    """Print the JSON Schema (2020-12) of a mapping file, for an editor to check and complete."""
    said = config.schema() if of_config else schema()
    click.echo(json.dumps(said, ensure_ascii=False, indent=2))
