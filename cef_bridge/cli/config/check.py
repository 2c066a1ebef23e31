"""`cef-bridge config check`: what `forward --config FILE --check` finds.

In comes a path, out come findings and an exit code. Must not know what is looked at.
"""

from __future__ import annotations

import click

from cef_bridge.cli.checked import checked_file

_BELOW = """Exit codes: 0 without errors, 2 with one. A warning may pass by itself."""


@click.command("check", epilog=_BELOW)
@click.argument("path", metavar="FILE")
def command(path: str) -> None:
    """Check a config without sending anything: forward --config FILE --check."""
    raise SystemExit(checked_file(path))
