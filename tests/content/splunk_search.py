"""What Splunk does with an add-on at search time, for tests: as its documents say, and no more.

`SearchTime` reads the .conf files of an add-on and makes fields of a raw event: REPORT, FIELDALIAS,
EVAL, LOOKUP, event types and tags, in this order. `matches` is the `search` command: NOT before OR
before AND, `*` for any text, no case.
"""

from __future__ import annotations

import configparser
import csv
import io
import re

_TOKEN = re.compile(r"""\s*(?:("(?:[^"\\]|\\.)*")|('[^']*')|([A-Za-z_][\w.]*)|([(),]))""")


def stanzas(data: bytes) -> dict[str, dict[str, str]]:
    """Return a .conf file; a setting or stanza that is there twice is an error."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=True, interpolation=None)
    parser.optionxform = str
    parser.read_string(data.decode().replace("\\\n", "\n  "))
    return {name: dict(parser[name]) for name in parser.sections()}


class SearchTime:
    """An add-on's files at search time, for one source type."""

    def __init__(self, files: dict[str, bytes], sourcetype: str = "cef") -> None:
        self._files = files
        self.props = stanzas(files["default/props.conf"])[sourcetype]
        self.transforms = stanzas(files["default/transforms.conf"])
        self.eventtypes = stanzas(files["default/eventtypes.conf"])
        self.tags = stanzas(files["default/tags.conf"])
        self._sourcetype = sourcetype

    def fields(self, raw: str) -> dict[str, str]:
        """Return the fields of a raw event, `eventtype` and `tag` as lists aside."""
        found: dict[str, str] = {"sourcetype": self._sourcetype}
        for name in self._names("REPORT-"):
            self._report(name, raw, found)
        for said in self._values("FIELDALIAS-"):
            key, _, name = said.partition(" AS ")
            if key in found:
                found[name] = found[key]
        before = dict(found)
        for key, text in self.props.items():
            if key.startswith("EVAL-"):
                value = evaluate(text, before)
                found.pop(key.removeprefix("EVAL-"), None)
                if value is not None:
                    found[key.removeprefix("EVAL-")] = value
        for said in self._values("LOOKUP-"):
            self._lookup(said, found)
        return found

    def tags_of(self, fields: dict[str, str]) -> set[str]:
        """Return the tags of an event by its event types."""
        types = [name for name, it in self.eventtypes.items() if matches(it["search"], fields)]
        return {
            tag
            for name in types
            for tag, value in self.tags.get(f"eventtype={name}", {}).items()
            if value == "enabled"
        }

    def _values(self, begin: str) -> list[str]:
        return [value for key, value in sorted(self.props.items()) if key.startswith(begin)]

    def _names(self, begin: str) -> list[str]:
        return [name.strip() for value in self._values(begin) for name in value.split(",")]

    def _report(self, name: str, raw: str, found: dict[str, str]) -> None:
        transform = self.transforms[name]
        source = transform.get("SOURCE_KEY")
        text = raw if source is None else found.get(source)
        if text is None:
            return
        for match in re.finditer(python_regex(transform["REGEX"]), text):
            groups = {key: value for key, value in match.groupdict().items() if value is not None}
            if "_KEY_1" in groups:
                groups = {cleaned(groups["_KEY_1"]): groups["_VAL_1"]}
            for key, value in groups.items():
                found.setdefault(key, value)

    def _lookup(self, said: str, found: dict[str, str]) -> None:
        words = said.split()
        name, column, field = words[0], words[1], words[3]
        assert (words[2], words[4]) == ("AS", "OUTPUTNEW")
        data = self._files[f"lookups/{self.transforms[name]['filename']}"].decode()
        for row in csv.DictReader(io.StringIO(data)):
            if row[column] == found.get(field):
                for key in words[5:]:
                    if row[key]:
                        found.setdefault(key, row[key])
                return


def python_regex(pcre: str) -> str:
    """Return an expression of PCRE as Python writes it: named groups."""
    return re.sub(r"\(\?<(?![=!])", "(?P<", pcre)


def cleaned(name: str) -> str:
    """Return a key as CLEAN_KEYS leaves it."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name).lstrip("_0123456789")


def evaluate(text: str, fields: dict[str, str]) -> object:
    """Return the value of an expression of eval; only functions that the add-on uses are known."""
    tokens = _tokens(text)
    value = _value(tokens, fields)
    assert not tokens, tokens
    return value


def _tokens(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        assert match, text[place:]
        kind = ("text", "name", "word", "mark")[match.lastindex - 1]
        found.append((kind, match[match.lastindex]))
        place = match.end()
    return found


def _value(tokens: list[tuple[str, str]], fields: dict[str, str]) -> object:
    kind, text = tokens.pop(0)
    if kind == "text":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if kind == "name":
        return fields.get(text[1:-1])
    assert kind == "word", text
    if not tokens or tokens[0] != ("mark", "("):
        return fields.get(text)
    tokens.pop(0)
    arguments = []
    while tokens[0] != ("mark", ")"):
        if tokens[0] == ("mark", ","):
            tokens.pop(0)
        arguments.append(_value(tokens, fields))
    tokens.pop(0)
    return _FUNCTIONS[text](*arguments)


def _case(*arguments: object) -> object:
    pairs = zip(arguments[::2], arguments[1::2], strict=True)
    return next((value for condition, value in pairs if condition is True), None)


_FUNCTIONS = {
    "case": _case,
    "coalesce": lambda *values: next((it for it in values if it is not None), None),
    "if": lambda condition, yes, no: yes if condition is True else no,
    "isnotnull": lambda value: value is not None,
    "lower": lambda value: None if value is None else str(value).lower(),
    "match": lambda value, regex: None if value is None else re.search(regex, value) is not None,
    "null": lambda: None,
    "replace": lambda value, regex, by: None if value is None else re.sub(regex, by, value),
    "true": lambda: True,
}

_SEARCH = re.compile(
    r"""\s*(?:(?P<mark>[()])|(?P<word>NOT|OR|AND)(?=[\s(])"""
    r"""|(?P<field>[\w.]+)\s*(?:=\s*(?P<value>"(?:[^"\\]|\\.)*"|[^\s()"]+)|IN\s*\((?P<list>[^)]*)\)))"""
)


def matches(search: str, fields: dict[str, str]) -> bool:
    """Tell whether the `search` command finds an event with these fields."""
    tokens, place = [], 0
    while search[place:].strip():
        match = _SEARCH.match(search, place)
        assert match, search[place:]
        tokens.append(match)
        place = match.end()
    found = _and(tokens, fields)
    assert not tokens, search
    return found


def _and(tokens: list[re.Match[str]], fields: dict[str, str]) -> bool:
    found = True
    while tokens and tokens[0]["mark"] != ")":
        if tokens[0]["word"] == "AND":
            tokens.pop(0)
        part = _or(tokens, fields)
        found = found and part
    return found


def _or(tokens: list[re.Match[str]], fields: dict[str, str]) -> bool:
    found = _not(tokens, fields)
    while tokens and tokens[0]["word"] == "OR":
        tokens.pop(0)
        part = _not(tokens, fields)
        found = found or part
    return found


def _not(tokens: list[re.Match[str]], fields: dict[str, str]) -> bool:
    token = tokens.pop(0)
    if token["word"] == "NOT":
        return not _not(tokens, fields)
    if token["mark"] == "(":
        found = _and(tokens, fields)
        assert tokens.pop(0)["mark"] == ")"
        return found
    said = token["value"] if token["list"] is None else token["list"]
    wanted = re.findall(r'"(?:[^"\\]|\\.)*"|[^\s,]+', said)
    value = fields.get(token["field"])
    return value is not None and any(_like(it, value) for it in wanted)


def _like(wanted: str, value: str) -> bool:
    if wanted.startswith('"'):
        wanted = re.sub(r"\\(.)", r"\1", wanted[1:-1])
    parts = [re.escape(part) for part in wanted.split("*")]
    return re.fullmatch(".*".join(parts), value, re.IGNORECASE | re.DOTALL) is not None
