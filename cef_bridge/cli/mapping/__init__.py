"""`cef-bridge mapping`: the workbench of mappings, one file a subcommand.

In come names and paths of mappings, out come tables, YAML, problems. Must not know how mappings
are read, checked or run.
"""

from __future__ import annotations

from typing import ClassVar

import click

from cef_bridge.cli.groups import LazyGroup


class _Group(LazyGroup):
    package = "cef_bridge.cli.mapping"
    table: ClassVar = {
        "list": ("list_", "List the mappings that come with cef-bridge."),
        "show": ("show", "Print a mapping with everything it extends merged in, as YAML."),
        "fields": ("fields", "List the event fields that a mapping can read."),
        "class-ids": ("class_ids", "List every device event class id."),
        "schema": ("schema", "Print the JSON Schema of mapping files, for editors."),
        "new": ("new", "Begin a mapping of your own: a commented file that extends a shipped one."),
        "lint": ("lint", "Check mappings; without a name all shipped ones."),
        "explain-rule": ("explain_rule", "Print what a code of lint means; without one list all."),
        "test": ("test", "Run the examples of mappings; without a name those of all shipped ones."),
        "explain": ("explain", "Show which rule wrote each key of an event's line, and from what."),
        "coverage": (
            "coverage",
            "Count which event fields are mapped, kept or lost, over archives.",
        ),
        "diff": ("diff", "Compare what two mappings make of the same events."),
    }
    renamed: ClassVar = {"event-ids": "class-ids"}


@click.group("mapping", cls=_Group)
def command() -> None:
    """Change what goes where: look at mappings, check, test, explain and compare them."""
