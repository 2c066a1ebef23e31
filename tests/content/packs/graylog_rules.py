"""Graylog's pipeline rules, read and run: a strict grammar after graylog2-server's RuleLang.g4.

It knows the part of the language that the pack uses, and refuses the rest. It is this project's, as
are its functions, written after the classes of org.graylog.plugins.pipelineprocessor.functions.
"""

from __future__ import annotations

import re

from token_reader import TokenReader

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\\n]|\\[btnfr"'\\])*")|(?P<number>\d+)|(?P<message>\$message)"""
    r"""|(?P<identifier>[A-Za-z_][A-Za-z_0-9]*|`[^`]+`)|(?P<sign>==|!=|[(),.;]))""",
    re.ASCII,
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


class _Reader(TokenReader):
    def __init__(self, text: str) -> None:
        super().__init__(_TOKEN, text)

    def string(self) -> str:
        text = self.take("string")[1:-1]
        return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text)

    def either(self):
        items = [self.all()]
        while self.peek() == "or":
            self.take("or")
            items.append(self.all())
        return items[0] if len(items) == 1 else lambda it: any(each(it) for each in items)

    def all(self):
        items = [self.equality()]
        while self.peek() == "and":
            self.take("and")
            items.append(self.equality())
        return items[0] if len(items) == 1 else lambda it: all(each(it) for each in items)

    def equality(self):
        left = self.negated()
        if self.peek() != "==":
            return left
        self.take("==")
        right = self.negated()
        return lambda it: left(it) == right(it)

    def negated(self):
        if self.peek() != "not":
            return self.nested()
        self.take("not")
        inner = self.nested()
        return lambda it: not inner(it)

    def nested(self):
        kind, text = self.left[0] if self.left else ("end", "")
        if text == "(":
            self.take("(")
            inner = self.either()
            self.take(")")
        elif kind == "string":
            found = self.string()
            inner = lambda _: found  # noqa: E731 - a value
        elif text in ("true", "false"):
            self.take("true", "false")
            inner = lambda _: text == "true"  # noqa: E731 - a value
        elif kind == "message":
            self.take("message")
            self.take(".")
            name = self.take("identifier").strip("`")
            return lambda it: it.get(name)
        else:
            inner = self.call()
        if self.peek() == ".":
            self.take(".")
            self.take("matches")
        return inner

    def call(self):
        name = self.take(*_FUNCTIONS)
        self.take("(")
        arguments = [self.either()]
        while self.peek() == ",":
            self.take(",")
            arguments.append(self.either())
        self.take(")")
        function, least, most = _FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise ValueError(f"{name} has {len(arguments)} arguments")
        if name == "has_field":
            return lambda it: arguments[0](it) in it
        return lambda it: function(*(each(it) for each in arguments))


def _compared(test):
    def function(value, wanted, ignore_case=False):
        if value is None or wanted is None:
            raise ValueError("an argument cannot be null")
        return test(*((value.lower(), wanted.lower()) if ignore_case else (value, wanted)))

    return function


# A function, and how many arguments it has.
_FUNCTIONS = {
    "contains": (_compared(lambda value, text: text in value), 2, 3),
    "starts_with": (_compared(str.startswith), 2, 3),
    "ends_with": (_compared(str.endswith), 2, 3),
    "has_field": (None, 1, 1),
    "lowercase": (str.lower, 1, 1),
    "regex": (lambda pattern, value: re.search(pattern, value) is not None, 2, 2),
    "to_string": (lambda value: "" if value is None else str(value), 1, 1),
}


def read(text: str):
    """Return a rule's name, its condition as a function of a message, and the fields it sets."""
    reader = _Reader(text)
    reader.take("rule")
    name = reader.string()
    reader.take("when")
    condition = reader.either()
    reader.take("then")
    made = {}
    while reader.peek() == "set_field":
        reader.take("set_field")
        reader.take("(")
        field = reader.string()
        reader.take(",")
        made[field] = reader.string()
        reader.take(")")
        reader.take(";")
    reader.take("end")
    if reader.left:
        raise ValueError(f"left over: {reader.left[:3]}")
    return name, condition, made


def stages(text: str) -> dict[int, list[str]]:
    """Return the rules of a pipeline by its stages."""
    reader = _Reader(text)
    reader.take("pipeline")
    reader.string()
    found = {}
    while reader.peek() == "stage":
        reader.take("stage")
        rules = found.setdefault(int(reader.take("number")), [])
        reader.take("match")
        reader.take("all", "either", "pass")
        while reader.peek() == "rule":
            reader.take("rule")
            rules.append(reader.string())
            reader.take(";")
    reader.take("end")
    if reader.left:
        raise ValueError(f"left over: {reader.left[:3]}")
    return found
