"""The one event that a command looks at: from a file, from stdin, or as JSON on the command line.

In comes what the operator typed, out goes an event with its place. Must not know what is done
with it.
"""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING

from cef_bridge.cli.logs import say
from cef_bridge.errors import UsageError
from cef_bridge.events.decode import Decoded, Decoder
from cef_bridge.sources.inputs import STDIN, expand
from cef_bridge.workbench.events import Found, events_of

if TYPE_CHECKING:
    from cef_bridge.mapping.spec import Mapping


def one_event(argument: str | None, number: int, mapping: Mapping) -> Found:
    """Return the event of that number (from 1) in what an argument names.

    `{…` is the event itself; a path or `-` has events in any dialect, wrapper or archive. Without
    an argument it is stdin, or at a terminal the first example of the mapping. UsageError when
    there is no such event.
    """
    if argument is not None and argument.lstrip().startswith("{"):
        found = Decoder().decode(argument.encode("utf-8", "surrogateescape"))
        events = iter([Found(it.fields, "the event") for it in found if isinstance(it, Decoded)])
        what = "the JSON text on the command line"
    elif argument is None and sys.stdin is not None and sys.stdin.isatty() and mapping.examples:
        example = mapping.examples[0]
        say(f"the first example of {mapping.name}; name a file to look at an event of yours")
        return Found(example.event, str(example.at))
    else:
        inputs = expand([argument or STDIN])
        events, what = events_of(inputs), inputs[0].name
    taken = list(islice(events, number - 1, number + 1))
    if not taken:
        which = "no KubeArmor event" if number == 1 else f"no event {number}"
        raise UsageError(f"{what}: {which} in it. Expected events as KubeArmor writes them, JSON.")
    if len(taken) > 1 and number == 1:
        say(f"{taken[0].place}: the first event; --event 2 takes the next")
    return taken[0]
