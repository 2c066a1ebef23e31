"""Passwords and tokens: the words of a setting, or the content of the file that it names.

In comes what a setting says, out goes the secret, read at this moment so that a renewed one is
taken; or a sentence that never repeats it. Must not know what a secret is for.
"""

from __future__ import annotations

from cef_bridge.delivery.urls import FILE_SECRET
from cef_bridge.errors import UsageError
from cef_bridge.small_files import MOST_SECRET, UnreadableError, read_small


def read_secret(said: str, what: str) -> str:
    """Return a secret without line ends behind it; UsageError when its file cannot be read.

    `what` names it in sentences: "the key's password".
    """
    if not said.startswith(FILE_SECRET):
        return said
    path = said.removeprefix(FILE_SECRET)
    try:
        text = read_small(path, MOST_SECRET).decode()
    except UnreadableError as error:
        raise UsageError(f"cannot read {what} from {path}: {error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{what} in {path} is no text.") from error
    return text.rstrip("\r\n")


def read_header_secret(said: str, what: str) -> str:
    """Return a secret that goes into an HTTP header; UsageError for what does not fit into one.

    Printable ASCII fits (RFC 9110 5.5): a line end in it would begin another header.
    """
    secret = read_secret(said, what).strip()
    if not secret:
        raise UsageError(f"{what} is empty. Write it into the file.")
    if not secret.isascii() or not secret.isprintable():
        raise UsageError(f"{what} has a character that no HTTP header can have. Copy it again.")
    return secret
