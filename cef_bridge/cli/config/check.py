"""`cef-bridge config check`, and `forward --check`: what is wrong with a config, as an exit code.

In comes a config or its file, out go findings on stdout and counts on stderr.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.logs import say
from cef_bridge.delivery import urls
from cef_bridge.errors import UsageError
from cef_bridge.forward.config import ConfigProblem, check, read_config
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cef_bridge.errors import Problem
    from cef_bridge.forward.config import Config


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


def checked(config: Config) -> int:
    """Print what a check finds; return the exit code."""
    return _print(config, check(config))


def checked_file(path: str, over: Mapping[str, object] = MappingProxyType({})) -> int:
    """Print what a check of a file finds, with options over its settings; return the exit code.

    Of a file with errors the parts that could be read are looked at as well.
    """
    config, problems = reading = read_config(path)
    if config is not None:
        config = with_options(config, over)
    found = [] if config is None else check(config)
    if reading.errors:
        say("\n".join(map(str, reading.errors)), "error")
        for finding in found:
            if not any(each.message in finding.text for each in problems):
                click.echo(str(finding))
        return 2
    assert config is not None  # noqa: S101 - what has no errors could be read
    return _print(config, [*map(_finding, problems), *found])


def with_options(config: Config, over: Mapping[str, object]) -> Config:
    """Return a config with the options of the command line over it; UsageError for a wrong one."""
    metrics = over.get("metrics")
    if isinstance(metrics, str) and isinstance(wrong := urls.endpoint(metrics, least=0), str):
        raise UsageError(f"--metrics: {wrong}")
    return config.with_settings({name: it for name, it in over.items() if it is not None})


def _finding(problem: Problem) -> ConfigProblem:
    return ConfigProblem("warning", str(problem.at), f"{problem.code} {problem.message}")


def _print(config: Config, found: list[ConfigProblem]) -> int:
    for finding in found:
        click.echo(str(finding))
    errors = sum(finding.severity == "error" for finding in found)
    warnings = len(found) - errors
    sources, destinations = len(config.sources), len(config.destinations)
    say(
        f"{counted(sources, 'source')}, {counted(destinations, 'destination')}: "
        f"{counted(errors, 'error')}, {counted(warnings, 'warning')}",
        "error" if errors else "info",
    )
    return 2 if errors else 0
