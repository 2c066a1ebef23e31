"""Interfaces of TypeScript read as values, and answers held against them.

Reads what studio/src/api.ts uses: interfaces, texts, numbers, truth values, `object`, null, lists,
unions, literals of text and nested objects.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(r'\s*(?:"([^"]*)"|([A-Za-z_]\w*)|(\[\]|[{}()|:;?]))')
_COMMENT = re.compile(r"//[^\n]*")


class Union(NamedTuple):
    members: tuple[object, ...]


class List(NamedTuple):
    of: object


class Literal(NamedTuple):
    text: str


class Name(NamedTuple):
    name: str


class Object(NamedTuple):
    fields: dict[str, object]


class _Parser:
    def __init__(self, source: str) -> None:
        source = _COMMENT.sub("", source)
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while source[at:].strip():
            found = _TOKEN.match(source, at)
            assert found, source[at : at + 60]
            kinds = ("text", "word", "mark")
            kind, text = next(
                (kind, text)
                for kind, text in zip(kinds, found.groups(), strict=True)
                if text is not None
            )
            self.tokens.append((kind, text))
            at = found.end()
        self.at = 0

    def take(self, *wanted: str) -> str:
        _, text = self.tokens[self.at]
        assert not wanted or text in wanted, f"{text} where {wanted} is expected"
        self.at += 1
        return text

    def sees(self, text: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at] == ("mark", text)

    def interfaces(self) -> dict[str, Object]:
        found = {}
        while self.at < len(self.tokens):
            self.take("export")
            self.take("interface")
            name = self.take()
            found[name] = self.object()
        return found

    def object(self) -> Object:
        self.take("{")
        fields = {}
        while not self.sees("}"):
            name = self.take()
            self.take(":")
            fields[name] = self.type()
            if self.sees(";"):
                self.take(";")
        self.take("}")
        return Object(fields)

    def type(self) -> object:
        members = [self.list()]
        while self.sees("|"):
            self.take("|")
            members.append(self.list())
        return members[0] if len(members) == 1 else Union(tuple(members))

    def list(self) -> object:
        if self.sees("{"):
            found: object = self.object()
        elif self.sees("("):
            self.take("(")
            found = self.type()
            self.take(")")
        else:
            kind, text = self.tokens[self.at]
            self.at += 1
            found = Literal(text) if kind == "text" else Name(text)
        while self.sees("[]"):
            self.take("[]")
            found = List(found)
        return found


def interfaces(source: str) -> dict[str, Object]:
    """Return the interfaces of a source by name."""
    return _Parser(source).interfaces()


def faults(value: object, kind: object, known: dict[str, Object], at: str = "") -> list[str]:
    """Return what of a value (parsed JSON) is not of a type, each with its place."""
    match kind:
        case Union(members):
            each = [faults(value, member, known, at) for member in members]
            return [] if [] in each else min(each, key=len)
        case Literal(text):
            return [] if value == text else [f"{at}: {value!r} is not {text!r}"]
        case List(of):
            if not isinstance(value, list):
                return [f"{at}: no list"]
            return [
                it for n, one in enumerate(value) for it in faults(one, of, known, f"{at}[{n}]")
            ]
        case Object(fields):
            if not isinstance(value, dict):
                return [f"{at}: no object"]
            wrong = [f"{at}.{name}: missing" for name in fields.keys() - value.keys()]
            wrong += [f"{at}.{name}: not declared" for name in value.keys() - fields.keys()]
            return wrong + [
                it
                for name in fields.keys() & value.keys()
                for it in faults(value[name], fields[name], known, f"{at}.{name}")
            ]
        case Name(name) if name in known:
            return faults(value, known[name], known, at or name)
        case Name(name):
            is_truth = isinstance(value, bool)
            right = {
                "string": isinstance(value, str),
                "number": isinstance(value, (int, float)) and not is_truth,
                "boolean": is_truth,
                "object": isinstance(value, dict),
                "null": value is None,
            }[name]
            return [] if right else [f"{at}: {value!r} is no {name}"]
    raise TypeError(kind)
