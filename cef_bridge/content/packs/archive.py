"""A pack as one file: a gzipped tar whose bytes depend on its files alone.

In come files by their paths, out come bytes. Times, owners and modes are the same in each build.
Must not know what the files are.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE, _FOLDER = 0o644, 0o755
_TIME = 315_532_800  # 1980-01-01: some unpackers take no earlier time


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return files as a .tar.gz, with the folders that they are in, sorted by path."""
    out = io.BytesIO()
    folders = {str(it) for name in files for it in PurePosixPath(name).parents} - {"."}
    with (
        gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=9) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name in sorted({*files, *folders}):
            entry = tarfile.TarInfo(name)
            entry.mtime, entry.mode = _TIME, _FILE if name in files else _FOLDER
            if name in folders:
                entry.type = tarfile.DIRTYPE
            entry.size = len(files.get(name, b""))
            tar.addfile(entry, io.BytesIO(files.get(name, b"")))
    return out.getvalue()
