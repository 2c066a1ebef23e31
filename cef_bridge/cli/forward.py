"""`cef-bridge forward`: KubeArmor events go to collectors, live.

In come the URLs and options of a command line, or a config file; out goes a `Config`, which is
checked (`--check`) or run. Runs nothing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args, get_type_hints

import click

from cef_bridge.cli.config.check import checked, checked_file, with_options
from cef_bridge.cli.params import MAPPING, TEXTS, Renamed
from cef_bridge.delivery import schemes, urls
from cef_bridge.delivery.settings import read
from cef_bridge.errors import UsageError
from cef_bridge.forward.config import Config, Destination, from_urls, load_config, sources
from cef_bridge.wording import either

if TYPE_CHECKING:
    from collections.abc import Callable

_WHEN_FULL = get_args(get_type_hints(Destination)["when_full"])


def _as(cls: type, name: str) -> Callable[[click.Context, click.Parameter, str | None], object]:
    """Return a click callback that reads an option as a setting of the config is read."""
    kind = urls.UrlParameters.of(cls, ()).rows[name].type

    def callback(_: click.Context, __: click.Parameter, text: str | None) -> object:
        if text is None:
            return None
        value, wrong = read(text, kind)
        if wrong is not None:
            raise click.BadParameter(f'"{text}". {wrong}')
        return value

    return callback


@click.command("forward")
@click.option(
    "--from",
    "froms",
    metavar="URL",
    multiple=True,
    type=TEXTS,
    help=f"Where events come from: {sources.FORMS}. Repeatable. Settings follow a ?, such as "
    "kubearmor://host:port?streams=alerts.",
)
@click.option(
    "--to",
    "tos",
    metavar="URL",
    multiple=True,
    type=TEXTS,
    help=f"Where messages go: {schemes.FORMS}. Repeated: a copy to each."
    " tls://a:6514,b:6514: the first reachable host.",
)
@click.option(
    "-m",
    "--mapping",
    type=MAPPING,
    metavar="NAME-or-PATH",
    help="A shipped mapping or a file.  [default: kubearmor-cef]",
)
@click.option(
    "--syslog-header",
    type=click.Choice(["none", "rfc3164", "rfc5424"]),
    help=f"Syslog header. [default: the mapping's, else rfc3164 for {either(schemes.COLLECTORS)}]",
)
@click.option(
    "--queue",
    metavar="DIR",
    help="Folder of the queues.  [default: a private one]",
)
@click.option(
    "--queue-limit",
    metavar="SIZE",
    callback=_as(Destination, "queue_limit"),
    help="Size limit of each queue.  [default: 1G]",
)
@click.option(
    "--when-full",
    cls=Renamed,
    was="--policy",
    type=click.Choice(_WHEN_FULL),
    help="Action when the queue is full.",
)
@click.option("--once", is_flag=True, help="Exit when all input is delivered.")
@click.option(
    "--timeout",
    metavar="TIME",
    callback=_as(Config, "grace"),
    help="With --once: exit after this time at the latest, such as 30s.",
)
@click.option("--from-end", is_flag=True, help="Skip existing content of files.")
@click.option(
    "--heartbeat",
    metavar="TIME",
    callback=_as(Config, "heartbeat"),
    help="Heartbeat interval, such as 60s.",
)
@click.option("--metrics", metavar="HOST:PORT", help="Address for /metrics, /healthz and /readyz.")
@click.option(
    "--live/--no-live",
    default=None,
    help="Serve the live page beside metrics.  [default: on loopback, or with a token file]",
)
@click.option(
    "--live-token-file",
    metavar="FILE",
    help="File with the token of the live page.  [default: a random token at each start]",
)
@click.option(
    "--grace",
    metavar="TIME",
    callback=_as(Config, "grace"),
    help="After SIGTERM: send for up to this time, such as 30s.  [default: 10s]",
)
@click.option("--config", "config_path", metavar="FILE", help="Read all settings from a YAML file.")
@click.option("--check", "only_check", is_flag=True, help="Validate the config and exit.")
@click.option("--test-event", is_flag=True, help="Send one test event and report the result.")
def command(  # noqa: PLR0913, PLR0917 - the options of the command; click hands them over by name
    froms: tuple[str, ...],
    tos: tuple[str, ...],
    mapping: str | None,
    syslog_header: str | None,
    queue: str | None,
    queue_limit: int | None,
    when_full: str | None,
    once: bool,
    timeout: float | None,
    from_end: bool,
    heartbeat: float | None,
    metrics: str | None,
    live: bool | None,
    live_token_file: str | None,
    grace: float | None,
    config_path: str | None,
    only_check: bool,
    test_event: bool,
) -> None:
    """Forward KubeArmor events to collectors and SIEMs, at least once.

    Sizes are such as 512K or 4G, times such as 500ms, 5s or 10m. With --config the file sets all;
    --queue, --metrics, --live, --live-token-file, --heartbeat and --grace override it.
    """
    over = {
        "queue": queue,
        "metrics": metrics,
        "live": live,
        "live_token_file": live_token_file,
        "heartbeat": heartbeat,
        "grace": grace,
    }
    others = {
        "--from": froms,
        "--to": tos,
        "--mapping": mapping,
        "--syslog-header": syslog_header,
        "--queue-limit": queue_limit,
        "--when-full": when_full,
        "--from-end": from_end,
    }

    def configured() -> Config:
        if config_path is None:
            config = from_urls(
                froms,
                tos,
                mapping=mapping,
                syslog_header=syslog_header,
                queue_limit=queue_limit,
                when_full=when_full,
                from_end=from_end,
                queue=queue,
                metrics=metrics,
                heartbeat=heartbeat,
                grace=grace,
                needs_source=not test_event,
            )
            return with_options(config, {"live": live, "live_token_file": live_token_file})
        return with_options(load_config(config_path), over)

    if config_path is not None and (both := [name for name, said in others.items() if said]):
        raise UsageError(f"with --config the file sets it: remove {', '.join(both)}.")
    if only_check and config_path is not None and not once:
        raise SystemExit(checked_file(config_path, over))
    config = configured()
    _refuse_endless(config, once=once, timeout=timeout)
    if only_check:
        raise SystemExit(checked(config))
    from cef_bridge.cli import forwarding  # noqa: PLC0415 - a check needs none of it

    if test_event:
        raise SystemExit(forwarding.test_event(config))
    code = forwarding.run(config, once=once, timeout=timeout, reload=configured)
    raise SystemExit(code)


def _refuse_endless(config: Config, *, once: bool, timeout: float | None) -> None:
    if timeout is not None and not once:
        raise UsageError("--timeout does nothing without --once.")
    endless = [str(source) for source in config.sources if source.endless]
    if once and timeout is None and endless:
        raise UsageError(
            f"--once ends when all inputs are read, and {endless[0]} has no end. Add --timeout."
        )
