"""A store in memory, and faults of one, by what they do."""

from __future__ import annotations

import itertools

import fsspec

from cef_bridge.objects.store import ObjectStore

_NUMBERS = itertools.count()


def memory() -> str:
    """Return a URL of an empty folder in memory, that no other test has."""
    return f"memory://test-{next(_NUMBERS)}"


def put(url: str, data: bytes) -> None:
    fsspec.filesystem("memory").pipe_file(url, data)


def cat(url: str) -> bytes:
    return fsspec.filesystem("memory").cat_file(url)


def found(url: str) -> list[str]:
    """Return the names of all objects below a URL, hidden ones as well."""
    below = fsspec.filesystem("memory").find(url)
    start = url.removeprefix("memory:/")
    return sorted(each.removeprefix(f"{start}/") for each in below)


class Faulty(ObjectStore):
    """A store whose ranges go through `fault`, which may raise, cut them, or replace the object."""

    def __init__(self, fault) -> None:
        super().__init__("memory", fsspec.filesystem("memory"))
        self.asked: list[tuple[int, int]] = []
        self._fault = fault

    def open_to_read(self, path: str, block: int):
        file = super().open_to_read(path, block)
        whole = file.range

        def range_(offset: int, size: int) -> bytes:
            self.asked.append((offset, size))
            return self._fault(whole(offset, size))

        file.range = range_
        return file


class Breaks:
    """Breaks the first `times` requests off, by raising or by giving less."""

    def __init__(self, times: int, error: Exception | None = None) -> None:
        self.left = times
        self._error = error

    def __call__(self, data: bytes) -> bytes:
        if not self.left:
            return data
        self.left -= 1
        if self._error is not None:
            raise self._error
        return data[:-1]
