"""The command line: one file a command, and the one place where an error becomes an exit code.

Exit codes: 0 fine, 1 could not go on, 2 wrong use or a wrong mapping, 3 it ran and found something,
130 interrupted. Commands are imported when they are called, so that `--version` costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

import click

from cef_bridge import __version__
from cef_bridge.errors import CefBridgeError, MappingError, UsageError

# Command -> module that has it as `command`, and what it does: help needs no import.
_COMMANDS = {
    "convert": ("convert", "Convert KubeArmor JSON into CEF or LEEF messages."),
    "demo": ("demo", "Convert sample events of every kind and show the lines."),
    "mapping": ("mapping", "Change what goes where: list, show, check and test mappings."),
    "parse": ("parse", "Print CEF and LEEF lines as JSON lines."),
}


class _Group(click.Group):
    """Commands by name, each imported when it is called."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"cef_bridge.cli.{_COMMANDS[name][0]}").command
        return command

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in _COMMANDS.items()])


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cef-bridge")
@click.option("--debug", is_flag=True, help="Show where in the program an error arose.")
def _root(debug: bool) -> None:  # noqa: FBT001 - click hands options over like this
    """KubeArmor security events as CEF or LEEF that Splunk, QRadar, ArcSight and Sentinel read."""


def main() -> NoReturn:
    """Run the command line; every error leaves as a plain sentence and an exit code."""
    try:
        code = _root.main(prog_name="cef-bridge", standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except CefBridgeError as error:
        _debug()
        if isinstance(error, MappingError):
            click.echo("\n".join(str(problem) for problem in error.problems), err=True)
        else:
            click.echo(f"cef-bridge: {error}", err=True)
        code = 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # noqa: BLE001 - the last line: an operator sees no traceback
        _debug()
        click.echo(
            "cef-bridge: an error inside the program ended this run. Please report it; "
            f"--debug before the command shows where it arose. ({type(error).__name__})",
            err=True,
        )
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _debug() -> None:
    if "--debug" in sys.argv[1:]:
        raise  # noqa: PLE0704 - within main's handlers only
