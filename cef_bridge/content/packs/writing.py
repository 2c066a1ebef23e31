"""Packs written into folders: each whole or not at all, and nothing of others overwritten.

In come files by their paths, out come folders. A folder gets a list of its files with their sums
(`sha256sum -c` reads it); what the list does not have as it is, somebody else wrote. Must not know
what the files are.
"""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.files import AtomicFile, partial_name, printed, sync_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SUMS = ".sha256sums"
"""The list of a folder's files; its name is hidden, so that `FOLDER/*` is the pack alone."""

_SHOWN = 5


def write(out: Path, folders: Mapping[str, Mapping[str, bytes]]) -> None:
    """Write folders below `out`, each in place of what an earlier build wrote there.

    UsageError names all files that an earlier build did not write, before anything is written.
    CefBridgeError when writing fails; each folder is then the earlier one, or the new one.
    """
    problems = [it for name in folders if (it := _foreign(out / name))]
    if out.exists() and not out.is_dir():
        problems = [f"{printed(out)} is no folder. Name another one."]
    if problems:
        raise UsageError("\n".join(problems))
    for name, files in folders.items():
        try:
            _replace(out / name, files)
        except OSError as error:
            why = error.strerror or "unknown error"
            raise CefBridgeError(f"cannot write {printed(out / name)}: {why}") from error


def _foreign(folder: Path) -> str:
    """Return what is wrong with a folder that would be replaced, "" for nothing."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        return f"{printed(folder)} is no folder. Move it, or name another --out."
    if not folder.is_dir():
        return ""
    try:
        ours = _sums(folder)
        others = [
            path.relative_to(folder)
            for path in sorted(folder.rglob("*"))
            if path.is_symlink() or (path.is_file() and not _is_ours(path, folder, ours))
        ]
    except OSError as error:
        return f"{printed(folder)} cannot be read: {error.strerror or 'unknown error'}."
    if not others:
        return ""
    names = ", ".join(printed(it) for it in others[:_SHOWN])
    more = f" and {len(others) - _SHOWN:,} more" if len(others) > _SHOWN else ""
    return (
        f"{printed(folder)} has files that an earlier build did not write, or that were changed "
        f"since: {names}{more}. Move them, or name another --out."
    )


def _is_ours(path: Path, folder: Path, ours: Mapping[str, str]) -> bool:
    name = path.relative_to(folder).as_posix()
    if name == SUMS:
        return bool(ours)
    return name in ours and ours[name] == _sum(path.read_bytes())


def _sums(folder: Path) -> dict[str, str]:
    """Return the sums of the files that an earlier build wrote, by path."""
    path = folder / SUMS
    if path.is_symlink() or not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    rows = (line.partition("  ") for line in text.splitlines())
    return {name: found for found, _, name in rows}


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _replace(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = folder.with_name(partial_name(folder.name))
    old = folder.with_name(partial_name(folder.name))
    try:
        for name, data in files.items():
            _write(new / name, data)
        sums = "".join(f"{_sum(data)}  {name}\n" for name, data in files.items())
        _write(new / SUMS, sums.encode())
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(new, ignore_errors=True)
        raise
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with AtomicFile(path) as file:
        file.write(data)
