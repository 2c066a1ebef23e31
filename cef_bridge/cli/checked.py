"""What is wrong with a config of `forward`, printed, as an exit code: `--check`, `config check`.

In comes a config or its file, out go findings on stdout and counts on stderr.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cef_bridge.cli.logs import say
from cef_bridge.forward.config import check, load_config
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from cef_bridge.forward.config import Config


def checked(config: Config) -> int:
    """Print what a check finds; return the exit code."""
    found = check(config)
    for finding in found:
        click.echo(str(finding))
    errors = sum(finding.severity == "error" for finding in found)
    warnings = len(found) - errors
    sources, destinations = len(config.sources), len(config.destinations)
    say(
        f"{counted(sources, 'source')}, {counted(destinations, 'destination')}: "
        f"{counted(errors, 'error')}, {counted(warnings, 'warning')}",
        "error" if errors else "info",
    )
    return 2 if errors else 0


def checked_file(path: str) -> int:
    """Print what a check of a file finds; return the exit code."""
    return checked(load_config(path))
