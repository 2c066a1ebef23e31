"""URLs of objects: which texts are some, and how one is shown.

In comes a text of the command line, out goes what is known of it without asking a store. Must not
import fsspec: every path of every command is looked at here.
"""

from __future__ import annotations

import re

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")  # RFC 3986 3.1
_LOCAL = ("file://", "local://")
_WEB = ("http", "https")
_MAGIC = re.compile(r"[*?[]")  # as glob.has_magic


def is_url(text: str) -> bool:
    """Tell whether a text names an object of a store, and no file of this machine."""
    return _URL.match(text) is not None


def protocol(url: str) -> str:
    """Return the part before `://`, in lower case; "" of what is no URL."""
    found = _URL.match(url)
    return found[1].lower() if found else ""


def local(text: str) -> str:
    """Return `file:///path` as the path that it is; anything else as it came."""
    start = next((each for each in _LOCAL if text.lower().startswith(each)), "")
    return text[len(start) :]


def has_magic(url: str) -> bool:
    """Tell whether a URL is a pattern. One of the web is not: a `?` begins its query."""
    return protocol(url) not in _WEB and _MAGIC.search(url) is not None


def has_password(url: str) -> bool:
    """Tell whether a URL has `user:password@`, which other users of the machine could read."""
    return ":" in _authority(url).rpartition("@")[0]


def shown(url: str) -> str:
    """Return a URL without what may be a secret in it: a password, the query of a signed URL."""
    authority = _authority(url)
    user, at, host = authority.rpartition("@")
    if ":" in user:
        url = url.replace(authority, f"{user.partition(':')[0]}:…{at}{host}", 1)
    return url.partition("?")[0] if protocol(url) in _WEB else url


def _authority(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]
