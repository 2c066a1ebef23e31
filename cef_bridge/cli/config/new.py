"""`cef-bridge config new`: a commented config of `forward`, from URLs and names.

In come the words of the command line, out goes a YAML file. Must not know what is written in it.
"""

from __future__ import annotations

import os.path
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.logs import say
from cef_bridge.cli.params import MAPPING, TEXTS
from cef_bridge.errors import UsageError
from cef_bridge.files import AtomicFile
from cef_bridge.forward.config.new import GLOBAL, new_config
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from cef_bridge.forward.config.new import NewConfig


@click.command("new")
@click.option(
    "--from",
    "froms",
    metavar="URL",
    type=TEXTS,
    multiple=True,
    help="Where events come from, as for forward. Repeatable.",
)
@click.option(
    "--to",
    "tos",
    metavar="URL",
    type=TEXTS,
    multiple=True,
    help="Where messages go, as for forward. Repeatable.",
)
@click.option(
    "-m",
    "--siem",
    "--mapping",
    "mappings",
    type=MAPPING,
    metavar="NAME-or-PATH",
    multiple=True,
    help="Your SIEM, or a mapping: one for all, or one for each --to.  [default: kubearmor-cef]",
)
@click.option(
    "--queue",
    metavar="DIR",
    default=GLOBAL["queue"],
    help="Folder of the queues.  [default: /var/lib/cef-bridge]",
)
@click.option(
    "--metrics",
    metavar="HOST:PORT",
    default=GLOBAL["metrics"],
    show_default=True,
    help="Address for /metrics, /healthz and /readyz.",
)
@click.option(
    "--heartbeat",
    metavar="TIME",
    default=GLOBAL["heartbeat"],
    show_default=True,
    help="Heartbeat interval.",
)
@click.option("-o", "--output", metavar="FILE", help="Output file.  [default: standard output]")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def command(
    froms: tuple[str, ...],
    tos: tuple[str, ...],
    mappings: tuple[str, ...],
    queue: str,
    metrics: str,
    heartbeat: str,
    output: str | None,
    force: bool,
) -> None:
    """Create a config of forward, with a comment at each setting.

    Parameters of URLs become settings. A secret is ${NAME} or file:/path. What is optional is
    written as a comment.
    """
    if output is not None and os.path.lexists(output) and not force:
        raise UsageError(f"{output} already exists. Name another file, or add --force.")
    settings = {"queue": _whole(queue), "metrics": metrics, "heartbeat": heartbeat}
    found = new_config(froms, tos, mappings, settings)
    if output is None:
        click.echo(found.text, nl=False)
    else:
        with AtomicFile(Path(output)) as file:
            file.write(found.text.encode("utf-8"))
    _report(found, output, len(froms), len(tos))


def _whole(path: str) -> str:
    return path if path.startswith("${") else os.path.join(Path.cwd(), path)  # noqa: PTH118 - as for URLs


def _report(found: NewConfig, output: str | None, sources: int, destinations: int) -> None:
    if output is not None:
        counts = f"{counted(sources, 'source')}, {counted(destinations, 'destination')}"
        say(f"{output}: {counts}")
    for path in found.missing:
        say(f"missing: {path}. Create it, or correct the setting.")
    if output is not None:
        say(f"Next: cef-bridge config check {shlex.quote(output)}")
