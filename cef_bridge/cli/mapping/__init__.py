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
        "list": ("list_", "List the shipped mappings."),
        "show": ("show", "Print a mapping with everything it extends merged in, as YAML."),
        "fields": ("fields", "List the event fields that a mapping can read."),
        "class-ids": ("class_ids", "List every device event class id."),
        "schema": ("schema", "Print the JSON Schema of mapping files, for editors."),
        "new": ("new", "Create a commented mapping that extends a shipped one."),
        "lint": ("lint", "Check mappings. Default: all shipped ones."),
        "explain-rule": ("explain_rule", "Print the page of a lint code. Default: list all."),
        "test": ("test", "Run the examples of mappings. Default: those of all shipped ones."),
        "explain": (
            "explain",
            "Show which rule wrote each key of an event's message, and from which field.",
        ),
        "coverage": (
            "coverage",
            "Count which event fields of archives are mapped, unmapped or lost.",
        ),
        "diff": ("diff", "Compare the output of two mappings for the same events."),
    }
    renamed: ClassVar = {"event-ids": "class-ids"}


@click.group("mapping", cls=_Group)
def command() -> None:
    """Create, check, test, explain and compare mappings."""
