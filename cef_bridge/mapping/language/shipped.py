"""The mappings that come with the package: one YAML file each.

In comes a name, out comes a path. Must not know what stands in the files.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent.parent


@cache
def folder() -> Path:
    """Return where the shipped mappings are: in an installed wheel, else in the checkout."""
    installed = _PACKAGE / "mappings"
    return installed if installed.is_dir() else _PACKAGE.parent / "mappings"


def names() -> list[str]:
    """Return the names of all shipped mappings, sorted."""
    return sorted(file.stem for file in folder().glob("*.yaml"))


def path(name: str) -> Path:
    """Return the file of a shipped mapping; whether there is one, `names` tells."""
    return folder() / f"{name}.yaml"
