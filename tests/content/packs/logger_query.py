"""Logger's field-based searches, read and run: a small, strict grammar. It is this project's."""

from __future__ import annotations

import re

from token_reader import TokenReader

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\["\\])*")|(?P<word>[A-Za-z]\w*)|(?P<sign>[=()]))""", re.ASCII
)
_COMPARED = {
    "=": lambda value, text: value == text,
    "STARTSWITH": str.startswith,
    "ENDSWITH": str.endswith,
    "CONTAINS": lambda value, text: text in value,
}


class _Reader(TokenReader):
    def __init__(self, query: str) -> None:
        super().__init__(_TOKEN, query)
        self.fields: list[str] = []

    def either(self):
        items = [self.all()]
        while self.peek() == "OR":
            self.take("OR")
            items.append(self.all())
        return lambda it: any(each(it) for each in items)

    def all(self):
        items = [self.one()]
        while self.peek() == "AND":
            self.take("AND")
            items.append(self.one())
        return lambda it: all(each(it) for each in items)

    def one(self):
        is_negated = self.peek() == "NOT"
        if is_negated:
            self.take("NOT")
        if is_negated or self.peek() == "(":
            self.take("(")
            inner = self.either()
            self.take(")")
            return (lambda it: not inner(it)) if is_negated else inner
        field = self.take("word")
        if field in ("AND", "OR", "NOT", *_COMPARED):
            raise ValueError(f"expected a field, found {field!r}")
        self.fields.append(field)
        if self.peek() == "IS":
            for word in ("IS", "NOT", "NULL"):
                self.take(word)
            return lambda it: field in it
        compared = _COMPARED[self.take(*_COMPARED)]
        text = re.sub(r"\\(.)", r"\1", self.take("text")[1:-1])
        # What is absent equals nothing.
        return lambda it: field in it and compared(it[field].lower(), text.lower())


def read(query: str):
    """Return a search as a function of an event's fields, and the fields that it asks for."""
    reader = _Reader(query)
    condition = reader.either()
    if reader.left:
        raise ValueError(f"left over: {reader.left[:3]}")
    return condition, reader.fields
