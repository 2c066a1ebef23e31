"""The command line: one file a command, and the one place where an error becomes an exit code.

Exit codes: 0 success, 1 runtime failure, 2 usage error or invalid mapping, 3 findings,
130 interrupted. Commands are imported when they are called, so that `--version` costs nothing.
"""

from __future__ import annotations

import contextlib
import errno
import sys
from typing import ClassVar, NoReturn

import click

from cef_bridge.cli import environment, logs, version
from cef_bridge.cli.groups import LazyGroup
from cef_bridge.errors import CefBridgeError, MappingError, UsageError

_DAILY, _MAPPINGS, _TOOLS = "Daily work", "Mappings and SIEMs", "Tools"

# Files and queues name themselves when they are full: what has no name is what prints.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class _Group(LazyGroup):
    package = "cef_bridge.cli"
    table: ClassVar = {
        "forward": ("forward", "Forward KubeArmor events to collectors and SIEMs, live.", _DAILY),
        "convert": ("convert", "Convert KubeArmor JSON into CEF or LEEF messages.", _DAILY),
        "doctor": ("doctor", "Find out why nothing arrives at the SIEM.", _DAILY),
        "top": ("top", "Show how a running forwarder is doing, each second.", _DAILY),
        "config": ("config", "Create and check config files of forward.", _DAILY),
        "queue": ("queue", "Inspect the queues of a forwarder.", _DAILY),
        "deadletter": ("deadletter", "List and replay dead letters.", _DAILY),
        "mapping": ("mapping", "Create, check, test, explain and compare mappings.", _MAPPINGS),
        "studio": ("studio", "Edit a mapping in a browser, and see what SIEMs read.", _MAPPINGS),
        "simulate": ("simulate", "Show what a SIEM's parser extracts from a message.", _MAPPINGS),
        "content": ("content", "Test and convert Sigma rules for SIEMs.", _MAPPINGS),
        "lint-cef": ("lint_cef", "Check CEF or LEEF lines of any product.", _MAPPINGS),
        "parse": ("parse", "Print CEF and LEEF lines as JSON lines.", _MAPPINGS),
        "receive": ("receive", "Run a test collector, and validate each message.", _TOOLS),
        "generate": ("generate", "Print synthetic events, marked as test data.", _TOOLS),
        "demo": ("demo", "Convert and forward sample events, and show the result.", _TOOLS),
        "completion": ("completion", "Print a completion script for bash, zsh or fish.", _TOOLS),
        "help": ("help", "Show the help of a command.", _TOOLS),
        "version": ("version", "Show the version and the engine in use.", _TOOLS),
    }


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=version.on_option,
    help="Show the version and the engine in use, and exit.",
)
@click.option("-v", "--verbose", is_flag=True, expose_value=False, help="Log details to stderr.")
@click.option(
    "--log-format",
    type=click.Choice(logs.FORMATS),
    expose_value=False,
    help="Write to stderr as text or as JSON lines.",
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def _root() -> None:
    """KubeArmor security events as CEF or LEEF that Splunk, QRadar, ArcSight and Sentinel read."""


def main() -> NoReturn:
    """Run the command line; every error leaves as a plain sentence and an exit code."""
    debug = False
    words = sys.argv[1:]
    try:
        words, settings = logs.taken_from(words)
        debug = settings.debug
        logs.set_up(settings)
        code = _root.main(words, prog_name="cef-bridge", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = 130
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            environment.explained(error).show()
        code = error.exit_code
    except Exception as error:  # the last line: no operator sees a traceback
        if debug:
            raise
        _say(error, environment.note(words) if isinstance(error, UsageError) else "")
        code = 2 if isinstance(error, UsageError) else 1
    sys.exit(code if isinstance(code, int) else 0)


def _say(error: Exception, note: str) -> None:
    """Report an error to an operator; on a terminal problems of files with their severity."""
    if isinstance(error, MappingError) and sys.stderr is not None and sys.stderr.isatty():
        from cef_bridge.cli import problems  # noqa: PLC0415 - for a fault only

        if not logs.in_json():
            # A config may hold secrets: its lines are not shown.
            problems.print_full(error.problems, err=True, lines=False)
            return
    logs.say(_sentence(error) + note, "error", "error")


def _sentence(error: Exception) -> str:
    """Return what an operator is told of an error."""
    if isinstance(error, MappingError):
        return str(error)
    if isinstance(error, CefBridgeError):
        return f"cef-bridge: {error}"
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        if not where and error.errno in _NO_ROOM:
            where = "cannot write to standard output: "
        return f"cef-bridge: {where}{error.strerror}"
    if sys.stdout is None:
        return "cef-bridge: standard output is closed, and nothing can be printed."
    return (
        "cef-bridge: an error inside the program ended this run. "
        "Run it again with --debug, and report what that shows."
    )
