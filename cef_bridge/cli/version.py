"""`cef-bridge version`, --version and -V: the version, and which engine converts."""

from __future__ import annotations

import click

from cef_bridge import __version__


@click.command("version")
def command() -> None:
    """Show the version and the engine in use."""
    show()


def on_option(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print both and exit, where --version stands on the command line."""
    if wanted and not context.resilient_parsing:
        show()
        context.exit()


def show() -> None:
    """Print both; UsageError when CEF_BRIDGE_ENGINE is unknown."""
    from cef_bridge.engine import native  # noqa: PLC0415 - ctypes costs what --help need not wait for

    click.echo(f"cef-bridge, version {__version__}")
    click.echo(f"engine: {native.status()}")
