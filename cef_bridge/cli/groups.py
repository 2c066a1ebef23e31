"""Groups of commands that are imported when they are called, so that `--version` costs nothing.

In comes a table of commands, out comes what click needs of a group. Must not know any command.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

import click

from cef_bridge.cli import params

if TYPE_CHECKING:
    import types

    from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """Commands by name: each is `command` of a module in `package`.

    `table` has the module's name and what the command does: help needs no import. `renamed` has
    names of earlier versions, which go on to work and are shown nowhere.
    """

    package: ClassVar[str]
    table: ClassVar[dict[str, tuple[str, str]]]
    renamed: ClassVar[dict[str, str]] = {}

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return list(self.table)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        """Return a command, imported; None when there is none."""
        name = self.renamed.get(name, name)
        if name not in self.table:
            return None
        module = f"{self.package}.{self.table[name][0]}"
        found = sys.modules.get(module) or _imported(module)
        command: click.Command = found.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return name, command and the words behind it; a name that is none is told, with what may
        have been meant.
        """
        name = args[0]
        told = name.startswith("-") or ctx.resilient_parsing
        if not told and self.get_command(ctx, name) is None:
            from cef_bridge.wording import did_you_mean, shown  # noqa: PLC0415 - for a fault only

            hint = did_you_mean(name, list(self.table))
            raise click.UsageError(f'There is no command "{shown(name)}".{hint}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table into the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in self.table.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that go on from what was typed."""
        return params.commands(self, ctx, incomplete, self.table)


def _imported(name: str) -> types.ModuleType:
    """Return a module. What it makes stays: to look for garbage there took a third of a start."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        module = import_module(name)
        gc.freeze()
    finally:
        if was_on:
            gc.enable()
    return module
