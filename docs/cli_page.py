"""The page of the command line, made from the commands themselves; `docs/generate.py` writes it.

In comes the tree of commands, out comes docs/cli.md: usage, arguments, options, environment and
examples of each. Hidden commands and options are left out.
"""

# ruff: noqa: INP001 - a script beside the pages it writes

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

_URL = re.compile(r"(?<![`\w])([\w-]+://\S*?)(?=[,;:)]*\.?(?:\s|$))")

ENVIRONMENT: dict[str, str] = {
    "CEF_BRIDGE_ENGINE": "`auto`, `native`, `python` or `both`: the [engine](engine.md) to use",
    "CEF_BRIDGE_BUILD": "When installing: `require` fails without the engine, `skip` builds none",
    "CEF_BRIDGE_PLATFORM": "When building a wheel: the platform in its name",
    "CEF_BRIDGE_STUDIO": "When installing: the same for the pages of the studio",
    "NO_COLOR": "Set: no colors on a terminal",
    "HTTPS_PROXY, HTTP_PROXY, NO_PROXY": "Proxy of [HTTP destinations](http-destinations.md)",
    "AWS_…, GOOGLE_…, AZURE_…": "Credentials of [object stores](object-stores.md)",
    "NOTIFY_SOCKET, WATCHDOG_USEC": "Set by systemd: `forward` reports that it is ready and alive",
}

EXIT_CODES: dict[int, str] = {
    0: "success",
    1: "runtime failure: a full disk, an address in use, a collector that cannot be reached",
    2: "usage error, invalid config or invalid mapping",
    3: "findings: rejected records, a failing example, a difference, coverage below `--min`, "
    "values that a SIEM loses, invalid lines",
    130: "interrupted",
}


def commands(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[click.Context, click.Command]]:
    """Yield a command and all in it that help shows, each with its context."""
    context = click.Context(command, info_name=name, parent=parent)
    if command.hidden:
        return
    yield context, command
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            child = command.get_command(context, each)
            if child is not None:
                yield from commands(child, each, context)


def cli_page(root: click.Command, note: str, program: str = "cef-bridge") -> str:
    """Return the whole page."""
    known = list(commands(root, program))
    index = [
        f"- [`{context.command_path}`](#{_anchor(context)}): {_first(command)}"
        for context, command in known[1:]
    ]
    sections = [_section(context, command) for context, command in known]
    return f"""{note}
# Command line

All commands with their options, as `--help` prints them. `cef-bridge COMMAND --help` has the same.
Results go to stdout; progress, summaries and errors go to stderr.

{chr(10).join(index)}

## Exit codes

| Code | Meaning |
| --- | --- |
{"".join(f"| {number} | {text} |{chr(10)}" for number, text in EXIT_CODES.items())}
## Environment variables

| Variable | Meaning |
| --- | --- |
{"".join(f"| {_names(name)} | {text} |{chr(10)}" for name, text in ENVIRONMENT.items())}
A config of `forward` reads any variable that it names as `${{NAME}}`.

{chr(10).join(sections)}"""


def _names(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


def _anchor(context: click.Context) -> str:
    return context.command_path.replace(" ", "-")


def _help(command: click.Command) -> list[str]:
    """Return the paragraphs of a help text, rewrapped but for those that begin with a backspace."""
    text = textwrap.dedent(command.help or "").strip()
    if "\n" in text:
        first, _, rest = (command.help or "").strip().partition("\n")
        text = f"{first}\n{textwrap.dedent(rest)}"
    return [part for part in re.split(r"\n\s*\n", text.partition("\f")[0]) if part.strip()]


def _first(command: click.Command) -> str:
    parts = _help(command)
    return _escaped(" ".join(parts[0].split())) if parts else ""


def _paragraph(text: str) -> str:
    if text.startswith("\b"):
        return f"```text\n{textwrap.dedent(text.removeprefix(chr(8)).strip(chr(10)))}\n```"
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    """Return a text as Markdown: what a shell would expand is no markup here."""
    text = _URL.sub(r"`\1`", text)
    return re.sub(r"(?<!`)([<>*_|])(?!`)", r"\\\1", text) if "`" not in text else text


def _section(context: click.Context, command: click.Command) -> str:
    parts = [f"## {context.command_path}", *map(_paragraph, _help(command))]
    pieces = " ".join(command.collect_usage_pieces(context))
    parts.append(f"```text\n{context.command_path} {pieces}\n```")
    options = [each for each in command.params if isinstance(each, click.Option)]
    rows = [_option(each) for each in options if not each.hidden]
    if rows:
        parts.append("\n".join(["| Option | Meaning |", "| --- | --- |", *rows]))
    if command.epilog:
        parts.append(
            _paragraph(f"\b\n{textwrap.dedent(command.epilog).replace(chr(8), '').strip()}")
        )
    examples = EXAMPLES.get(context.command_path, ())
    if examples:
        lines = "\n".join(examples)
        parts.append(f"```sh\n{lines}\n```")
    return "\n\n".join(parts) + "\n"


def _option(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if isinstance(option.type, click.Choice):
        takes = " (" + ", ".join(f"`{each}`" for each in map(str, option.type.choices)) + ")"
    elif option.is_flag:
        takes = ""
    else:
        takes = f" `{option.metavar or 'N'}`"
    text = " ".join((option.help or "").split())
    shown = re.search(r"\s*\[default: ([^\]]+)\]", text)
    default = f"`{option.default}`" if option.show_default and option.default is not None else ""
    if shown:
        text, default = text.replace(shown[0], ""), shown[1]
    about = " ".join(
        [
            text,
            *(["Required."] if option.required else []),
            *(["Repeatable."] if option.multiple and "epeat" not in text else []),
            *([f"Default: {default}."] if default else []),
            *([f"Environment: `{option.envvar}`."] if option.envvar else []),
        ]
    )
    cells = [names + takes, _URL.sub(r"`\1`", about)]
    return "| " + " | ".join(cell.replace("|", r"\|").replace("<", "&lt;") for cell in cells) + " |"
