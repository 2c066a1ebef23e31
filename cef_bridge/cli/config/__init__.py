"""`cef-bridge config`: write and check config files of `forward`, one file a subcommand.

In come URLs and paths, out come YAML and problems. Must not know how a config is read.
"""

from __future__ import annotations

from typing import ClassVar

import click

from cef_bridge.cli.groups import LazyGroup


class _Group(LazyGroup):
    package = "cef_bridge.cli.config"
    table: ClassVar = {
        "new": ("new", "Create a commented config of forward."),
        "check": ("check", "Check a config: forward --config FILE --check."),
    }


@click.group("config", cls=_Group)
def command() -> None:
    """Create and check config files of forward."""
