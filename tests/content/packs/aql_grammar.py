"""A small, strict grammar of AQL, after IBM's description of a query's structure. It is ours.

`parsed` raises ValueError for what it does not know. `as_sqlite` makes SQL of a condition or a
search, so that it can be run over the fields of events.
"""

from __future__ import annotations

import re

from token_reader import tokens

_TOKEN = re.compile(
    r"""\s*(?:(?P<literal>'(?:[^']|'')*')|(?P<name>"[^"]+")|(?P<number>\d+)"""
    r"""|(?P<word>[A-Za-z_]\w*)|(?P<sign>>=|<=|!=|[(),=<>*/+-]))"""
)
_FUNCTIONS = {
    *("DATEFORMAT", "LOGSOURCENAME", "QIDNAME", "PROTOCOLNAME", "COUNT", "UNIQUECOUNT"),
    *("MIN", "MAX", "AVG"),
}
_FIELDS = {
    *("starttime", "devicetime", "logsourceid", "qid", "sourceip", "destinationip"),
    *("sourceport", "destinationport", "username", "severity", "protocolid"),
}
_CLAUSES = ("SELECT", "FROM", "WHERE", "GROUP", "HAVING", "LAST", "AND", "OR", "NOT", "AS", "BY")


class _Parser:
    def __init__(self, text: str) -> None:
        self.left = tokens(_TOKEN, text)
        self.names: list[str] = []
        self.aliases: set[str] = set()

    def peek(self) -> tuple[str, str]:
        return self.left[0] if self.left else ("end", "")

    def take(self, *wanted: str) -> str:
        kind, text = self.peek()
        if wanted and text not in wanted and kind not in wanted:
            raise ValueError(f"expected {wanted}, found {text!r}")
        self.left.pop(0)
        return text

    def search(self) -> None:
        self.take("SELECT")
        self.item()
        while self.peek()[1] == ",":
            self.take()
            self.item()
        self.take("FROM")
        self.take("events")
        self.take("WHERE")
        self.either()
        if self.peek()[1] == "GROUP":
            self.take()
            self.take("BY")
            self.sum()
            while self.peek()[1] == ",":
                self.take()
                self.sum()
        if self.peek()[1] == "HAVING":
            self.take()
            self.either()
        self.take("LAST")
        self.take("number")
        self.take("MINUTES", "HOURS", "DAYS")

    def item(self) -> None:
        self.sum()
        if self.peek()[1] == "AS":
            self.take()
            self.aliases.add(self.take("literal", "word").strip("'"))

    def either(self) -> None:
        self.all()
        while self.peek()[1] == "OR":
            self.take()
            self.all()

    def all(self) -> None:
        self.negated()
        while self.peek()[1] == "AND":
            self.take()
            self.negated()

    def negated(self) -> None:
        if self.peek()[1] == "NOT":
            self.take()
            self.take("(")
            self.either()
            self.take(")")
        elif self.peek()[1] == "(":
            self.take()
            self.either()
            self.take(")")
        else:
            self.comparison()

    def comparison(self) -> None:
        self.sum()
        word = self.take("ILIKE", "IMATCHES", "IS", "=", ">", "<", ">=", "<=", "!=")
        if word in ("ILIKE", "IMATCHES"):
            self.take("literal")
        elif word == "IS":
            if self.peek()[1] == "NOT":
                self.take()
            self.take("NULL")
        else:
            self.sum()

    def sum(self) -> None:
        self.atom()
        while self.peek()[1] in ("+", "-", "*", "/"):
            self.take()
            self.atom()

    def atom(self) -> None:
        kind, text = self.peek()
        if text == "(":
            self.take()
            self.sum()
            self.take(")")
        elif kind == "word" and text in _FUNCTIONS:
            self.take()
            self.take("(")
            self.arguments()
            self.take(")")
        elif kind == "word" and (text in _FIELDS or text in self.aliases):
            self.take()
        elif kind == "name":
            self.names.append(self.take().strip('"'))
        elif kind in ("number", "literal"):
            self.take()
        else:
            raise ValueError(f"no field, function or value: {text!r}")

    def arguments(self) -> None:
        if self.peek()[1] == "*":
            self.take()
            return
        self.sum()
        while self.peek()[1] == ",":
            self.take()
            self.sum()


def parsed(text: str, *, condition: bool = False) -> list[str]:
    """Return the fields in quotes of a search, or of a condition; ValueError for what is no AQL."""
    parser = _Parser(text)
    if condition:
        parser.either()
    else:
        parser.search()
    if parser.left:
        raise ValueError(f"left over: {parser.left[:3]}")
    return parser.names


def as_sqlite(text: str) -> str:
    """Return a condition, or a search without functions of time, as SQLite takes it."""
    words = {"ILIKE": "LIKE", "IMATCHES": "REGEXP"}
    made = []
    for kind, part in tokens(_TOKEN, text):
        if kind == "word" and part == "LAST":
            break
        made.append(words.get(part, part) if kind == "word" else part)
    return " ".join(made)
