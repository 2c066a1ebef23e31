"""What a URL means: one object, all below a folder, or all that match a pattern.

In comes a URL, out go StoredObjects, sorted by name. Only the folders that a pattern can match are
listed, one at a time; more than MOST objects are refused instead of filling the memory.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import UsageError
from cef_bridge.objects.faults import DENIED, MISSING, StoreError
from cef_bridge.objects.store import EXTRAS, opened_store
from cef_bridge.objects.urls import has_magic, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.objects.store import Found, ObjectStore

MOST = 200_000
"""As many objects one URL may mean: measured, about 0.5 KB each."""


class StoredObject(NamedTuple):
    """An object as it was listed: its URL, its place, its size in bytes, its version (ETag)."""

    url: str
    store: ObjectStore
    path: str
    size: int | None
    version: str


def find(url: str, most: int = MOST) -> list[StoredObject]:
    """Return the objects that a URL means, sorted; at least one.

    An exact name comes first, as a pattern is a valid name too. In a pattern `*`, `?` and `[...]`
    match inside of one name, `**` any number of folders. Names that begin with a dot are left out,
    as in local folders. UsageError when no object matches, or too many; StoreError when there is no
    such object, or the store does not list it.
    """
    store = opened_store(url)
    path = store.path_of(url)
    if not path and store.scheme in EXTRAS:
        raise UsageError(f"{shown(url)}: it names no bucket")
    there = _exact(store, path, pattern=has_magic(url))
    if there is not None and not there.folder:
        return [StoredObject(url, store, path, there.size, there.version)]
    if there is None:
        fixed, pattern = _split(path)
        matches = _matching(store, fixed, pattern)
        problem = "no object matches this pattern"
    else:
        matches = _below(store, path)
        problem = "no objects in this folder"
    found: list[StoredObject] = []
    for each in matches:
        if len(found) == most:
            raise UsageError(
                f"{shown(url)}: more than {most:,} objects match. Convert them in several runs."
            )
        name = _url(url, path, each.path)
        found.append(StoredObject(name, store, each.path, each.size, each.version))
    if not found:
        raise UsageError(f"{shown(url)}: {problem}")
    # A pattern with ** may come to one object by two ways.
    return sorted({each.path: each for each in found}.values(), key=lambda each: each.path)


def _exact(store: ObjectStore, path: str, *, pattern: bool) -> Found | None:
    """Return what has exactly this name, None when it is a pattern and no name."""
    try:
        return store.info(path)
    except StoreError as error:
        if pattern and error.kind in (MISSING, DENIED):
            return None
        raise


def _url(asked: str, path: str, found: str) -> str:
    """Return the URL of a path, written as the one that was asked for, which has `path`."""
    asked = asked.rstrip("/")
    if asked.endswith(path):
        return asked[: len(asked) - len(path)] + found
    # abfs://container@account.example/folder: the account is not in the path
    scheme, _, rest = asked.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/{found.partition('/')[2]}"


def _split(path: str) -> tuple[str, list[str]]:
    """Return the folder above all patterns, and the rest of the path by its names."""
    parts = path.split("/")
    first = next(at for at, part in enumerate(parts) if has_magic(part))
    return "/".join(parts[:first]), parts[first:]


def _matching(store: ObjectStore, folder: str, pattern: list[str]) -> Iterator[Found]:
    """Yield the objects in a folder that match the names of a pattern, one below the other."""
    part, rest = pattern[0], pattern[1:]
    if part == "**":
        if rest:
            yield from _matching(store, folder, rest)
            deeper = pattern
        else:
            yield from _below(store, folder)
            return
    else:
        deeper = rest
    matches = re.compile(fnmatch.translate(part)).match
    for each in _listed(store, folder):
        name = each.path.rpartition("/")[2]
        hidden = name.startswith(".") and not part.startswith(".")
        if hidden or (part != "**" and not matches(name)):
            continue
        if each.folder:
            # A pattern that ends at a folder means all that is in it, as a local one does.
            yield from _matching(store, each.path, deeper) if deeper else _below(store, each.path)
        elif not rest and part != "**":
            yield each


def _below(store: ObjectStore, folder: str) -> Iterator[Found]:
    """Yield all objects below a folder, without hidden ones."""
    for each in _listed(store, folder):
        if each.path.rpartition("/")[2].startswith("."):
            continue
        if each.folder:
            yield from _below(store, each.path)
        else:
            yield each


def _listed(store: ObjectStore, folder: str) -> list[Found]:
    """Return what is in a folder; nothing in one that does not exist (any more)."""
    try:
        return store.folder(folder)
    except StoreError as error:
        if error.kind == MISSING:
            return []
        raise
