"""The native engine: whether there is one, and whether it or Python does the work.

In come the files that hatch_build.py put into the package (`_engine.so`, or `_no_engine.txt` with
the reason) and CEF_BRIDGE_ENGINE, out goes the library, or why there is none. Knows the functions
of engine/src/abi.rs, and not what the bytes mean that go through them. The only module that imports
ctypes: a wrong type in a call ends the process.
"""

from __future__ import annotations

import ctypes
import os
import zlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cef_bridge.errors import UsageError
from cef_bridge.wording import either, printable, shown

# The number of the C interface; its twin is ABI in engine/src/abi.rs.
ABI = 1
CHOICES = ("auto", "native", "python", "both")
_PACKAGE = Path(__file__).parent


class Status(NamedTuple):
    """The engine in use, `native` or `python`, and the reason; prints as `python (reason)`."""

    engine: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.engine} ({self.reason})" if self.reason else self.engine


class _UnusableError(Exception):
    """There is no library, or it is of no use; the text says why, and how to get one."""


class Library:
    """The loaded and checked library. Raises _UnusableError.

    `crate` is the folder of its sources, where there is a checkout.
    """

    def __init__(self, path: Path, crate: Path) -> None:
        again = _again(crate)
        try:
            library = ctypes.CDLL(str(path))
            abi, source = library.cef_bridge_abi, library.cef_bridge_source
        except OSError as error:
            raise _UnusableError(f"{path} cannot be loaded: {error}; {again}") from None
        except AttributeError:
            raise _UnusableError(f"{path} is another library; {again}") from None
        abi.argtypes, abi.restype = (), ctypes.c_uint32
        if (number := abi()) != ABI:  # before anything else: all else may have changed
            raise _UnusableError(
                f"the engine's ABI is {number}, and this cef-bridge needs {ABI}; {again}"
            )
        source.argtypes, source.restype = (), ctypes.c_char_p
        self.source: str = source().decode()
        if _is_there(crate) and self.source != source_checksum(crate):
            raise _UnusableError(f"the engine is older than its sources; {again}")
        # Here the functions that run blocks get their types.


def choice() -> str:
    """Return CEF_BRIDGE_ENGINE: which engine the user wants. Raises UsageError."""
    word = os.environ.get("CEF_BRIDGE_ENGINE") or "auto"
    if word not in CHOICES:
        raise UsageError(
            f'CEF_BRIDGE_ENGINE "{shown(word)}" is unknown. Expected {either(CHOICES)}.'
        )
    return word


def load() -> Library | None:
    """Return the library, or None where Python does the work.

    Raises UsageError when CEF_BRIDGE_ENGINE is wrong, or asks for an engine that is not there.
    """
    wanted = choice()
    if wanted == "python":
        return None
    found = find(_PACKAGE)
    if isinstance(found, Library):
        return found
    if wanted != "auto":
        raise UsageError(f"CEF_BRIDGE_ENGINE={wanted}, but there is no native engine: {found}.")
    return None


def status() -> Status:
    """Return the engine in use and the reason. Raises UsageError as `load` does."""
    wanted = choice()
    if load() is not None:
        return Status("native", "each line is compared with Python's" if wanted == "both" else "")
    if wanted == "python":
        return Status("python", "CEF_BRIDGE_ENGINE=python")
    return Status("python", str(find(_PACKAGE)))


@cache
def find(package: Path) -> Library | str:
    """Return the library of a package's folder, or the reason why there is none."""
    library, reason = package / "_engine.so", package / "_no_engine.txt"
    crate = package.parent / "engine"
    try:
        if library.exists():
            return Library(library, crate)
        if reason.exists():
            return printable(reason.read_text(encoding="utf-8").strip())
    except _UnusableError as error:
        return printable(str(error))
    except OSError as error:
        return printable(f"{error.filename}: {error.strerror}")
    return f"it was never built; {_again(crate)}"


def source_checksum(crate: Path) -> str:
    """Return the checksum of a crate's sources; engine/build.rs gives the library the same."""
    names = ["Cargo.lock", "Cargo.toml", "build.rs"]
    names += [path.relative_to(crate).as_posix() for path in (crate / "src").rglob("*.rs")]
    checksum = 0
    for name in sorted(names, key=str.encode):
        checksum = zlib.crc32((crate / name).read_bytes(), zlib.crc32(name.encode(), checksum))
    return f"{checksum:08x}"


def _is_there(crate: Path) -> bool:
    """Tell whether this is a checkout, in which sources may be newer than the library."""
    return (crate / "src").is_dir()


def _again(crate: Path) -> str:
    return "run make engine" if _is_there(crate) else "install cef-bridge again"
