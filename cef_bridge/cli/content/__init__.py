"""`cef-bridge content`: detection rules for SIEMs, one file a subcommand.

In come SIEMs, mappings and rules, out come pipelines and what fires. Must not know how a rule is
run.
"""

from __future__ import annotations

from typing import ClassVar

import click

from cef_bridge.cli.groups import LazyGroup


class _Group(LazyGroup):
    package = "cef_bridge.cli.content"
    table: ClassVar = {
        "test": ("test", "Run Sigma rules over what each SIEM's parser extracts."),
        "pipeline": ("pipeline", "Print the pySigma pipeline of a SIEM and a mapping."),
        "build": ("build", "Build packs for SIEMs: rules, fields, dashboards."),
        "searches": ("searches", "Print searches that prove delivery, for a SIEM."),
    }


@click.group("content", cls=_Group)
def command() -> None:
    """Test Sigma rules for SIEMs, convert them, and build packs."""
