"""A mounted ConfigMap or Secret, as kubelet writes it: files are links behind one that is swapped.

As AtomicWriter of Kubernetes does (pkg/volume/util/atomic_writer.go): a new folder with all files,
`..data` renamed over to point to it, links for names that are new, the old folder removed.
"""

from __future__ import annotations

import itertools
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Volume:
    """A folder whose files change all at once, with `write`."""

    def __init__(self, folder: Path, files: dict[str, str | bytes]) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)
        folder.mkdir(parents=True)
        self.write(files)

    def write(self, files: dict[str, str | bytes]) -> None:
        data = self.folder / "..data"
        before = data.readlink().name if data.is_symlink() else None
        known = set() if before is None else {it.name for it in data.iterdir()}
        new = self.folder / f"..2026_11_29_10_00_{next(self._numbers):02}.123456789"
        new.mkdir()
        for name, content in files.items():
            data_bytes = content.encode() if isinstance(content, str) else content
            (new / name).write_bytes(data_bytes)
        swap = self.folder / "..data_tmp"
        swap.symlink_to(new.name)
        swap.rename(data)
        for name in files.keys() - known:
            (self.folder / name).symlink_to(f"..data/{name}")
        for name in known - files.keys():
            (self.folder / name).unlink()
        if before is not None:
            shutil.rmtree(self.folder / before)
