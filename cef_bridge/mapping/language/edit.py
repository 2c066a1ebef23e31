"""What examples expect, changed in a file's own bytes: all else stays as it was written.

In come a file's bytes and the values that came out, out go the bytes with those values. Comments,
order, indentation and quotes stay, for a value is replaced where the parser says that it stands,
and nothing is written anew. The result is read again, and refused unless it says what it should.
Must not know how an example is run, nor files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from cef_bridge.errors import Location, UsageError
from cef_bridge.mapping.language import nodes
from cef_bridge.mapping.language.dump import scalar
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_BOM = "\ufeff"


class ExampleEdit(NamedTuple):
    """What an example (by its number, from 0) expects of a key, and what came out; None: absent."""

    example: int
    key: str
    expected: str | None
    got: str | None


class Changed(NamedTuple):
    """A change that was made, and where."""

    at: Location
    key: str
    expected: str | None
    got: str | None


class _Splice(NamedTuple):
    start: int
    end: int
    text: str


def updated(data: bytes, path: str, changes: Sequence[ExampleEdit]) -> tuple[bytes, list[Changed]]:
    """Return a file's bytes with other expectations, and what was changed in which line.

    The file must be one that was read without problems. UsageError when it cannot be done without
    touching anything else: an `expect` that two examples share (`*name`), or a file that has
    changed meanwhile.
    """
    try:
        whole = data.decode("utf-8")
        text = whole.removeprefix(_BOM)
        root = yaml.compose(text, Loader=nodes.LOADER)
        expects = [_child(example, "expect") for example in _examples(root)]
        splices, made = [], []
        for change in changes:
            splice, at = _splice(expects[change.example], change, text, path)
            splices.append(splice)
            made.append(Changed(at, change.key, change.expected, change.got))
    except (UnicodeDecodeError, yaml.YAMLError, LookupError) as error:
        raise _changed(path) from error
    result = whole[: len(whole) - len(text)] + _spliced(text, splices)
    encoded = result.encode("utf-8")
    _check(data, encoded, path, changes)
    return encoded, made


def _child(node: yaml.Node | None, key: str) -> yaml.Node:
    if isinstance(node, yaml.MappingNode):
        for name, inner in node.value:
            if name.value == key:
                return inner  # type: ignore[no-any-return] # what PyYAML composes are nodes
    raise LookupError(key)


def _examples(root: yaml.Node | None) -> list[yaml.Node]:
    found = _child(root, "examples")
    return found.value if isinstance(found, yaml.SequenceNode) else [found]


def _splice(
    expect: yaml.Node, change: ExampleEdit, text: str, path: str
) -> tuple[_Splice, Location]:
    try:
        node = _child(expect, change.key)
    except LookupError:
        splice = _new(expect, change, text)
        place = expect
    else:
        splice = _replaced(node, change.got, text)
        place = node
    mark = place.start_mark
    return splice, Location(path, mark.line + 1, mark.column + 1)


def _replaced(node: yaml.Node, got: str | None, text: str) -> _Splice:
    """Replace a value, with the quotes that it had."""
    start, end = node.start_mark.index, node.end_mark.index
    quote = getattr(node, "style", None)
    style = quote if quote in ("'", '"') else None
    written = scalar(got, style)
    if start == end:  # nothing stands there: behind a colon, or behind a key without one
        before = text[:start]
        gap = "" if before.endswith((" ", "\t")) else " "
        return _Splice(
            start, end, gap + written if before.rstrip().endswith(":") else f": {written}"
        )
    if quote in ("|", ">"):  # it ends where the next key begins: the end of its last line stays
        end = start + len(text[start:end].rstrip(" \t\r\n"))
    return _Splice(start, end, written)


def _new(expect: yaml.Node, change: ExampleEdit, text: str) -> _Splice:
    """Put a key before all others: what is not named there is the fate of the whole event."""
    pair = f"{scalar(change.key)}: {scalar(change.got, chr(34))}"
    start = expect.start_mark.index
    if getattr(expect, "flow_style", False):
        return _Splice(start + 1, start + 1, f"{pair}, " if expect.value else pair)
    newline = "\r\n" if "\r\n" in text else "\n"
    return _Splice(start, start, f"{pair}{newline}{' ' * expect.start_mark.column}")


def _spliced(text: str, splices: Sequence[_Splice]) -> str:
    for start, end, written in sorted(set(splices), reverse=True):
        text = text[:start] + written + text[end:]
    return text


def _check(before: bytes, after: bytes, path: str, changes: Sequence[ExampleEdit]) -> None:
    """Refuse a result that does not say what it should, and nothing else."""
    wanted: Any = _said(before)
    try:
        rows = wanted["examples"]
        rows = rows if isinstance(rows, list) else [rows]
        for change in changes:
            expect = rows[change.example]["expect"]
            if expect.get(change.key) != change.expected:
                raise _changed(path)
            expect[change.key] = change.got
    except (LookupError, TypeError, AttributeError) as error:
        raise _changed(path) from error
    if _said(after) != wanted:
        raise UsageError(
            f"{shown(path)} cannot be updated in place: examples in it share a value by an alias "
            "(*name). Write the value out where it is used."
        )


def _changed(path: str) -> UsageError:
    return UsageError(f"{shown(path)} has changed meanwhile. Run the examples again.")


def _said(data: bytes) -> object:
    root, problems = nodes.read(data, "")
    return None if problems or root is None else nodes.plain(root)
