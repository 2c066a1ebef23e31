"""The examples of a mapping, run: each event must give what its `expect` says.

In comes a `spec.Mapping`, out comes an `ExampleResult` for each of its examples. What is compared
is not what the rules gave but what is read back from the finished line, as a SIEM would read it.
Must not know syslog headers, limits of a message's size, or where a mapping was read from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.kubearmor.derive import derive
from cef_bridge.kubearmor.names import canonical
from cef_bridge.kubearmor.unwrap import FoundEvent, Inside, unwrap
from cef_bridge.mapping.program.compile import Program
from cef_bridge.mapping.program.rules import write_hit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.errors import Location
    from cef_bridge.mapping.language.spec import Example, Mapping

FILTERED = "filtered"
"""The key that an event has, with the value "true", when `drop_events` or a filter takes it out."""

HEADER = "header."
"""What stands before a header field's name in `expect`: `header.severity`, `header.name` …"""


class ExampleResult(NamedTuple):
    """What became of one example; a difference is (key, expected or None, got or None)."""

    name: str
    at: Location
    passed: bool
    differences: tuple[tuple[str, str | None, str | None], ...]


def run(mapping: Mapping, examples: Sequence[Example] | None = None) -> list[ExampleResult]:
    """Return the outcome of every example, in their order: the mapping's own, or those given.

    Only the keys that `expect` names are compared; null says that a key must be absent. An event
    that is filtered must be expected to be (`filtered: "true"`), or its example fails.
    """
    program = Program(mapping)
    chosen = mapping.examples if examples is None else examples
    return [_outcome(example, written(program, example.event)) for example in chosen]


def written(program: Program, event: dict[str, object]) -> dict[str, str]:
    """Return what a reader finds in the line of an event (parsed JSON, any dialect), by key.

    Header fields stand under `header.NAME`; a filtered event gives `{"filtered": "true"}` alone.
    """
    found = derive(_fields(event))
    if program.filtered(found.fields):
        return {FILTERED: "true"}
    output = program.evaluate(found)
    fmt = program.format
    pairs = "".join(write_hit(fmt, hit) for hit in output.hits)
    message = fmt.parse(fmt.head(output.header) + pairs[len(fmt.separator) :])
    header = {f"{HEADER}{name}": text for name, text in message.header._asdict().items() if text}
    return {**header, **message.extension}


def _fields(event: dict[str, object]) -> dict[str, object]:
    """Return an example's event under KubeArmor's names; what looks like none is taken as one."""
    for item in unwrap(event):
        found = item
        while isinstance(found, Inside):
            found = found.values[0][0] if found.event.fields is None else found.event
        if isinstance(found, FoundEvent) and found.fields is not None:
            return found.fields
    return canonical(event)


def _outcome(example: Example, got: dict[str, str]) -> ExampleResult:
    expect = example.expect
    if FILTERED in got and FILTERED not in expect:
        expect = {**expect, FILTERED: None}
    differences = tuple(
        (key, expected, got.get(key))
        for key, expected in expect.items()
        if got.get(key) != expected
    )
    return ExampleResult(example.name, example.at, not differences, differences)
