"""`cef-bridge help`: the help of any command, by its name.

In come the names on the way to a command, out goes what its --help prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem


class _Path(click.types.StringParamType):
    """The names on the way to a command; a shell offers those that come next."""

    def shell_complete(
        self, ctx: click.Context, _: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return what goes on from the names that are there."""
        before = [*ctx.args, *(ctx.params.get("names") or ())]
        found = _context(ctx.find_root(), before)
        if not isinstance(found.command, click.Group):
            return []
        offered = found.command.shell_complete(found, incomplete)
        return [item for item in offered if not item.value.startswith("-")]


@click.command("help")
@click.argument("names", metavar="[COMMAND]...", nargs=-1, type=_Path())
def command(names: tuple[str, ...]) -> None:
    """Show the help of a command, the same as COMMAND --help."""
    context = _context(click.get_current_context().find_root(), names)
    click.echo(context.get_help())


def _context(root: click.Context, names: Sequence[str]) -> click.Context:
    """Return the context of a command; UsageError for one that does not exist."""
    context = root
    for name in names:
        if not isinstance(context.command, click.Group):
            raise click.UsageError(f"{context.command_path} has no commands.", context)
        _, found, _ = context.command.resolve_command(context, [name])
        if found is None:
            raise click.UsageError(f'There is no command "{name}".', context)
        context = click.Context(found, context, name)
    return context
