"""Options from the environment: `CEF_BRIDGE_FORWARD_QUEUE_LIMIT` is `forward --queue-limit`.

In come commands, whose options are given the names of their variables; in comes an error, out goes
one that names the variable and not its value, which may be a secret. Precedence is click's: the
command line, then the environment, then what the command reads of files.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PREFIX = "CEF_BRIDGE"
RESERVED = ("CEF_BRIDGE_ENGINE", "CEF_BRIDGE_BUILD", "CEF_BRIDGE_PLATFORM", "CEF_BRIDGE_STUDIO")
"""Variables that are no options: the engine to use, how to build it, the wheel's platform, and how
to build the studio's pages.
"""


def prefix_of(path: str) -> str:
    """Return how the variables of a command begin: CEF_BRIDGE_MAPPING_NEW for `mapping new`."""
    _, *words = path.split()
    return _variable(PREFIX, *words)


def name_options(command: click.Command, path: str) -> None:
    """Give each option of a command the name of its variable."""
    prefix = prefix_of(path)
    for option in command.params:
        if isinstance(option, click.Option):
            option.envvar = _variable(prefix, long_name(option).lstrip("-"))


def long_name(option: click.Option) -> str:
    """Return the name of an option that says most."""
    return max(option.opts, key=len)


def explained(error: click.ClickException) -> click.ClickException:
    """Return an error that names the variable which a wrong value comes from, not the value."""
    if not isinstance(error, click.BadParameter) or error.ctx is None or error.param is None:
        return error
    if not _from_environment(error.ctx, error.param):
        return error
    variable, message = str(error.param.envvar), error.message
    for value in sorted(_values(error.param, os.environ.get(variable, "")), key=len, reverse=True):
        message = message.removeprefix(f'"{value}". ')
        for quote in "'\"":
            quoted = f"{quote}{value}{quote}"
            # `Invalid size "x".` names it behind what it is, click names it before
            message = message.replace(f" {quoted}.", ".").replace(quoted, "the value")
    return click.BadParameter(message, error.ctx, error.param, variable)


def note(words: Sequence[str]) -> str:
    """Return a sentence with the variables that a command was given, "" without any."""
    command = next((word for word in words if not word.startswith("-")), "")
    begins = _variable(PREFIX, command, "")
    found = sorted(name for name, value in os.environ.items() if name.startswith(begins) and value)
    return f" From the environment: {', '.join(found)}." if command and found else ""


def _from_environment(ctx: click.Context, param: click.Parameter) -> bool:
    source = ctx.get_parameter_source(param.name or "")
    return source is ParameterSource.ENVIRONMENT and bool(param.envvar)


def _values(param: click.Parameter, text: str) -> Iterator[str]:
    yield text
    if isinstance(param, click.Option) and param.multiple:
        yield from param.type.split_envvar_value(text)


def _variable(*words: str) -> str:
    return "_".join(words).replace("-", "_").upper()
