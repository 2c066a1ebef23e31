"""`cef-bridge mapping schema`: JSON Schemas of the YAML files that people write, for editors.

Both are made from the declarations that the readers follow (`mapping.language.spec`,
`forward.config.spec`), so an editor completes and checks what the program takes. Output: one JSON
document (draft 2020-12), the same for the same version of cef-bridge; `docs/mapping.schema.json`
and `docs/forward.schema.json` are copies of it. Editors that read
`# yaml-language-server: $schema=` comments take either.
"""

from __future__ import annotations

import json

import click

from cef_bridge.forward import config
from cef_bridge.mapping.language.schema import schema


@click.command("schema")
@click.option("--config", "of_config", is_flag=True, help="Print the forward schema instead.")
def command(of_config: bool) -> None:
    """Print the JSON Schema (2020-12) of a mapping file, for an editor to check and complete."""
    said = config.schema() if of_config else schema()
    click.echo(json.dumps(said, ensure_ascii=False, indent=2))
