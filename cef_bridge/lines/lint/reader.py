"""Takes a line apart as far as it can, and goes on behind each fault.

In comes one line, out comes a `ParsedLine`. `lines.parse` stops at the first fault; this one
guesses as a patient receiver would, so that all faults of a line are told in one run. Every step is
linear in the line. Must not know what is a fault.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.lines.dictionary import CEF_KEYS, severity_of
from cef_bridge.lines.leef import parted, read_delimiter, undeclared
from cef_bridge.lines.lint.guess import inner_pairs
from cef_bridge.lines.lint.parts import CEF_FIELDS, LEEF_FIELDS, LineSpan, Pair, ParsedLine
from cef_bridge.lines.message import locate

if TYPE_CHECKING:
    from collections.abc import Iterator

# More pipes are looked at than a header has, to see whether one too many is in it.
_MOST_PIPES = len(CEF_FIELDS) + 3
_MOST_VERSION = 40
_PIPE = re.compile(r"\\(?s:.)?|\|")
_KNOWN = frozenset(CEF_KEYS)
_EQUALS = re.compile(r"\\(?s:.)?|=")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANS = {"n": "\n", "r": "\r", "=": "=", "\\": "\\"}
KEYISH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,\[\]-]{0,255}")
"""What readers take for a key before an equals sign, whether it may be one or not."""
_PAIR_BEGINS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}=")
_PAIR_INSIDE = re.compile(r"(?:^|(?<= ))[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}=")
_ATTRIBUTE_KEY = re.compile(r"[A-Za-z0-9_.-]{1,256}")


class _Header(NamedTuple):
    fields: tuple[LineSpan, ...]
    pipes: int
    whole: bool
    extension_at: int
    extra_pipe: int | None = None


def read(text: str, size: int | None = None, read_by: str = "") -> ParsedLine:
    """Return a line's parts; never fails. `size` is its length in bytes where that is known."""
    size = len(text.encode("utf-8", "surrogatepass")) if size is None else size
    name, at, syslog, between = locate(text)
    if name is None:
        prefix = LineSpan(len(text) - len(between), between)
        return ParsedLine(text, size, read_by, syslog=syslog, prefix=prefix)
    line = ParsedLine(text, size, read_by, name, at, syslog, LineSpan(at - len(between), between))
    begin = at + len(name) + 1
    pipe = text.find("|", begin, begin + _MOST_VERSION)
    if pipe < 0:
        return line._replace(version=text[begin : begin + _MOST_VERSION], extension_at=len(text))
    line = line._replace(version=text[begin:pipe])
    return _read_cef(line, pipe + 1) if name == "cef" else _read_leef(line, pipe + 1)


def _read_cef(line: ParsedLine, at: int) -> ParsedLine:
    found = _cef_header(line.text, at)
    pairs, stray = _pairs(line.text, found.extension_at)
    named = dict(zip(CEF_FIELDS, found.fields, strict=False)) if found.whole else {}
    line = line._replace(
        header=named,
        fields=found.fields,
        pipes=found.pipes + 1,
        extra_pipe=found.extra_pipe,
        extension_at=found.extension_at,
        pairs=pairs,
        keys=frozenset([pair.key for pair in pairs]),
        stray=stray,
    )
    if line.keys <= _KNOWN:
        return line
    return line._replace(inner=inner_pairs(line.product, pairs))


def _pipes(text: str, at: int, most: int) -> list[int]:
    found = []
    for step in _PIPE.finditer(text, at):
        if step[0] == "|":
            found.append(step.start())
            if len(found) == most:
                break
    return found


def _pieces(text: str, at: int, pipes: list[int]) -> list[LineSpan]:
    """Return what stands before each pipe, and last what stands behind all of them."""
    begins = [at, *(pipe + 1 for pipe in pipes)]
    return [LineSpan(b, text[b:e]) for b, e in zip(begins, [*pipes, len(text)], strict=True)]


def _cef_header(text: str, at: int) -> _Header:
    count = len(CEF_FIELDS)
    pipes = _pipes(text, at, _MOST_PIPES)
    pieces = _pieces(text, at, pipes)
    if len(pipes) >= count:
        fields = tuple(pieces[:count])
        whole = _Header(fields, count, True, pipes[count - 1] + 1)
        if severity_of(fields[-1].raw) is not None:
            return whole
        early = _early_extension(pieces[:count])
        if early is not None:
            return early
        for number in range(count, len(pipes)):
            if severity_of(pieces[number].raw) is not None:
                name = LineSpan(pieces[4].at, text[pieces[4].at : pieces[number].at - 1])
                merged = (*pieces[:4], name, pieces[number])
                return _Header(merged, count, True, pipes[number] + 1, pipes[4])
        return whole
    early = _early_extension(pieces)
    if early is not None:
        return early
    last = pieces[-1]
    inside = _PAIR_INSIDE.search(last.raw)
    end = last.at + inside.start() if inside else len(text)
    field = LineSpan(last.at, text[last.at : end].rstrip(" "))
    fields = (*pieces[:-1], field) if field.raw else tuple(pieces[:-1])
    return _Header(fields[:count], len(pipes), False, end)


def _early_extension(pieces: list[LineSpan]) -> _Header | None:
    """Return the header that ends where a piece already begins with a pair; None if none does."""
    for number, piece in enumerate(pieces):
        if _PAIR_BEGINS.match(piece.raw.lstrip(" ")):
            return _Header(tuple(pieces[:number]), number, False, piece.at)
    return None


def _pairs(text: str, at: int) -> tuple[tuple[Pair, ...], tuple[LineSpan, ...]]:
    """Return the pairs as readers find them: a key is what stands before an equals sign."""
    keys: list[tuple[str, int, int]] = []
    begin = at
    chunks = _chunks(text, at)
    chunks.pop()
    for chunk in chunks:
        equal = begin + len(chunk)
        _, space, name = chunk.rpartition(" ")
        # Without a space it stands within a word of a value, unless it is the first.
        if (space or begin == at) and (name in CEF_KEYS or KEYISH.fullmatch(name)):
            keys.append((name, equal - len(name), equal + 1))
        begin = equal + 1
    first = keys[0][1] if keys else len(text)
    stray = (LineSpan(at, text[at:first]),) if text[at:first].strip(" ") else ()
    ends = [begin - 1 for _, begin, _ in keys[1:]] + [len(text)]
    pairs = []
    for (name, begin, value_at), end in zip(keys, ends, strict=False):
        raw = text[value_at:end]
        value = plain(raw.strip(" "))
        pairs.append(Pair(name, begin, value_at, raw, value))
    return tuple(pairs), stray


def _chunks(text: str, at: int) -> list[str]:
    """Return what stands between the equals signs that are not escaped."""
    if text.find("\\", at) < 0:
        return text[at:].split("=")
    found = []
    for step in _EQUALS.finditer(text, at):
        if step[0] == "=":
            found.append(text[at : step.start()])
            at = step.end()
    return [*found, text[at:]]


def _positions(text: str, what: str, at: int) -> Iterator[int]:
    while (at := text.find(what, at)) >= 0:
        yield at
        at += 1


def plain(raw: str) -> str:
    """Return a value as written without its escapes; a backslash that begins none stays."""
    return _ESCAPED.sub(_meant, raw) if "\\" in raw else raw


def _meant(found: re.Match[str]) -> str:
    return _MEANS.get(found[1], found[0])


def _read_leef(line: ParsedLine, at: int) -> ParsedLine:
    text, count = line.text, len(LEEF_FIELDS)
    # LEEF escapes nothing, so each pipe counts.
    pipes: list[int] = []
    for pipe in _positions(text, "|", at):
        pipes.append(pipe)
        if len(pipes) == count:
            break
    pieces = _pieces(text, at, pipes)
    if len(pipes) < count:
        early = _early_extension(pieces)
        end = early.extension_at if early else len(text)
        fields = early.fields if early else tuple(piece for piece in pieces if piece.raw)
        line = line._replace(fields=fields[:count], pipes=len(pipes) + 1, extension_at=end)
        return _with_attributes(line, "\t")
    rest = pieces.pop()
    line = line._replace(
        header=dict(zip(LEEF_FIELDS, pieces, strict=True)),
        fields=tuple(pieces),
        pipes=count + 1,
        extension_at=rest.at,
    )
    if line.version.startswith("1"):
        return _with_attributes(line, "\t")
    field, pipe_, _ = rest.raw.partition("|")
    if not pipe_ or "=" in field[:-1]:
        return _with_attributes(line, "\t")
    line = line._replace(
        delimiter_field=LineSpan(rest.at, field),
        pipes=count + 2,
        extension_at=rest.at + len(field) + 1,
    )
    return _with_attributes(line, (read_delimiter(field) if field else None) or "\t")


def _split(text: str, delimiter: str) -> Iterator[tuple[int, str]]:
    at = 0
    for attribute in text.split(delimiter):
        yield at, attribute
        at += len(attribute) + len(delimiter)


def _with_attributes(line: ParsedLine, delimiter: str) -> ParsedLine:
    pairs: list[Pair] = []
    stray: list[LineSpan] = []
    text = line.text[line.extension_at :]
    mark = undeclared(text, delimiter)
    for offset, attribute in parted(text, mark) if mark else _split(text, delimiter):
        at = line.extension_at + offset
        key, equal, value = attribute.partition("=")
        if equal and _ATTRIBUTE_KEY.fullmatch(key):
            pairs.append(Pair(key, at, at + len(key) + 1, value, value.strip(" ")))
        elif attribute.strip(" "):
            stray.append(LineSpan(at, attribute))
    return line._replace(
        pairs=tuple(pairs),
        keys=frozenset([pair.key for pair in pairs]),
        stray=tuple(stray),
        delimiter=delimiter,
        undeclared=mark,
    )
