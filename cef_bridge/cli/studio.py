"""`cef-bridge studio`: a local page that shows what SIEMs read while a mapping is edited.

In come a mapping and events, out goes the URL of the page on stdout. Serves until a signal ends it.
"""

from __future__ import annotations

import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.logs import say
from cef_bridge.cli.params import mapping_option
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.wording import counted, not_installed, shown

if TYPE_CHECKING:
    from cef_bridge.workbench.sample import SampleEvents

_SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "events.ndjson"
_INTERRUPTED = 130


@click.command("studio")
@click.argument("events", metavar="[EVENTS]...", nargs=-1)
@mapping_option()
@click.option(
    "--edit", is_flag=True, help="Let the page save the mapping file. Default: it only reads."
)
@click.option(
    "--forwarder",
    metavar="URL",
    help="Show a running forwarder: the URL of its live page, with its ?token=.",
)
@click.option(
    "--listen",
    "address",
    metavar="HOST:PORT",
    default="127.0.0.1:0",
    show_default=True,
    help="Address of the page; port 0 is any free one. Loopback only without --token-file.",
)
@click.option(
    "--token-file",
    metavar="FILE",
    help="File with the token of the page's URL.  [default: a new one each time]",
)
def command(
    events: tuple[str, ...],
    mapping_name: str,
    *,
    edit: bool,
    forwarder: str | None,
    address: str,
    token_file: str | None,
) -> None:
    """Edit a mapping in a browser, and see what SIEMs will read.

    Shows an event, its message with the rules of each key, and what each SIEM's parser extracts.
    EVENTS are files, folders or globs of any input format; default: sample events. Prints the
    page's URL, and serves it until Ctrl-C. Needs pip install 'cef-bridge[studio]'.
    """
    for library in ("starlette", "uvicorn"):
        if find_spec(library) is None:
            raise UsageError(not_installed("studio", library, "studio"))
    from cef_bridge.forward.config.live_token import token_of  # noqa: PLC0415 - as below
    from cef_bridge.request_safety import RequestGuard  # noqa: PLC0415 - as below
    from cef_bridge.studio import server  # noqa: PLC0415 - an extra
    from cef_bridge.studio.app import Studio  # noqa: PLC0415 - an extra
    from cef_bridge.studio.forwarder import RemoteForwarder  # noqa: PLC0415 - an extra
    from cef_bridge.studio.workspace import Workspace  # noqa: PLC0415 - an extra

    token = token_of(token_file)
    remote = RemoteForwarder(forwarder) if forwarder else None
    name = ", ".join(events) if events else "sample events"
    listening = server.listen(address, anywhere=token_file is not None)
    anywhere = server.reaches_far(listening)
    workspace = Workspace(mapping_name, _sample(events), edit=edit)
    studio = Studio(workspace, RequestGuard(token, anywhere=anywhere), shown(name), remote)
    if edit and not workspace.edit:
        say(f"{mapping_name} comes with cef-bridge and is never written", "warning")
    if not studio.files.is_built:
        say("The page is the plain one: the studio's pages were not built (make studio)")
    mode = "read and written" if workspace.edit else "only read"
    say(f"{mapping_name} is {mode}; Ctrl-C ends the studio")
    click.echo(f"{server.url_of(listening)}?token={token()}")
    sys.stdout.flush()
    with listening:
        ended_by = server.serve(studio.app(), listening)
    studio.surveys.end()
    if ended_by == signal.SIGINT:
        raise SystemExit(_INTERRUPTED)


def _sample(names: tuple[str, ...]) -> SampleEvents:
    from cef_bridge.sources.files.inputs import expand  # noqa: PLC0415 - as above
    from cef_bridge.workbench.sample import SampleEvents  # noqa: PLC0415 - as above

    sample = SampleEvents()
    sample.read(expand(names or (str(_SAMPLES),)))
    if not sample.events:
        why = f" {sample.unread[:1].upper()}{sample.unread[1:]}." if sample.unread else ""
        raise CefBridgeError(
            f"no KubeArmor event found; nothing to show.{why} "
            "Name a file that has events, or none to look at sample events."
        )
    say(f"{counted(len(sample.events), 'event')} read, {counted(sample.skipped, 'line')} skipped")
    if sample.more:
        say(f"There are more events: a sample has at most {sample.limits}", "warning")
    return sample
