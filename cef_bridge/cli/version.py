"""`cef-bridge version`: the version, and which engine converts."""

from __future__ import annotations

import click

from cef_bridge import __version__
from cef_bridge.engine import native


@click.command("version")
def command() -> None:
    """Show the version and the engine in use."""
    show()


def show() -> None:
    """Print both; UsageError when CEF_BRIDGE_ENGINE is unknown."""
    click.echo(f"cef-bridge, version {__version__}")
    click.echo(f"engine: {native.status()}")
