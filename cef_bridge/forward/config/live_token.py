"""The token of a page (the live page, the studio): a random one, or what a file holds now.

In comes the setting, out goes a function that returns the token; a renewed file is taken with the
next request. Must not know who asks for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.errors import UsageError
from cef_bridge.request_safety import LEAST_TOKEN, new_token
from cef_bridge.small_files import MOST_SECRET, UnreadableError, read_small

if TYPE_CHECKING:
    from collections.abc import Callable

_TOKEN = re.compile(r"[A-Za-z0-9._~-]+")


def token_of(path: str | None) -> Callable[[], str]:
    """Return what gives the token in use, "" while the file cannot be used.

    UsageError when it cannot be used at the start.
    """
    if path is None:
        token = new_token()
        return lambda: token
    if problem := token_problem(path):
        raise UsageError(problem)
    return lambda: "" if token_problem(path) else _content(path)


def token_problem(path: str) -> str:
    """Return why the token in a file cannot be used, "" where it can."""
    try:
        token = _content(path)
    except UnreadableError as error:
        return f"The token cannot be read from {path}: {error}."
    make = "Make one with: openssl rand -hex 16"
    if len(token) < LEAST_TOKEN:
        return f"The token in {path} is shorter than {LEAST_TOKEN} characters. {make}"
    if not _TOKEN.fullmatch(token):
        return f"The token in {path} has characters other than A-Z a-z 0-9 . _ ~ - in it. {make}"
    return ""


def _content(path: str) -> str:
    return read_small(path, MOST_SECRET).decode("utf-8", "replace").strip()
