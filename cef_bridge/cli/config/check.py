"""`cef-bridge config check`: what `forward --config FILE --check` finds.

In comes a path, out come findings and an exit code. Must not know what is looked at.
"""

from __future__ import annotations

import click

from cef_bridge.cli.checked import checked_file


@click.command("check")
@click.argument("path", metavar="FILE")
def command(path: str) -> None:
    """Check a config without sending anything: forward --config FILE --check.

    Reports all errors in one run: of the file, of its mappings, and of what it
    names: certificates, folders, hosts and collectors. `cef-bridge doctor`
    looks further: it tries each link, and says which is broken.

    Exit codes: 0 without errors, 2 with one. A warning may pass by itself.
    """
    raise SystemExit(checked_file(path))
