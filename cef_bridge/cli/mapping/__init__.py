"""`cef-bridge mapping`: the workbench of mappings, one file a subcommand.

In come names and paths of mappings, out come tables, YAML, problems. Must not know how mappings
are read, checked or run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from cef_bridge.cli import params

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Subcommand -> module that has it as `command`, and what it does: help needs no import.
_COMMANDS = {
    "list": ("list_", "List the mappings that come with cef-bridge."),
    "show": ("show", "Print a mapping with everything it extends merged in, as YAML."),
    "fields": ("fields", "List the event fields that a mapping can read."),
    "event-ids": ("event_ids", "List every device event class id."),
    "schema": ("schema", "Print the JSON Schema of mapping files, for editors."),
    "new": ("new", "Begin a mapping of your own: a commented file that extends a shipped one."),
    "lint": ("lint", "Check mappings; without a name all shipped ones."),
    "explain-rule": ("explain_rule", "Print what a code of lint means; without one list all."),
    "test": ("test", "Run the examples of mappings; without a name those of all shipped ones."),
    "explain": ("explain", "Show which rule wrote each key of an event's line, and from what."),
    "coverage": ("coverage", "Count which event fields are mapped, kept or lost, over archives."),
    "diff": ("diff", "Compare what two mappings make of the same events."),
}


class _Group(click.Group):
    """Subcommands by name, each imported when it is called."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = import_module(f"cef_bridge.cli.mapping.{_COMMANDS[name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in _COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return params.commands(self, ctx, incomplete, _COMMANDS)


@click.group("mapping", cls=_Group)
def command() -> None:
    """Change what goes where: look at mappings, check, test, explain and compare them."""
