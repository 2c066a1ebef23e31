"""The end of every command's help: examples that work as they are, and how its variables are named.

In comes a command, out go sections of its help. Tests parse each example with the command's own
options, and run those that need no network: they know the files of the names below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cef_bridge.cli import environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "cef-bridge": (
        "cef-bridge convert events.ndjson -o out.cef",
        "cef-bridge forward --from /var/log/kubearmor.log --to tcp://siem:514",
        "cef-bridge simulate --siem splunk events.ndjson",
    ),
    "cef-bridge forward": (
        "cef-bridge forward --from kubearmor://relay:32767 --to tcp://siem:514",
        "cef-bridge forward --from '/var/log/*.log' --to tls://siem:6514 -m splunk",
        "cef-bridge forward --from events.ndjson --to tcp://siem:514 --check",
    ),
    "cef-bridge convert": (
        "cef-bridge convert events.ndjson -o out.cef",
        "cef-bridge convert -m splunk --rejects rejects.jsonl events.ndjson > out.cef",
        "cef-bridge convert 's3://bucket/kubearmor/*.json.gz' -o out.cef.gz",
    ),
    "cef-bridge doctor": (
        "cef-bridge doctor --config /etc/cef-bridge/forward.yaml",
        "cef-bridge doctor --from kubearmor://relay --to tls://siem:6514 -m splunk",
        "cef-bridge doctor --config forward.yaml --send-test-event --json",
    ),
    "cef-bridge top": (
        "cef-bridge top 127.0.0.1:9464",
        "cef-bridge top http://forwarder:9464 --once",
    ),
    "cef-bridge config": (
        "cef-bridge config new --from kubearmor://relay --to tls://siem --siem splunk",
        "cef-bridge config check forward.yaml",
    ),
    "cef-bridge config new": (
        "cef-bridge config new --from kubearmor://relay --to tls://siem --siem splunk",
        "cef-bridge config new --from '/var/log/*.log' --to tcp://siem -o forward.yaml",
    ),
    "cef-bridge config check": (
        "cef-bridge config check forward.yaml",
        "cef-bridge config check /etc/cef-bridge/forward.yaml",
    ),
    "cef-bridge queue": (
        "cef-bridge queue status /var/lib/cef-bridge",
        "cef-bridge queue peek --count 1 /var/lib/cef-bridge",
    ),
    "cef-bridge queue status": (
        "cef-bridge queue status /var/lib/cef-bridge",
        "cef-bridge queue status --json /var/lib/cef-bridge",
    ),
    "cef-bridge queue peek": (
        "cef-bridge queue peek /var/lib/cef-bridge",
        "cef-bridge queue peek --lane alerts --count 1 /var/lib/cef-bridge",
    ),
    "cef-bridge deadletter": (
        "cef-bridge deadletter list /var/lib/cef-bridge",
        "cef-bridge deadletter replay --all /var/lib/cef-bridge",
    ),
    "cef-bridge deadletter list": (
        "cef-bridge deadletter list /var/lib/cef-bridge",
        "cef-bridge deadletter list --count 5 --json /var/lib/cef-bridge",
    ),
    "cef-bridge deadletter show": (
        "cef-bridge deadletter show /var/lib/cef-bridge",
        "cef-bridge deadletter show --json /var/lib/cef-bridge",
    ),
    "cef-bridge deadletter replay": (
        "cef-bridge deadletter replay --all /var/lib/cef-bridge",
        "cef-bridge deadletter replay /var/lib/cef-bridge tcp-siem-514:7",
    ),
    "cef-bridge mapping": (
        "cef-bridge mapping new acme --extends splunk --from events.ndjson",
        "cef-bridge mapping lint acme.yaml",
        "cef-bridge mapping explain -m acme.yaml events.ndjson",
    ),
    "cef-bridge mapping list": ("cef-bridge mapping list", "cef-bridge mapping list --json"),
    "cef-bridge mapping show": (
        "cef-bridge mapping show splunk",
        "cef-bridge mapping show --json acme.yaml",
    ),
    "cef-bridge mapping fields": ("cef-bridge mapping fields", "cef-bridge mapping fields --json"),
    "cef-bridge mapping class-ids": (
        "cef-bridge mapping class-ids",
        "cef-bridge mapping class-ids --format qradar > qid.csv",
    ),
    "cef-bridge mapping schema": (
        "cef-bridge mapping schema > mapping.schema.json",
        "cef-bridge mapping schema --config > forward.schema.json",
    ),
    "cef-bridge mapping new": (
        "cef-bridge mapping new acme --extends splunk --from events.ndjson",
        "cef-bridge mapping new acme --cluster prod-eu -o mappings/acme.yaml",
    ),
    "cef-bridge mapping lint": (
        "cef-bridge mapping lint acme.yaml",
        "cef-bridge mapping lint --strict --format sarif acme.yaml > lint.sarif",
    ),
    "cef-bridge mapping explain-rule": (
        "cef-bridge mapping explain-rule M003",
        "cef-bridge mapping explain-rule",
    ),
    "cef-bridge mapping test": (
        "cef-bridge mapping test acme.yaml",
        "cef-bridge mapping test --format junit acme.yaml > junit.xml",
    ),
    "cef-bridge mapping explain": (
        "cef-bridge mapping explain -m splunk events.ndjson",
        "cef-bridge mapping explain -m acme.yaml -k act -k cs5 --event 3 events.ndjson",
    ),
    "cef-bridge mapping coverage": (
        "cef-bridge mapping coverage events.ndjson",
        "cef-bridge mapping coverage -m acme.yaml --min 95 events.ndjson",
    ),
    "cef-bridge mapping diff": (
        "cef-bridge mapping diff splunk acme.yaml events.ndjson",
        "cef-bridge mapping diff splunk arcsight --samples 0 events.ndjson",
    ),
    "cef-bridge studio": (
        "cef-bridge studio -m splunk",
        "cef-bridge studio -m acme.yaml --edit events.ndjson",
        "cef-bridge studio --forwarder 'http://127.0.0.1:9000/live?token=…'",
    ),
    "cef-bridge simulate": (
        "cef-bridge simulate --siem splunk events.ndjson",
        "cef-bridge simulate --siem sc4s -m arcsight --event 3 events.ndjson",
        "cef-bridge simulate --siem elastic out.cef",
    ),
    "cef-bridge content": (
        "cef-bridge content test",
        "cef-bridge content pipeline --for splunk > splunk.yml",
    ),
    "cef-bridge content test": (
        "cef-bridge content test",
        "cef-bridge content test -m acme.yaml token-read new-binary",
        "cef-bridge content test --siem qradar --json",
    ),
    "cef-bridge content build": (
        "cef-bridge content build --out dist/content",
        "cef-bridge content build --out dist/content --for splunk -m acme.yaml",
    ),
    "cef-bridge content searches": (
        "cef-bridge content searches --for splunk",
        "cef-bridge content searches --for sentinel -m sentinel",
    ),
    "cef-bridge content pipeline": (
        "cef-bridge content pipeline --for splunk > splunk.yml",
        "cef-bridge content pipeline --for sentinel -m sentinel > sentinel.yml",
    ),
    "cef-bridge lint-cef": (
        "cef-bridge lint-cef out.cef",
        "cef-bridge lint-cef --for splunk --strict out.cef",
        "cef-bridge lint-cef --explain L001",
    ),
    "cef-bridge parse": (
        "cef-bridge parse out.cef",
        "cef-bridge convert events.ndjson | cef-bridge parse --strict",
    ),
    "cef-bridge receive": (
        "cef-bridge receive --listen tcp://127.0.0.1:5514",
        "cef-bridge receive --listen udp://127.0.0.1:5514 --timeout 60 -o out.cef",
    ),
    "cef-bridge generate": (
        "cef-bridge generate --count 1000 > events.ndjson",
        "cef-bridge generate --count 20 --kind alerts | cef-bridge convert",
    ),
    "cef-bridge demo": ("cef-bridge demo", "cef-bridge demo --all"),
    "cef-bridge completion": (
        "cef-bridge completion bash > cef-bridge.bash",
        "cef-bridge completion zsh > _cef-bridge",
    ),
    "cef-bridge help": ("cef-bridge help forward", "cef-bridge help mapping new"),
    "cef-bridge version": ("cef-bridge version",),
}
"""Command lines by the path of the command."""


def write(command: click.Command, path: str, formatter: click.HelpFormatter) -> None:
    """Write the examples of a command, and of its variables what is to be known."""
    if lines := EXAMPLES.get(path):
        _write_lines("Examples", lines, formatter)
    options = [it for it in command.params if isinstance(it, click.Option)]
    if not options or " " not in path:
        return
    # One with several words in its name shows how these are written
    chosen = max(options, key=lambda it: environment.long_name(it).count("-"))
    lines = (
        f"{chosen.envvar} sets {environment.long_name(chosen)}, and so on.",
        "The command line overrides it.",
    )
    if repeatable := [environment.long_name(it) for it in options if it.multiple]:
        names = " and ".join(filter(None, (", ".join(repeatable[:-1]), repeatable[-1])))
        lines = (*lines, f"Values of {names}: between spaces, or one a line.")
    _write_lines("Environment", lines, formatter)


def _write_lines(name: str, lines: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write a section whose lines are not wrapped, so that they can be copied."""
    with formatter.section(name):
        for line in lines:
            formatter.write(f"{'':{formatter.current_indent}}{line}\n")
