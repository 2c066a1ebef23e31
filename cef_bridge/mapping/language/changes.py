"""Settings changed in a mapping's text, and examples added: all else stays as it was written.

In come a text and what it is to say (`envelope: {syslog_header: rfc5424}`), out comes the edit of
the text. Comments, order and quotes stay. What cannot be said without touching anything else is
left out. Must not know why something is changed, nor files.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import yaml

from cef_bridge.mapping.language import nodes
from cef_bridge.mapping.language.dump import example_lines, scalar
from cef_bridge.mapping.language.fixes import EditedYaml, TextEdit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cef_bridge.mapping.language.spec import Example

_SECTIONS = ("envelope", "extension")
_BEGIN = re.compile(rf"(?:{'|'.join(_SECTIONS)}): \{{")
_MORE = re.compile(rf", (?:{'|'.join(_SECTIONS)}): \{{")
_REST = "…"  # in a sentence: what else the rule says


class SettingChange(NamedTuple):
    """A key of a section, and its value as YAML in one line; `null` is one that goes.

    `items` are those of a list, in which others may stay.
    """

    section: str
    key: str
    value: str
    is_null: bool
    items: tuple[str, ...] = ()


class Stated(NamedTuple):
    """What a sentence says a mapping should have: as it is written there, and as changes."""

    text: str
    changes: tuple[SettingChange, ...]


@lru_cache(1024)
def stated(sentence: str) -> Stated | None:
    """Return the settings that stand in a sentence as YAML; None when none do, or not whole.

    >>> stated("Use envelope: {pipe: replace}.").text
    'envelope: {pipe: replace}'
    """
    begin = _BEGIN.search(sentence)
    if begin is None or _REST in sentence:
        return None
    end = _closed(sentence, begin.end())
    while more := _MORE.match(sentence, end):
        end = _closed(sentence, more.end())
    text = sentence[begin.start() : end]
    try:
        root = yaml.compose(f"{{{text}}}", Loader=nodes.LOADER)
    except yaml.YAMLError:
        return None
    if not isinstance(root, yaml.MappingNode):
        return None
    found = [change for name, node in root.value for change in _changes(name.value, node, text)]
    return Stated(text, tuple(found))


def _closed(text: str, at: int) -> int:
    """Return where the brace ends that was opened before `at`."""
    depth, quote = 1, ""
    while at < len(text) and depth:
        char = text[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        else:
            depth += (char == "{") - (char == "}")
        at += 1
    return at


def _changes(section: str, node: yaml.Node, text: str) -> list[SettingChange]:
    if not isinstance(node, yaml.MappingNode):
        return []
    found = []
    for key, value in node.value:
        begin, end = value.start_mark.index - 1, value.end_mark.index - 1  # the brace around it
        written = text[begin:end].strip()
        is_null = isinstance(value, yaml.ScalarNode) and written in ("null", "~", "")
        items = (
            tuple(item.value for item in value.value)
            if isinstance(value, yaml.SequenceNode)
            else ()
        )
        found.append(SettingChange(section, key.value, written, is_null, items))
    return found


def changed(
    text: str,
    changes: Sequence[SettingChange],
    *,
    inherited: Collection[str] = (),
    lists: Mapping[str, Sequence[str]] | None = None,
) -> TextEdit | None:
    """Return the edit that makes a mapping's text say some settings; None when there is none.

    `inherited` are the output keys of its parents: only these need a null to be gone. `lists` are
    the items that lists of the envelope have now, its parents' too: these stay.
    """
    after = text
    for change in changes:
        edit = _one(after, change, inherited, (lists or {}).get(change.key, ()))
        if edit is None:
            return None
        after = after[: edit.start] + edit.text + after[edit.end :]
    return _between(text, after) if after != text and _is_as_good(after, text) else None


def _one(
    text: str, change: SettingChange, inherited: Collection[str], now: Sequence[str]
) -> TextEdit | None:
    root = _root(text)
    if root is None:
        return None
    document = EditedYaml(text, root)
    section = document.pair(root, change.section)
    own = document.pair(section.value, change.key) if section else None
    if change.is_null and change.section == "extension" and change.key not in inherited:
        return document.without(own) if own else None
    value = change.value
    if change.items:
        has = own.value.value if own and isinstance(own.value, yaml.SequenceNode) else ()
        items = dict.fromkeys((*now, *(item.value for item in has), *change.items))
        value = f"[{', '.join(map(scalar, items))}]"
    pair = f"{scalar(change.key)}: {value}"
    if own is not None:
        begin = own.value.start_mark.index
        end = document.end_of(own.value)
        if end < own.key.end_mark.index:  # an alias
            return None
        gap = "" if text[begin - 1 : begin].isspace() else " "
        return TextEdit(begin, end, gap + value)
    if section is None:
        return _new_section(text, root, f"{change.section}:\n  {pair}\n")
    if isinstance(section.value, yaml.MappingNode):
        return document.added(section.value, pair)
    if isinstance(section.value, yaml.ScalarNode) and not section.value.value:
        at = section.key.end_mark.index + 1  # behind the colon
        return TextEdit(at, at, f"\n  {pair}")
    return None


def _new_section(text: str, root: yaml.MappingNode, lines: str) -> TextEdit | None:
    """Put a section before the examples and the comments above them, or at the end."""
    if root.flow_style:
        return None
    examples = next((key for key, _ in root.value if key.value == "examples"), None)
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = lines.replace("\n", newline)
    if examples is None:
        gap = "" if text.endswith("\n") or not text else newline
        return TextEdit(len(text), len(text), gap + lines)
    at = examples.start_mark.index
    while at:
        line = text.rfind("\n", 0, at - 1) + 1
        if not text[line:at].startswith("#"):
            break
        at = line
    return TextEdit(at, at, lines)


def with_example(text: str, example: Example) -> TextEdit | None:
    """Return the edit that adds an example behind those of a mapping; None when there is none."""
    root = _root(text)
    if root is None or root.flow_style:
        return None
    document = EditedYaml(text, root)
    newline = "\r\n" if "\r\n" in text else "\n"
    pair = document.pair(root, "examples")
    if pair is None:
        lines = ["examples:", *(f"  {line}" if line else "" for line in example_lines(example))]
        gap = "" if text.endswith("\n") or not text else newline
        edit = TextEdit(len(text), len(text), gap + newline.join([*lines, ""]))
    elif isinstance(pair.value, yaml.SequenceNode) and not pair.value.flow_style:
        indent = " " * pair.value.start_mark.column
        end = text.find("\n", document.end_of(pair.value))
        end = len(text) if end < 0 else end + 1
        gap = "" if text[:end].endswith("\n") else newline
        lines = [f"{indent}{line}" if line else "" for line in example_lines(example)]
        edit = TextEdit(end, end, gap + newline.join([*lines, ""]))
    elif not pair.value.value:  # nothing, or [], behind the colon
        lines = [f"  {line}" if line else "" for line in example_lines(example)]
        begin = pair.key.end_mark.index + 1
        end = max(document.end_of(pair.value), begin)
        edit = TextEdit(begin, end, newline + newline.join(lines))
    else:
        return None
    after = text[: edit.start] + edit.text + text[edit.end :]
    return edit if _is_as_good(after, text) else None


def _root(text: str) -> yaml.MappingNode | None:
    try:
        root = yaml.compose(text, Loader=nodes.LOADER)
    except (yaml.YAMLError, UnicodeEncodeError):
        return None
    return root if isinstance(root, yaml.MappingNode) else None


def _is_as_good(after: str, before: str) -> bool:
    """Whether a text is still YAML that can be read, with no more problems of YAML than before."""
    data = after.encode("utf-8", "surrogatepass")
    if len(data) > nodes.MOST_BYTES:
        return False
    root, problems = nodes.read(data, "")
    had = nodes.read(before.encode("utf-8", "surrogatepass"), "")[1]
    return root is not None and len(problems) <= len(had)


def _between(before: str, after: str) -> TextEdit:
    """Return the one edit that makes one text the other: what differs in their middle."""
    begin, most = 0, min(len(before), len(after))
    while begin < most and before[begin] == after[begin]:
        begin += 1
    end = 0
    while end < most - begin and before[-1 - end] == after[-1 - end]:
        end += 1
    return TextEdit(begin, len(before) - end, after[begin : len(after) - end])
