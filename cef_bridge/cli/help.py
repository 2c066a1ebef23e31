"""`cef-bridge help`: the help of any command, by its name.

In come the names on the way to a command, out goes what its --help prints.
"""

from __future__ import annotations

import click


@click.command("help")
@click.argument("names", metavar="[COMMAND]...", nargs=-1)
def command(names: tuple[str, ...]) -> None:
    """Show the help of a command, the same as COMMAND --help."""
    context = click.get_current_context().find_root()
    for at, name in enumerate(names):
        if not isinstance(context.command, click.Group):
            raise click.UsageError(f"{context.command_path} has no commands.", context)
        _, found, _ = context.command.resolve_command(context, [*names[at:]])
        if found is None:
            raise click.UsageError(f"{context.command_path} has no such command.", context)
        context = click.Context(found, context, name)
    click.echo(context.get_help())
