"""What commands share on their command line: names of mappings, and what a shell offers for them.

In comes what was typed so far, out come the words that go on from there. A shell waits for it, so
nothing is loaded here but the names of the shipped mappings and of the files in one folder.
"""

from __future__ import annotations

import os
import re
import types
from typing import TYPE_CHECKING, Any

import click

from cef_bridge.mapping.language import shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from click.shell_completion import CompletionItem

    _Choice = click.Choice[str]
else:
    _Choice = click.Choice  # click 8.1 knows no types in brackets

_MAPPING_FILES = (".yaml", ".yml")
_MOST_FILES = 10_000
# What a shell may put on a command line as it is; a name with other characters it must quote.
_UNQUOTED = re.compile(r"[A-Za-z0-9_./+@%:=-]+")


class Whole(click.IntRange):
    """A whole number, called so where something else was typed."""

    name = "whole number"


class AnyWhole(click.types.IntParamType):
    """A whole number without bounds."""

    name = "whole number"


class Number(click.FloatRange):
    """A number, called so where something else was typed."""

    name = "number"


class Renamed(click.Option):
    """An option that still takes `was`, its name in earlier versions, which is shown nowhere."""

    def __init__(self, names: Sequence[str], *, was: str, **settings: Any) -> None:  # noqa: ANN401 - click's
        super().__init__(names, **settings)
        self._was = was

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:  # noqa: ANN401 - click's
        """Have the parser know both names."""
        shown = self.opts
        self.opts = [*shown, self._was]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = shown


class Receiver(_Choice):
    """A receiver by its name; the names that are no longer shown go on to work."""

    _OLD = types.MappingProxyType({"splunk-addon": "splunk", "qradar-leef": "qradar"})

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the receiver's name; click's own error for one that does not exist."""
        return super().convert(self._OLD.get(value, value), param, ctx)


class Texts(click.types.StringParamType):
    """A text of an option that is repeatable: from the environment come several in one variable."""

    def split_envvar_value(self, rv: str) -> list[str]:
        """Return the values: one a line where there are lines, else separated by white space."""
        return (
            [each for line in rv.splitlines() if (each := line.strip())]
            if "\n" in rv
            else rv.split()
        )


class Name(Texts):
    """A text; `offers` gives the words that a shell offers for what was typed so far."""

    def __init__(self, offers: Callable[[str], list[CompletionItem]]) -> None:
        self._offers = offers

    def shell_complete(
        self, _: click.Context, __: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return what a shell may put where this was typed."""
        return self._offers(incomplete)


def offered(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Return those of some words that begin with what was typed."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks

    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def commands(
    group: click.Group,
    ctx: click.Context,
    incomplete: str,
    known: Mapping[str, Sequence[str]],
) -> list[CompletionItem]:
    """Return what a group offers: its commands, none of which is imported for it, its options."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - as above

    named = [
        CompletionItem(name, help=about)
        for name, (_, about, *_rest) in known.items()
        if name.startswith(incomplete)
    ]
    return named + click.Command.shell_complete(group, ctx, incomplete)


def _mappings(incomplete: str) -> list[CompletionItem]:
    """Return shipped mappings and files; the shell itself goes through folders and quotes."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - as above

    folder, slash, _ = incomplete.rpartition("/")
    names = [] if slash else shipped.names()
    files, folders = _beside(folder + slash, incomplete)
    words = offered([*names, *files], incomplete)
    if (folders and (slash or not words)) or not all(map(_UNQUOTED.fullmatch, files)):
        return [CompletionItem(incomplete, type="file")]
    return words


def _beside(folder: str, incomplete: str) -> tuple[list[str], bool]:
    """Return the mapping files in a folder that go on from what was typed; whether folders do."""
    files, folders = [], False
    try:
        with os.scandir(folder or ".") as entries:
            for _, entry in zip(range(_MOST_FILES), entries, strict=False):
                path = folder + entry.name
                if not path.startswith(incomplete) or entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    folders = True
                elif entry.name.endswith(_MAPPING_FILES):
                    files.append(path)
    except (OSError, ValueError):  # no folder; a null character
        return [], bool(folder)
    return sorted(files), folders


TEXTS = Texts()
"""The type of repeatable options."""

MAPPING = Name(_mappings)
"""A shipped mapping's name, or the path of a mapping file."""

SHIPPED = Name(lambda incomplete: offered(shipped.names(), incomplete))
"""A shipped mapping's name."""


def mapping_option(
    default: str | None = "kubearmor-cef", otherwise: str = ""
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the option -m, as `mapping_name`; `otherwise` says what it is without one."""
    return click.option(
        "-m",
        "--mapping",
        "mapping_name",
        type=MAPPING,
        metavar="NAME-or-PATH",
        default=default,
        show_default=default is not None,
        help=f"A shipped mapping or a file{otherwise}.",
    )
