"""The text of a mapping to begin with: it extends a shipped one, and its comments teach the rest.

In come a shipped mapping, a name, a cluster and some events, out goes YAML that lints without a
word and whose examples pass. What an event says is masked and made such that YAML can hold it
first. Must not know files, nor where the events are from.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.kubearmor.clock import WRAPPER_TIME
from cef_bridge.lines.dictionary import LABELS
from cef_bridge.mapping.examples import written
from cef_bridge.mapping.language.dump import example_lines, rule_lines, scalar
from cef_bridge.mapping.language.merge import child
from cef_bridge.mapping.language.redaction import redact
from cef_bridge.mapping.language.spec import Example
from cef_bridge.mapping.language.variables import escape
from cef_bridge.mapping.program.compile import Program
from cef_bridge.mapping.program.conditions import compact_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.mapping.language.spec import Mapping

NO_CLUSTER = "my-cluster"
"""What stands for the cluster when nobody has named it."""

_MOST_LEVELS = 16  # of lists and maps; YAML files may have 32
_MOST_INTEGER = 10**300  # values.json_scalar reads as many digits


class Taken(NamedTuple):
    """An event (raw fields under KubeArmor's names) for an example, and the example's name."""

    name: str
    event: dict[str, object]


class _Words(NamedTuple):
    """How a format names what the comments teach by."""

    verdict: str
    arguments: str
    own: str
    of_own: str


_WORDS = {
    "cef": _Words("act", "cs5", "KubeArmor", "A key of your own may have any name."),
    "leef": _Words("action", "commandLine", "", "LEEF takes any name."),
}


def scaffold(
    parent: Mapping, name: str, path: str, cluster: str | None, taken: Sequence[Taken]
) -> str:
    """Return the text of a mapping that extends a shipped one.

    `path` is where it will stand, for the commands that its comments show. Without a cluster a
    made-up one is written, and the comment says so.
    """
    named = cluster or NO_CLUSTER
    program = Program(child(parent, name, named))
    lines = [
        *_head(parent.name, name, path),
        f"mapping: {scalar(name)}",
        f"extends: {scalar(parent.name)}",
        "",
        *_cluster(made_up=not cluster),
        f"cluster: {scalar(escape(named))}",
        "",
        "extension:",
        *_extension(parent),
        "",
        *_DROPS,
        "",
        "# What must come out of which event. Add to them as you change things.",
        "examples:",
    ]
    for each in taken:
        example = example_of(program, each)
        lines += [f"  {line}" if line else "" for line in example_lines(example)]
    return "\n".join(lines) + "\n"


def example_of(program: Program, taken: Taken) -> Example:
    """Return an event as an example that expects what comes out now, without what looks like a
    secret.
    """
    event = _readable_event(taken.event)
    return Example(event=event, expect=_expected(program, event), name=_clean(taken.name))


def _head(parent: str, name: str, path: str) -> list[str]:
    shown = shlex.quote(path)
    convert = shown if "/" in path else f"./{shown}"
    commands = (
        (f"cef-bridge mapping lint {shown}", "says what is wrong, and where"),
        (f"cef-bridge mapping test {shown}", "runs the examples at the end of this file"),
        (f"cef-bridge mapping test --update {shown}", "writes what comes out now into them"),
        (f"cef-bridge mapping show {shown}", "prints all of it, with what it extends"),
        (f"cef-bridge convert -m {convert} events.json", "converts with it"),
    )
    width = max(len(command) for command, _ in commands)
    return [
        f"# {name}: begun by `cef-bridge mapping new`, and yours from here on.",
        f"# What is not said here is as in {parent}. A line that begins with # and no space is",
        "# switched off: take the # away to try it. Then:",
        "#",
        *(f"#   {command.ljust(width)}   {about}" for command, about in commands),
        "",
    ]


def _cluster(*, made_up: bool) -> list[str]:
    lines = ['# Every KubeArmor calls its cluster "default". Its name here is what the SIEM shows.']
    return [*lines, "# This one is made up: write your own."] if made_up else lines


def _extension(parent: Mapping) -> list[str]:
    words = _WORDS[parent.format]
    rules = parent.extension
    verdict = rule_lines(words.verdict, rules[words.verdict], "lower")
    arguments = rule_lines(words.arguments, rules[words.arguments], "redact")
    team, zone = (f"{words.own}{each}" if words.own else each.lower() for each in ("Team", "Zone"))
    table = "{payments: pci, kube-system: platform}"
    return [
        f"  # Change a key: a rule here replaces the one in {parent.name}.",
        *_off(verdict),
        "",
        f"  # Add a key, here from a pod's label. {words.of_own}",
        *_off([f"{team}: {{from: Labels.team}}"]),
        "",
        "  # Translate values by a table; `else` is for those that it does not have.",
        *_off([f"{zone}: {{from: NamespaceName, table: {table}, else: other}}"]),
        "",
        "  # Mask what looks like a password or a token in command lines.",
        *_off(arguments),
    ]


def _off(lines: Sequence[str]) -> list[str]:
    return [f"  #{line}" for line in lines]


_DROPS = (
    "# Drop events that match one of these conditions. Drop logs only: nobody sees an alert that",
    "# was dropped.",
    "#drop_events:",
    "#- {event.kind: log, event.verb: [read, socket]}",
    '#- {event.kind: log, NamespaceName: [kube-system, "monitoring-*"]}',
)


def _expected(program: Program, event: dict[str, object]) -> dict[str, str | None]:
    """Return what comes out, in the order of the line, without labels, which are constants."""
    labels = set(LABELS.values())
    return {key: text for key, text in written(program, event).items() if key not in labels}


def _readable_event(event: dict[str, object]) -> dict[str, object]:
    """Return an event as it will be read from YAML again, without what looks like a secret."""
    fields = {key: value for key, value in event.items() if key != WRAPPER_TIME}
    readable = _readable(fields, 0)
    return readable if isinstance(readable, dict) else {}


def _readable(value: object, level: int) -> object:
    match value:
        case str():
            return redact(_clean(value))
        case dict() | list() if level >= _MOST_LEVELS:
            return redact(_clean(compact_json(value)))
        case dict():
            return {_clean(key): _readable(inner, level + 1) for key, inner in value.items()}
        case list():
            return [_readable(inner, level + 1) for inner in value]
        case bool():
            return value
        case int():
            return value if abs(value) < _MOST_INTEGER else None
        case float():
            return value if abs(value) < float("inf") else None
    return None


def _clean(text: str) -> str:
    """Return a text without halves of characters, for which YAML has no escape."""
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text
