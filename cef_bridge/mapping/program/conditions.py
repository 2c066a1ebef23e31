"""Conditions of `when`, `drop_events` and `keep_events`, resolved once into predicates.

In come `spec.Condition`s, out comes a function of the fields. Enumerations (Type, Action, Result …)
are compared without regard to the case of A to Z, because some exporters lower-case them; all else
exactly.
"""

from __future__ import annotations

import math
import re
from fnmatch import translate
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, TypeAlias

import orjson

from cef_bridge.casing import lower_ascii
from cef_bridge.kubearmor.fields import OPEN_PREFIXES, find
from cef_bridge.kubearmor.numbers import is_integer
from cef_bridge.mapping.language.condition_forms import number_of
from cef_bridge.mapping.language.spec import Condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cef_bridge.mapping.language.spec import Test

Fields: TypeAlias = "Mapping[str, object]"
Predicate: TypeAlias = "Callable[[Fields], bool]"


def to_text(value: object) -> str:
    """Return a field's value as text: lists joined by commas, maps as compact JSON.

    A float that is a whole number has all its digits and no point (`1` for 1.0, 17 of them for
    1e16). Any other has the fewest digits that give it back, with a point; below 0.0001 with an
    exponent of at least two digits (`1.5e-05`). Above 2^53 all floats are whole.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return ",".join(value)
    if isinstance(value, (list, dict)):
        return compact_json(value)
    return str(value)


def compact_json(value: object) -> str:
    """Return JSON in one line, in the order it came; what orjson refuses the stdlib writes.

    A float has its fewest digits, below 0.00001 and from 1e16 on with an exponent: `0.000015`,
    `1e-6`, `1e+16`.
    """
    try:
        return orjson.dumps(_with_plus(value)).decode()
    except TypeError:  # lone surrogates, integers of more than 64 bits
        import json  # noqa: PLC0415 - one in a million events

        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _with_plus(value: object) -> object:
    """Return a value whose large floats are JSON already: orjson before 3.12 writes `1e16`."""
    if isinstance(value, dict):
        return {key: _with_plus(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_plus(inner) for inner in value]
    if isinstance(value, float) and _LARGE <= abs(value) < math.inf:
        return orjson.Fragment(repr(value))
    return value


_LARGE = 1e16


def getter(path: str) -> Callable[[Fields], object]:
    """Return a function that reads a path; `Labels.app` reads one label out of the text."""
    if path.startswith(OPEN_PREFIXES[0]):
        name = path[len(OPEN_PREFIXES[0]) :]
        return lambda fields: labels_of(fields.get("Labels")).get(name)
    return lambda fields: fields.get(path)


def labels_of(value: object) -> dict[str, str]:
    """Return `k=v,k=v` as a dict; labels joined by spaces occur too. A map is taken as it is."""
    if isinstance(value, dict):
        return {str(key): to_text(inner) for key, inner in value.items()}
    labels = {}
    if isinstance(value, str):
        for pair in value.split("," if "," in value else None):
            key, _, text = pair.partition("=")
            if key:
                labels[key] = text
    return labels


def all_hold(conditions: Iterable[Condition]) -> Predicate:
    """Return a predicate that holds when every condition does."""
    predicates = [holds(condition) for condition in conditions]
    if len(predicates) == 1:
        return predicates[0]
    return lambda fields: all(predicate(fields) for predicate in predicates)


def holds(condition: Condition) -> Predicate:
    """Return a predicate for one condition; on a list field any element may satisfy it, and none
    may satisfy what is behind a `not`.
    """
    others = tuple(test for test in condition.any_of if test.kind != "not")
    nots = [_one_of(condition.path, it.tests) for it in condition.any_of if it.kind == "not"]
    if not nots:
        return _one_of(condition.path, others)
    if not others and len(nots) == 1:
        return lambda fields: not nots[0](fields)
    other = _one_of(condition.path, others)
    return lambda fields: other(fields) or not all(inner(fields) for inner in nots)


def _one_of(path: str, any_of: tuple[Test, ...]) -> Predicate:
    """Return a predicate that holds when one of some tests does."""
    if any(test.kind == "not" for test in any_of):
        return holds(Condition(path, any_of))
    get = getter(path)
    row = find(path)
    any_case = row is not None and row.enum
    tests = [_test(test, any_case=any_case) for test in any_of]
    absent = any(test.kind == "is" and test.text == "absent" for test in any_of)
    texts = {test.text for test in any_of if test.kind == "literal"}
    plain = len(texts) == len(any_of) and not any_case
    if plain and not lower_ascii(path).startswith("tags"):
        return lambda fields: _literal(get(fields), texts)

    def predicate(fields: Fields) -> bool:
        value = get(fields)
        if value is None or value in ("", []):
            return absent
        values = value if isinstance(value, list) else _elements(path, value)
        return any(test(to_text(entry)) for entry in values for test in tests)

    return predicate


def _literal(value: object, texts: set[str]) -> bool:
    if isinstance(value, str):
        return value in texts
    if isinstance(value, list):
        return any(to_text(entry) in texts for entry in value)
    return value is not None and to_text(value) in texts


def _elements(path: str, value: object) -> list[object]:
    """Tags and tags.* are lists joined by commas: their elements count, as those of a list do."""
    if isinstance(value, str) and "," in value and lower_ascii(path).startswith("tags"):
        return [*value.split(","), value]
    return [value]


def _test(test: Test, *, any_case: bool) -> Callable[[str], bool]:
    text = test.text
    if test.kind == "is":
        return _CLASSES[text]
    if test.kind == "range":
        return _range(test)
    if test.kind == "glob":
        # With ASCII no other letters have two cases.
        pattern = re.compile(translate(text), re.IGNORECASE | re.ASCII if any_case else 0)
        return lambda value: pattern.match(value) is not None
    if any_case:
        lowered = lower_ascii(text)
        return lambda value: lower_ascii(value) == lowered
    return lambda value: value == text


_MOST_ADDRESS = 45  # characters, INET6_ADDRSTRLEN: longer texts are neither tried nor remembered


def is_ipv4(text: str) -> bool:
    """Tell whether a text is an IPv4 address in dotted form."""
    return len(text) <= _MOST_ADDRESS and _is_ipv4(text)


def is_ipv6(text: str) -> bool:
    """Tell whether a text is an IPv6 address; a zone (`%eth0`) is none of the receivers' IPv6."""
    return len(text) <= _MOST_ADDRESS and _is_ipv6(text)


def _range(test: Test) -> Callable[[str], bool]:
    least, most = (number_of(text or "") for text in (test.least, test.most))

    def within(value: str) -> bool:
        number = number_of(value)
        if number is None:
            return False
        return (least is None or number >= least) and (most is None or number <= most)

    return within


# The same addresses come again and again; ipaddress takes 1.5 us a look (measured).
@lru_cache(maxsize=4096)
def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


_CLASSES: dict[str, Callable[[str], bool]] = {
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
    "integer": is_integer,
    "present": bool,
    "absent": lambda text: not text,
}
