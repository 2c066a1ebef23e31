"""`cef-bridge content pipeline`: the pipeline that makes a Sigma rule a query of a SIEM.

In come a SIEM and a mapping, out goes YAML for sigma-cli. Must not know how a field is found.
"""

from __future__ import annotations

import click

from cef_bridge.cli.params import Receiver, mapping_option
from cef_bridge.content import pipeline
from cef_bridge.content.fieldmap import FieldMap
from cef_bridge.content.receivers import receivers
from cef_bridge.siems.simulators import SIMULATORS


@click.command("pipeline")
@click.option(
    "--for",
    "siem",
    required=True,
    type=Receiver(list(SIMULATORS)),
    help="SIEM whose field names to write.",
)
@mapping_option(None, "; without it the SIEM's own")
def command(siem: str, mapping_name: str | None) -> None:
    """Print a pySigma pipeline: which field of a Sigma rule is which field in the SIEM.

    The pipeline is found by converting events with the mapping and parsing them as the SIEM does.
    Use it with sigma-cli: sigma convert -t splunk -p splunk.yml RULES.
    """
    (receiver,) = receivers(mapping_name, (siem,))
    click.echo(pipeline.text(pipeline.document(FieldMap(receiver))), nl=False)
