"""The one event that a command is to look at, wherever an operator has it.

In comes an argument (a file, `-`, JSON, nothing), out comes an event with its place, or a finished
CEF or LEEF line of another product's. Must not know what is done with it.
"""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import orjson

from cef_bridge.cli.logs import say
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.kubearmor.names import canonical
from cef_bridge.sources.files.archives import printable
from cef_bridge.sources.files.inputs import STDIN, expand
from cef_bridge.workbench.events import LocatedEvent, LocatedMessage, records_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cef_bridge.mapping.language.spec import Mapping


class _Asked(NamedTuple):
    """What to look for: `argument` names it, `number` counts from 1, 0 when nobody said one."""

    argument: str
    number: int


def one_event(argument: str | None, number: int, mapping: Mapping) -> LocatedEvent:
    """Return the event that is meant; a line that is CEF or LEEF already is refused.

    `number` counts from 1, 0 when nobody said one; see `one_record`.
    """
    found = one_record(argument, number, mapping)
    if isinstance(found, LocatedMessage):
        raise UsageError(
            f"{found.place} is a message already. Expected an event of KubeArmor, as JSON."
        )
    return found


def one_record(
    argument: str | None, number: int, mapping: Mapping
) -> LocatedEvent | LocatedMessage:
    """Return the event, or the finished line, that is meant.

    JSON when it begins with `{`; else a file (any dialect or archive), `-` or nothing for stdin;
    nothing on a terminal means the mapping's first example. `number` counts from 1; 0 means the
    first, and says so on stderr when there are more. Raises UsageError for what is no event, and
    CefBridgeError when there are fewer.
    """
    if argument is not None and argument.lstrip().startswith("{"):
        return _from_json(argument)
    if argument is None and sys.stdin is not None and sys.stdin.isatty():
        return _example(mapping)
    asked = _Asked(argument or STDIN, number)
    unread: list[str] = []
    return _chosen(records_of(expand([asked.argument]), unread), asked, unread)


def _from_json(text: str) -> LocatedEvent:
    line = " ".join(text.split("\n")).encode("utf-8", "replace")
    found = [*EventDecoder().decode(line)]
    for each in found:
        if isinstance(each, Decoded):
            return LocatedEvent(each.fields, "the event given", line if len(found) == 1 else b"")
    raise UsageError(
        "The JSON given is no event of KubeArmor. Expected an object with Operation or Type, such "
        'as {"Type": "MatchedPolicy", "Operation": "File"}.'
    )


def _example(mapping: Mapping) -> LocatedEvent:
    if not mapping.examples:
        raise UsageError(
            f"{mapping.name} has no example to show. Name a file with events, or give one as JSON."
        )
    first = mapping.examples[0]
    line = orjson.dumps(first.event)
    for each in EventDecoder().decode(line):
        if isinstance(each, Decoded):
            return LocatedEvent(each.fields, str(first.at), line)
    return LocatedEvent(canonical(first.event), str(first.at))


def _chosen(
    records: Iterable[LocatedEvent | LocatedMessage], asked: _Asked, unread: Sequence[str]
) -> LocatedEvent | LocatedMessage:
    wanted = max(asked.number, 1)
    # One more tells whether there is one, without reading on.
    found = list(islice(records, wanted - 1, wanted + (not asked.number)))
    if not found:
        name = "stdin" if asked.argument == STDIN else printable(asked.argument)
        if wanted > 1:
            raise CefBridgeError(f"{name} has fewer than {wanted} events.")
        if unread:
            raise CefBridgeError(f"no event of KubeArmor can be read. {unread[0]}.")
        raise CefBridgeError(
            f"{name} has no event of KubeArmor and no CEF or LEEF line. "
            "Expected JSON, one event a line, or a message of a SIEM's log."
        )
    if len(found) > 1:
        what = "line" if isinstance(found[0], LocatedMessage) else "event"
        say(f"{found[0].place} is the first {what}; --event N takes another")
    return found[0]
