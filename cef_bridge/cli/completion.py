"""`cef-bridge completion`: the script that lets a shell complete what is typed.

In comes a shell's name, out goes the script that click has for it. What is offered is the business
of the commands' own parameters (`cli.params`).
"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_PROGRAM = "cef-bridge"
_VARIABLE = "_CEF_BRIDGE_COMPLETE"
"""What the script calls the program with: click derives the same name from the program's."""

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
def command(shell: str) -> None:
    """Print a completion script for bash, zsh or fish.

    Load it when the shell starts: source <(cef-bridge completion bash).
    """
    known = get_completion_class(shell)
    if known is None:
        raise click.UsageError(f"There is no completion for {shell} here.")
    root = click.get_current_context().find_root().command
    click.echo(known(root, {}, _PROGRAM, _VARIABLE).source(), nl=False)
