"""The tests of conditions as YAML writes them, and texts that other programs read as conditions.

In come tests and texts of a mapping, out go their forms. People write `!shop`, `>=7` or `/^kube-/`
where other programs take that. Here such a text would only equal itself, so no event would meet it.
Must not know events, nor how a test is asked.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from cef_bridge.kubearmor.fields import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.mapping.language.spec import Test

WORDS = {
    "is": "A class of values: `ipv4`, `ipv6`, `integer`, `present` or `absent`; or a list of them.",
    "not": "The opposite of a text, a glob, a list, or one of these forms.",
    "min": "The smallest number that matches.",
    "max": "The largest number that matches. Can be combined with `min`.",
    "text": "The literal text, where it would be read as a glob or rejected.",
}
"""The words of a test that is no text, and what each means."""

GLOB = re.compile(r"[*?\[]")
_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_COMPARED = re.compile(r"([<>]=?|=[<>]|[≤≥])\s*(-?[0-9]{1,30}(?:\.[0-9]{1,30})?)")
_BETWEEN = re.compile(
    r"(-?[0-9]{1,30}(?:\.[0-9]{1,30})?)\s*\.\.\.?\s*(-?[0-9]{1,30}(?:\.[0-9]{1,30})?)"
)
_FROM_TO = re.compile(r"([0-9]{1,30})\s*-\s*([0-9]{1,30})")
_EQUALS = re.compile(r"==?\s*([^=\s].*)", re.DOTALL)
_NOT = re.compile(r"(?:<>|not\s)\s*(\S.*)", re.DOTALL | re.IGNORECASE)
# Between two slashes: what no path has in it, or only one that nobody would ask for.
_PATTERN = re.compile(r"m?/(.+)/[gims]{0,4}", re.DOTALL)
_LIKE = re.compile(r"=?~\s*(\S.*)", re.DOTALL)
# Fields of one name of Kubernetes, in which neither a bar nor a comma can stand.
_ONE_NAME = frozenset(
    {"ClusterName", "HostName", "NamespaceName", "PodName", "ContainerName", "PolicyName"}
)
_SIGNS = re.compile(r"[\^$\\|()+]|\.\*|\{[0-9]")
_ENDS = re.compile(r"\^.+|.+\$", re.DOTALL)


def number_of(text: str) -> Decimal | None:
    """Return the number that a text is, None when it is none: ASCII digits, a sign, a point.

    At most 30 digits before and after the point; no exponent, no spaces.
    """
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def form_of(test: Test) -> str:
    """Return a test as a person writes it: `shop`, `{not: shop}`, `{min: 7}`."""
    match test.kind:
        case "is":
            return f"{{is: {test.text}}}"
        case "not":
            forms = ", ".join(form_of(each) for each in test.tests)
            return f"{{not: {forms}}}" if len(test.tests) == 1 else f"{{not: [{forms}]}}"
        case "range":
            bounds = (("min", test.least), ("max", test.most))
            said = [f"{name}: {text}" for name, text in bounds if text is not None]
            return f"{{{', '.join(said)}}}"
    return test.text


def leaves(test: Test) -> Iterator[Test]:
    """Yield the tests that a test is made of, without any `not` around them."""
    if test.kind == "not":
        for each in test.tests:
            yield from leaves(each)
    else:
        yield test


def needs_text(text: str) -> bool:
    """Tell whether a literal has to be written as `{text: …}` to be read as one."""
    return bool(GLOB.search(text)) or meant_by("", text) is not None


def meant_by(path: str, text: str) -> str | None:
    """Return the form that was meant by a text that looks like a condition; None for any other.

    Where a field holds names, no text begins with a slash. A field that may hold paths has to have
    a sign of a pattern between its slashes.
    """
    if text.startswith("!") and text.strip("!= "):
        return f"{{not: {text.lstrip('!= ')}}}"
    if found := _COMPARED.fullmatch(text):
        return _bound(found[1], found[2])
    numbers = _holds_numbers(path)
    between = _BETWEEN.fullmatch(text) or (_FROM_TO.fullmatch(text) if numbers else None)
    if between:
        return f"{{min: {between[1]}, max: {between[2]}}}"
    has_names = not path or _holds_names(path)
    if not path or numbers or path in _ONE_NAME:
        if found := _NOT.fullmatch(text):
            return f"{{not: {found[1]}}}"
        if found := _LIKE.fullmatch(text):
            return _glob_for(found[1])
        if found := _EQUALS.fullmatch(text):
            return found[1]
    if path in _ONE_NAME and len(names := re.split(r"\s*[|,]\s*", text)) > 1 and all(names):
        return f"the list [{', '.join(names)}]"
    pattern = _PATTERN.fullmatch(text)
    if pattern and (has_names or _SIGNS.search(pattern[1])):
        return _glob_for(pattern[1])
    if has_names and _ENDS.fullmatch(text):
        return _glob_for(text)
    return None


def _bound(sign: str, text: str) -> str:
    """Return `{min: …}` or `{max: …}`; for `<` and `>` the next whole number."""
    word, step = ("max", -1) if "<" in sign or sign == "≤" else ("min", 1)
    if len(sign) == 2 or sign in "≤≥" or "." in text:
        return f"{{{word}: {text}}}"
    return f"{{{word}: {Decimal(text) + step}}}"


def _holds_names(path: str) -> bool:
    row = find(path)
    return row is not None and row.pace in ("workload", "verdict")


def _holds_numbers(path: str) -> bool:
    row = find(path)
    return path == "Severity" or (row is not None and row.kind == "integer")


def _glob_for(pattern: str) -> str:
    """Return the glob that says the same as a simple regular expression."""
    begins, ends = pattern.startswith("^"), pattern.endswith("$")
    inner = pattern.removeprefix("^").removesuffix("$").replace(".*", "*").replace("\\", "")
    glob = f"{'' if begins else '*'}{inner}{'' if ends else '*'}"
    glob = re.sub(r"[*]+", "*", glob)
    return f'the glob "{glob}"'
