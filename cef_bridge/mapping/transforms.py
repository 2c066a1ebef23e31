"""Transforms: what `via` in a mapping may name. Text in, text out; an empty text counts as absent.

A new one is a function with an example in its docstring (run by the tests) and a row of
`TRANSFORMS`. Pure, and linear in the length of the text, which an attacker chooses. Must not know
mappings or events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.mapping.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TRANSFORMS", "find", "redact"]


def basename(text: str) -> str:
    """Return a path's last part.

    >>> basename("/usr/bin/apt")
    'apt'
    >>> basename("/var/log/")
    'log'
    """
    return text.rstrip("/").rpartition("/")[2] or text[:1]


def dirname(text: str) -> str:
    """Return a path without its last part; nothing for a bare name.

    >>> dirname("/usr/bin/apt")
    '/usr/bin'
    >>> dirname("/apt")
    '/'
    """
    folder, slash, _ = text.rstrip("/").rpartition("/")
    return folder.rstrip("/") or slash


def lower(text: str) -> str:
    """Return the text in lower case.

    >>> lower("Block")
    'block'
    """
    return text.lower()


def upper(text: str) -> str:
    """Return the text in upper case.

    >>> upper("tcp")
    'TCP'
    """
    return text.upper()


def first_word(text: str) -> str:
    """Return what stands before the first white space: the program of a command line.

    >>> first_word("/usr/bin/apt update")
    '/usr/bin/apt'
    """
    return text.lstrip().partition(" ")[0].split(maxsplit=1)[0] if text.strip() else ""


def comma(text: str) -> str:
    """Return the text with commas for pipes, which Splunk and QRadar take for field borders.

    >>> comma("O_RDONLY|O_CLOEXEC")
    'O_RDONLY,O_CLOEXEC'
    """
    return text.replace("|", ",")


def strip_digest(text: str) -> str:
    """Return an image's name without its digest.

    >>> strip_digest("docker.io/library/wordpress:4.8-apache@sha256:6216f64ab88f")
    'docker.io/library/wordpress:4.8-apache'
    """
    return text.partition("@sha256:")[0]


TRANSFORMS: dict[str, Callable[[str], str]] = {
    "basename": basename,
    "dirname": dirname,
    "lower": lower,
    "upper": upper,
    "first_word": first_word,
    "comma": comma,
    "strip_digest": strip_digest,
    "redact": redact,
}


def find(name: str) -> Callable[[str], str] | None:
    """Return the transform of a name, None when there is none."""
    return TRANSFORMS.get(name)
