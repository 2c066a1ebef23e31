"""Groups of commands that are imported when they are called, so that `--version` costs nothing.

In comes a table of commands, out comes what click needs of a group. Must not know any command.
"""

from __future__ import annotations

import functools
import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

import click

from cef_bridge.cli import environment, params

if TYPE_CHECKING:
    import types

    from click.shell_completion import CompletionItem


class Group(click.Group):
    """Commands in the order in which they were made, and a hint for an unknown name."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names in their order."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return name, command and remaining words. An unknown name is an error with a hint."""
        name = args[0]
        no_name = name.startswith("-") or ctx.resilient_parsing
        if not no_name and self.get_command(ctx, name) is None:
            from cef_bridge.wording import did_you_mean, shown  # noqa: PLC0415 - for a fault only

            hint = did_you_mean(name, self.list_commands(ctx))
            raise click.UsageError(f'There is no command "{shown(name)}".{hint}', ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """Commands by name: each is `command` of a module in `package`.

    `table` has the module's name, what the command does, and under which heading the help lists it:
    help needs no import. `renamed` has names of earlier versions, which work and are not shown.
    """

    package: ClassVar[str]
    table: ClassVar[dict[str, tuple[str, ...]]]
    renamed: ClassVar[dict[str, str]] = {}

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command, imported; None when there is none."""
        name = self.renamed.get(name, name)
        if name not in self.table:
            return None
        module = f"{self.package}.{self.table[name][0]}"
        found = sys.modules.get(module) or _imported(module)
        command: click.Command = found.command
        prepare(command, f"{path_of(ctx)} {name}")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table into the help, under its headings."""
        sections: dict[str, list[tuple[str, str]]] = {}
        del ctx  # the table has all
        for name, (_, about, *heading) in self.table.items():
            sections.setdefault(heading[0] if heading else "Commands", []).append((name, about))
        width = max(map(len, self.table))
        for title, rows in sections.items():
            with formatter.section(title):
                # As wide in each section, so that they read as one list
                formatter.write_dl([(name.ljust(width), about) for name, about in rows])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples below the help."""
        _write_epilog(self, ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that go on from what was typed."""
        return params.commands(self, ctx, incomplete, self.table)


def path_of(ctx: click.Context) -> str:
    """Return today's names that lead to a command, whatever the program was started as."""
    names = []
    while ctx.parent is not None:
        name, above = ctx.info_name or "", ctx.parent.command
        names.append(above.renamed.get(name, name) if isinstance(above, LazyGroup) else name)
        ctx = ctx.parent
    return " ".join(["cef-bridge", *reversed(names)])


def prepare(command: click.Command, path: str) -> None:
    """Give a command, and those in it, variables for their options, and examples in the help."""
    environment.name_options(command, path)
    if isinstance(command, LazyGroup):
        return
    command.format_epilog = functools.partial(_write_epilog, command)  # type: ignore[method-assign]
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            prepare(child, f"{path} {name}")


def _write_epilog(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    from cef_bridge.cli import examples  # noqa: PLC0415 - for help only

    examples.write(command, path_of(ctx), formatter)


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
