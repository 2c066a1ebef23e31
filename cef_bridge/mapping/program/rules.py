"""Rules resolved into functions: an output key, its rules, and what they make of an event.

In come `spec.Rule`s and a format, out comes a `OutputKey` for each output key, in the line's order.
A slot gives a `Hit`: the text as it will stand in the line (neutral, cut, not yet escaped), and
which field it was taken from, so that the rest of the event can be found. Pure.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from msgspec.structs import replace

from cef_bridge.casing import lower
from cef_bridge.kubearmor.numbers import is_digits, is_integer, read_number
from cef_bridge.lines.text import cut, suspicions
from cef_bridge.mapping.language.names import camel
from cef_bridge.mapping.language.spec import NOWHERE
from cef_bridge.mapping.language.template import parse, paths_of
from cef_bridge.mapping.language.transforms import find as find_transform
from cef_bridge.mapping.language.transforms import hides, keeps_whole
from cef_bridge.mapping.program.conditions import (
    all_hold,
    getter,
    holds,
    is_ipv4,
    is_ipv6,
    labels_of,
    to_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.lines import Format
    from cef_bridge.lines.dictionary import Key
    from cef_bridge.mapping.language.spec import Rule
    from cef_bridge.mapping.program.conditions import Fields

PACES = ("workload", "verdict", "activity", "instant")
SUSPICIOUS = "event.suspicious"
MOST_SPREAD = 20


class Hit(NamedTuple):
    """What a rule gave. `whole` is the raw text if it was cut, "" when it was not; `taken` says
    that the field needs no other place; `marks` are the suspicions of the raw text.
    """

    key: str
    text: str
    label: str
    path: str
    rule: Rule
    whole: str
    taken: bool
    marks: tuple[str, ...]


Fire: TypeAlias = "Callable[[Fields], list[Hit] | None]"
Refuse: TypeAlias = "Callable[[str, str], Hit | None]"
"""Told why a value that is there is not written: "table", "empty" or "type", and the text. What
it returns, None, is what the rule gives.
"""


def _unheard(_why: str, _text: str) -> Hit | None:
    """Converting asks for no reasons; `explain` does."""
    return None


# A record header inside a value: SC4S' greedy match would take what follows for the record.
_RECORD_HEADER = re.compile(r"CEF:[0-9]|LEEF:")


def marks_of(text: str) -> tuple[str, ...]:
    """Return what is suspicious in a raw text: suspicions of the characters, and cef_header."""
    found = suspicions(text)
    return (*found, "cef_header") if "EF:" in text and _RECORD_HEADER.search(text) else found


class OutputKey:
    """An output key with its rules; the first rule that holds and has a value wins."""

    def __init__(self, key: str, rules: tuple[Rule, ...], fmt: Format, *, ipv6: bool) -> None:
        self.key = key
        self.rules = rules
        self.fires = [compile_rule(key, rule, fmt, ipv6=ipv6) for rule in rules]
        self.whens = [[(c.path, holds(c)) for c in rule.when] for rule in rules]
        self.paths = tuple(dict.fromkeys(path for rule in rules for path in rule_paths(rule)))
        self.label = next((rule.label for rule in rules if rule.label), "")
        self.ipv6 = ipv6
        self._takes = _taken_from(rules)
        fmt.pair(key)  # FormatError here, and not at the first event, for a key that is none
        self._format = fmt

    def evaluate(self, fields: Fields) -> list[Hit]:
        """Return what the slot gives for an event: one hit, several for `spread`, or none."""
        # Most keys are about other events: measured 193 us an event without this look, 150 with it.
        if self._takes is not None and fields.keys().isdisjoint(self._takes):
            return []
        for fire in self.fires:
            if hits := fire(fields):
                return hits
        return []

    def write(self, hits: list[Hit]) -> str:
        """Return the pairs of some hits as they stand in the line, separators included."""
        return "".join(write_hit(self._format, hit) for hit in hits)


def write_hit(fmt: Format, hit: Hit) -> str:
    """Return `key=value`, then the label: value before label, as Splunk's add-on needs it."""
    text = fmt.pair(hit.key) + fmt.escape(hit.text)
    return text + fmt.pair(f"{hit.key}Label") + fmt.escape(hit.label) if hit.label else text


def rule_paths(rule: Rule) -> tuple[str, ...]:
    """Return every path a rule reads: what it takes and what it asks."""
    spread = (rule.spread,) if rule.spread else ()
    asked = (condition.path for condition in rule.when)
    return (*rule.from_, *paths_of(rule.template), *spread, *asked)


def hit_paths(hit: Hit) -> tuple[str, ...]:
    """Return the fields that a hit's text is from: one, those of a template, none of a constant."""
    if hit.rule.template is not None:
        return paths_of(hit.rule.template)
    return (hit.path,) if hit.path else ()


def _taken_from(rules: tuple[Rule, ...]) -> frozenset[str] | None:
    """Return the fields of which one must be there for some rules to give anything; None when
    nothing needs to be.
    """
    fields: set[str] = set()
    for rule in rules:
        if rule.spread or rule.value is not None or rule.default is not None:
            return None
        # Of a template all have to be there, so one is enough to look for.
        paths = (*rule.from_, *paths_of(rule.template)[:1])
        fields |= {"Labels" if path.startswith("Labels.") else path for path in paths}
    return frozenset(fields)


def bare(rule: Rule) -> Rule:
    """Return a rule without its place in a file: equal ones make the same of an event."""
    return replace(rule, at=NOWHERE)


def compile_rule(
    key: str, rule: Rule, fmt: Format, *, ipv6: bool, refuse: Refuse = _unheard
) -> Fire:
    """Return a rule as a function of the fields; `ipv6` lets IPv6 into IPv4-only keys. `refuse` is
    told why a value that is there is not written.
    """
    if rule.template is not None:
        take = _fill(key, rule, fmt, refuse, ipv6=ipv6)
    else:
        take = _spread(key, rule, fmt) if rule.spread else _take(key, rule, fmt, refuse, ipv6=ipv6)
    if not rule.when:
        return take
    when = all_hold(rule.when)
    return lambda fields: take(fields) if when(fields) else None


def _take(key: str, rule: Rule, fmt: Format, refuse: Refuse, *, ipv6: bool) -> Fire:
    sources = [(path, getter(path)) for path in rule.from_]
    finish = _finisher(key, rule, fmt, refuse, ipv6=ipv6)
    constant = rule.value if rule.value is not None else rule.default

    def take(fields: Fields) -> list[Hit] | None:
        present = False
        for path, get in sources:
            value = get(fields)
            if value is None or value == "":
                continue
            present = True
            if hit := finish(to_text(value), path):
                return [hit]
        if constant is not None and not present and (hit := finish(constant, "")):
            return [hit]
        return None

    return take


def filler(text: str) -> Callable[[Fields], str | None]:
    """Return what fills a template in; None where one of its fields is not there."""
    parts = [(part.text, getter(part.path) if part.path else None) for part in parse(text).parts]

    def fill(fields: Fields) -> str | None:
        texts = []
        for literal, get in parts:
            if get is None:
                texts.append(literal)
                continue
            found = to_text(get(fields))
            if not found:
                return None
            texts.append(found)
        return "".join(texts)

    return fill


def _fill(key: str, rule: Rule, fmt: Format, refuse: Refuse, *, ipv6: bool) -> Fire:
    """A template as a function of the fields. What it joins cannot be told apart again, so each
    field still needs its place; the hit's path is the first one.
    """
    fill = filler(rule.template or "")
    first = paths_of(rule.template)[0]
    finish = _finisher(key, rule, fmt, refuse, ipv6=ipv6)

    def take(fields: Fields) -> list[Hit] | None:
        text = fill(fields)
        hit = finish(text, first) if text is not None else None
        return [hit] if hit else None

    return take


def _finisher(
    key: str, rule: Rule, fmt: Format, refuse: Refuse, *, ipv6: bool
) -> Callable[[str, str], Hit | None]:
    # The loader has refused names that are none.
    transforms = [found for name in rule.via if (found := find_transform(name))]
    table = {lower(row): text for row, text in rule.table.rows.items()} if rule.table else None
    row = fmt.key(key)
    fits = _check(row, ipv6=ipv6)
    secret = hides(rule.via)
    takes = secret or (rule.template is None and keeps_whole(rule.via))
    limit = min((n for n in (row.max_length if row else None, rule.max_length) if n), default=0)
    label = fmt.neutral(rule.label) if rule.label else ""

    def finish(text: str, path: str) -> Hit | None:
        taken = bool(path) and takes
        if path:  # a constant is written as it stands
            for transform in transforms:
                text = transform(text)
            if table is not None:
                found = table.get(lower(text.strip()))
                if found is None:
                    # `else` says the same of many values: the value itself is not held by it.
                    taken, found = False, rule.else_
                if found is None:
                    return refuse("table", text)
                text = found
        marks = marks_of(text)
        raw, text = text, fmt.neutral(text, limit)
        if not text or not fits(text):
            return refuse("type" if text else "empty", text)
        whole = ""
        if limit and len(text) > limit:
            whole, text = raw, cut(text, limit)
            taken = taken and secret
        return Hit(key, text, label, path, rule, whole, taken, marks)

    return finish


def _spread(key: str, rule: Rule, fmt: Format) -> Fire:
    source = rule.spread or ""
    get = getter(source)
    wanted = all_hold_names(rule.only)
    most = rule.max or MOST_SPREAD

    def take(fields: Fields) -> list[Hit] | None:
        value = get(fields)
        if value is None and f"{source}." in "".join(fields):
            value = {
                p[len(source) + 1 :]: v for p, v in fields.items() if p.startswith(f"{source}.")
            }
        entries = labels_of(value)
        hits: list[Hit] = []
        used: set[str] = set()
        for name, text in entries.items():
            neutral = fmt.neutral(text)
            if len(hits) >= most or not neutral or not wanted(name):
                continue
            own = camel(key, name, used)
            hits.append(Hit(own, neutral, "", source, rule, "", taken=False, marks=marks_of(text)))
        if len(hits) == len(entries):
            hits = [hit._replace(taken=True) for hit in hits]
        return hits or None

    return take


def all_hold_names(only: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a test of an entry's name against names and globs; no names: every name passes."""
    if not only:
        return lambda _: True
    from fnmatch import fnmatchcase  # noqa: PLC0415 - few mappings spread

    return lambda name: any(fnmatchcase(name, glob) for glob in only)


def _check(row: Key | None, *, ipv6: bool) -> Callable[[str], bool]:
    """Return a test of the text against the key's type (CEF v27 dictionary, LEEF attributes)."""
    kind = row.kind if row else "string"
    if kind == "ipv4" and ipv6:
        kind = "ip"
    return _KINDS.get(kind, lambda _: True)


_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")
_DATE = re.compile(r"[A-Z][a-z]{2} [0-9]{2} ([0-9]{4} )?[0-9]{2}(:[0-9]{2}){2}(\.[0-9]{3})?( \S+)?")


def _is_int32(text: str) -> bool:
    return is_integer(text) and -(2**31) <= int(text) < 2**31


def _is_timestamp(text: str) -> bool:
    return (len(text) in (10, 13) and is_digits(text)) or bool(_DATE.fullmatch(text))


def _is_float(text: str) -> bool:
    number = read_number(text)
    return number is not None and number not in (math.inf, -math.inf)


_KINDS: dict[str, Callable[[str], bool]] = {
    "integer": _is_int32,
    "long": is_integer,
    "float": _is_float,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
    "ip": lambda text: is_ipv4(text) or is_ipv6(text),
    "mac": lambda text: bool(_MAC.fullmatch(text)),
    "timestamp": _is_timestamp,
}
