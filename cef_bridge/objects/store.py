"""A store, by one of its URLs: the one place that imports fsspec.

In comes a URL, out go what is at a path, what is in a folder, and files of fsspec. Credentials are
found by the store's own library, in its environment (AWS_*, GOOGLE_*, AZURE_*). StoreError for all
that goes wrong, UsageError for a URL that cannot be used.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from cef_bridge.errors import UsageError
from cef_bridge.objects.faults import DENIED, MISSING, SETUP, StoreError, translated
from cef_bridge.objects.urls import has_password, protocol, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

# What to install for a protocol. Others that fsspec knows work too, with a library of their own.
EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "abfs": "azure",
    "abfss": "azure",
    "az": "azure",
}
_LOGGERS = ("aiobotocore", "aiohttp", "asyncio", "azure", "botocore", "fsspec", "gcsfs", "google")
# What says that an object is another version, the most reliable first: the store's own word for
# it, or when it was written.
_VERSIONS = (
    *("ETag", "etag", "generation", "md5Hash"),
    *("mtime", "LastModified", "last_modified", "updated", "created"),
)


class Found(NamedTuple):
    """What is at a path: its size in bytes (None: not known) and its version, or a folder."""

    path: str
    folder: bool
    size: int | None
    version: str


class ObjectStore:
    """A store; `path_of` gives the paths that its methods take."""

    def __init__(self, scheme: str, files: Any) -> None:  # noqa: ANN401 - fsspec has no types
        self.scheme = scheme
        self._files = files

    def path_of(self, url: str) -> str:
        """Return a URL as a path in this store."""
        return str(self._files._strip_protocol(url)).rstrip("/")  # noqa: SLF001 - what url_to_fs does

    def info(self, path: str) -> Found:
        """Return what is at a path now, whatever was there before."""
        try:
            with translating():
                self._files.invalidate_cache(path)
                return _found(self._files.info(path))
        except StoreError as error:
            if error.kind == DENIED:
                self._ask_why(path)
            raise

    def _ask_why(self, path: str) -> None:
        """Raise why access is denied. S3 answers HEAD without a text, and a listing with one."""
        try:
            self.folder(path)
        except StoreError as error:
            if error.kind not in (DENIED, MISSING):
                raise

    def folder(self, path: str) -> list[Found]:
        """Return what is in a folder, in no order; the names of its objects are unique."""
        with translating():
            listed = self._files.ls(path, detail=True)
        return [_found(each) for each in listed if str(each["name"]).rstrip("/") != path]

    def open_to_read(self, path: str, block: int) -> OpenObject:
        """Open an object; a range of it is one request, nothing is read ahead or kept."""
        with translating():
            file = self._files.open(path, "rb", block_size=block, cache_type="none")
            # s3fs sends If-Match with each range: no other version is ever read (RFC 9110 13.1.1)
            pinned = "IfMatch" in getattr(file, "read_kw", {})
            now = _found(file.details) if pinned else self.info(path)
        return OpenObject(file, now.version, pinned=pinned)

    def open_to_write(self, path: str, block: int) -> Any:  # noqa: ANN401 - as above
        """Open a new object, that is sent in blocks of so many bytes."""
        with translating():
            return self._files.open(path, "wb", block_size=block)

    def rename(self, path: str, to: str) -> None:
        """Give an object another name, in place of what has it."""
        with translating():
            self._files.mv(path, to)

    def remove(self, path: str) -> None:
        """Delete an object."""
        with translating():
            self._files.rm_file(path)


class OpenObject:
    """An object that is read; `pinned`: the store itself refuses ranges of other versions."""

    def __init__(self, file: Any, version: str, *, pinned: bool) -> None:  # noqa: ANN401 - as above
        self._file = file
        self.version = version
        self.pinned = pinned

    def range(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes; fewer only at the end, or where a connection broke."""
        parts, left = [], size
        with translating():
            self._file.seek(offset)
            while left and (part := self._file.read(left)):
                parts.append(part)
                left -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close it."""
        with contextlib.suppress(Exception):
            self._file.close()


@contextlib.contextmanager
def translating() -> Iterator[None]:
    """Raise StoreError for whatever the libraries of a store raise."""
    try:
        yield
    except Exception as error:
        raise translated(error) from error


def opened_store(url: str) -> ObjectStore:
    """Return the store of a URL; UsageError when the URL or this installation is not up to it."""
    if has_password(url):
        raise UsageError(
            f"{shown(url)}: a password in a URL can be read by others on this machine. "
            "Give credentials by the environment."
        )
    return _opened(protocol(url))


@functools.cache
def _opened(scheme: str) -> ObjectStore:
    extra = EXTRAS.get(scheme)
    install = f"pip install 'cef-bridge[{extra or 's3'}]'"
    try:
        import fsspec  # noqa: PLC0415 - only who names a URL waits for it, or needs it
    except ImportError as error:
        raise UsageError(f"{scheme}:// needs a library that is missing: {install}") from error
    for name in _LOGGERS:  # at DEBUG they write the headers of requests, with their tokens
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        return ObjectStore(scheme, fsspec.filesystem(scheme, use_listings_cache=False))
    except ImportError as error:
        if extra is None:
            install = f"install what fsspec needs for {scheme}"
        raise UsageError(f"{scheme}:// needs a library that is missing: {install}") from error
    except ValueError as error:
        if scheme not in fsspec.available_protocols():
            raise UsageError(
                f"{scheme}:// is no known kind of URL. Expected s3://, gs://, abfs:// or another "
                "protocol of fsspec."
            ) from error
        raise StoreError(SETUP, _SETUP.get(extra or "", "its settings are missing")) from error
    except Exception as error:
        raise translated(error) from error


_SETUP = {
    "azure": "no credentials found. Set AZURE_STORAGE_CONNECTION_STRING, or "
    "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY"
}


def _found(said: dict[str, Any]) -> Found:
    """Return what fsspec says of a path."""
    name = str(said["name"])
    # S3 consoles make "folders" as empty objects whose name ends in a slash.
    folder = said.get("type") == "directory" or name.endswith("/")
    size = said.get("size")
    version = next((said[each] for each in _VERSIONS if said.get(each) is not None), "")
    if isinstance(version, datetime):  # a listing and a single object differ in the zone
        version = version.timestamp()
    return Found(name.rstrip("/"), folder, size, str(version).strip('"'))
