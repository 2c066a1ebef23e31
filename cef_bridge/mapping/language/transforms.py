"""Transforms: what `via` in a mapping may name. Text in, text out; an empty text counts as absent.

A new one is a function with `@transform()` above it and an example in its docstring, which the
tests run and the docs show. The function's further parameters are the arguments that a mapping
gives it, all of them texts of 1 to 64 characters: `{before: ":"}`, `{between: ["(", ")"]}`. Where
the result says all that the text said, declare `keeps_whole=True`; else the field's rest gets a key
of its own under `unmapped: keep`. Pure, and linear in the length of the text, which an attacker
chooses; the result may be longer by a bounded number of characters. Must not know mappings or
events.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge import casing
from cef_bridge.kubearmor.numbers import is_digits
from cef_bridge.mapping.language.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cef_bridge.mapping.language.spec import Step

__all__ = ["MOST_ARGUMENT", "TRANSFORMS", "find", "keeps_whole", "redact", "transform"]

MOST_ARGUMENT = 64
"""Characters of an argument."""
MOST_PART = 1000
_MOST_GROWTH = 4096  # characters; no key takes more


class Transform(NamedTuple):
    """A transform as it was declared: its function, the names of its arguments, what it promises.

    `keeps_whole`: the result says all that the text said, or hides it: the field needs no other
    place. `secret`: what it took out must not stand elsewhere as it was.
    """

    function: Callable[..., str]
    arguments: tuple[str, ...]
    keeps_whole: bool
    secret: bool


TRANSFORMS: dict[str, Transform] = {}
"""All transforms by name, in the order of the docs."""


def transform(
    *, keeps_whole: bool = False, secret: bool = False
) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """Declare a function to be a transform; see `Transform` for what it promises."""

    def declare(function: Callable[..., str]) -> Callable[..., str]:
        _, *arguments = inspect.signature(function).parameters
        declared = Transform(function, tuple(arguments), keeps_whole, secret)
        TRANSFORMS[function.__name__] = declared
        return function

    return declare


@transform()
def basename(text: str) -> str:
    """Return a path's last part.

    >>> basename("/usr/bin/apt")
    'apt'
    >>> basename("/var/log/")
    'log'
    """
    return text.rstrip("/").rpartition("/")[2] or text[:1]


@transform()
def dirname(text: str) -> str:
    """Return a path without its last part; nothing for a bare name.

    >>> dirname("/usr/bin/apt")
    '/usr/bin'
    >>> dirname("/apt")
    '/'
    """
    folder, slash, _ = text.rstrip("/").rpartition("/")
    return folder.rstrip("/") or slash


@transform(keeps_whole=True)
def lower(text: str) -> str:
    """Return the text in lower case, each character by itself.

    >>> lower("Block")
    'block'
    """
    return casing.lower(text)


@transform(keeps_whole=True)
def upper(text: str) -> str:
    """Return the text in upper case, each character by itself.

    >>> upper("tcp")
    'TCP'
    """
    return casing.upper(text)


@transform()
def first_word(text: str) -> str:
    """Return the text before the first white space: the program of a command line.

    >>> first_word("/usr/bin/apt update")
    '/usr/bin/apt'
    """
    return text.lstrip().partition(" ")[0].split(maxsplit=1)[0] if text.strip() else ""


@transform(keeps_whole=True)
def comma(text: str) -> str:
    """Return the text with commas for pipes, which Splunk and QRadar read as field delimiters.

    >>> comma("O_RDONLY|O_CLOEXEC")
    'O_RDONLY,O_CLOEXEC'
    """
    return text.replace("|", ",")


@transform()
def strip_digest(text: str) -> str:
    """Return an image's name without its digest.

    >>> strip_digest("docker.io/library/wordpress:4.8-apache@sha256:6216f64ab88f")
    'docker.io/library/wordpress:4.8-apache'
    """
    return text.partition("@sha256:")[0]


transform(keeps_whole=True, secret=True)(redact)


@transform()
def before(text: str, mark: str) -> str:
    """Return the text before the first mark; nothing if there is no mark.

    >>> before("nginx:1.25", ":")
    'nginx'
    """
    head, found, _ = text.partition(mark)
    return head if found else ""


@transform()
def before_last(text: str, mark: str) -> str:
    """Return the text before the last mark; nothing if there is no mark.

    >>> before_last("web-7c9f6d5b8-q4xzn", "-")
    'web-7c9f6d5b8'
    """
    return text.rpartition(mark)[0]


@transform()
def after(text: str, mark: str) -> str:
    """Return the text after the first mark; nothing if there is no mark.

    >>> after("svc/payments/postgres", "/")
    'payments/postgres'
    """
    return text.partition(mark)[2]


@transform()
def after_last(text: str, mark: str) -> str:
    """Return the text after the last mark; nothing if there is no mark.

    >>> after_last("svc/payments/postgres", "/")
    'postgres'
    """
    _, found, tail = text.rpartition(mark)
    return tail if found else ""


@transform()
def between(text: str, first: str, last: str) -> str:
    """Return the text between the first mark and the next other one; nothing without both.

    >>> between("curl (pid 7) (root)", "(", ")")
    'pid 7'
    """
    inner, found, _ = text.partition(first)[2].partition(last)
    return inner if found else ""


@transform()
def part(text: str, part: str, of: str) -> str:
    """Return a part of a text that is split at marks, from 1; nothing if it has fewer.

    >>> part("ns/pod/container", "2", "/")
    'pod'
    """
    number = int(part)
    parts = text.split(of, number)
    return parts[number - 1] if len(parts) >= number else ""


@transform()
def replace(text: str, old: str, new: str) -> str:
    """Return the text with each `old`, from left to right, as `new`, which may be empty.

    Once the text has grown by 4,096 characters the rest of it stays as it is.

    >>> replace("10.0.0.7 10.0.0.9", "10.0.0.", "node-")
    'node-7 node-9'
    """
    growth = len(new) - len(old)
    return text.replace(old, new, _MOST_GROWTH // growth if growth > 0 else -1)


def find(step: str | Step) -> Callable[[str], str] | None:
    """Return the transform of a step of `via`, None when there is none of its name."""
    name, arguments = (step, ()) if isinstance(step, str) else (step.name, step.arguments)
    declared = TRANSFORMS.get(name)
    if declared is None or len(arguments) != len(declared.arguments):
        return None
    function = declared.function
    return (lambda text: function(text, *arguments)) if arguments else function


def keeps_whole(via: Iterable[str | Step]) -> bool:
    """Tell whether some transforms leave nothing of a field that would need another place."""
    return all(declared.keeps_whole for declared in _declared(via))


def hides(via: Iterable[str | Step]) -> bool:
    """Tell whether what some transforms took out must not stand elsewhere as it was."""
    return any(declared.secret for declared in _declared(via))


def _declared(via: Iterable[str | Step]) -> Iterable[Transform]:
    names = (step if isinstance(step, str) else step.name for step in via)
    return (TRANSFORMS[name] for name in names if name in TRANSFORMS)


_FORMS = {
    "part": '{part: 2, of: ","}',
    "between": '{between: ["(", ")"]}',
    "replace": '{replace: ["a", "b"]}',
}


def step_form(name: str) -> str:
    """Return how a transform with arguments is written."""
    return _FORMS.get(name, f'{{{name}: ":"}}')


def wrong_argument(name: str, arguments: tuple[str, ...]) -> tuple[str, str] | None:
    """Return an argument that a transform does not take, and what it takes; None: all are fine."""
    for argument, text in zip(TRANSFORMS[name].arguments, arguments, strict=True):
        if argument == "part":
            if not (is_digits(text) and len(text) <= 9 and 1 <= int(text) <= MOST_PART):
                return text, f"Expected the number of a part, 1 to {MOST_PART:,}."
        elif len(text) > MOST_ARGUMENT or (not text and argument != "new"):
            return text, f"Expected a text of 1 to {MOST_ARGUMENT} characters."
    return None
