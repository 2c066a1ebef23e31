"""`cef-bridge content searches`: queries that prove delivery, in a SIEM's language.

In come a SIEM and a mapping, out go queries. Must not know how a field is found.
"""

from __future__ import annotations

import click

from cef_bridge.cli.params import Receiver, mapping_option
from cef_bridge.content.receivers import receivers
from cef_bridge.content.searches import LANGUAGES, searches


@click.command("searches")
@click.option(
    "--for", "siem", required=True, type=Receiver(list(LANGUAGES)), help="SIEM to write for."
)
@mapping_option(None, "; without it the SIEM's own")
def command(siem: str, mapping_name: str | None) -> None:
    """Print searches that prove delivery: missing, duplicate and late events, silent forwarders.

    The field names are those that the SIEM's parser extracts. The mapping must number its messages:
    envelope: {sequence: true}. Alerts overtake telemetry, so end the time range some minutes ago.
    """
    (store,) = receivers(mapping_name, (siem,))
    found, made = searches(store)
    if made:
        click.echo(f"needs {store.siem.makes_fields}: {', '.join(made)}", err=True)
    for number, it in enumerate(found):
        click.echo("\n" * bool(number) + f"# {it.name}: {it.about}\n{it.query}")
