"""Which files of examples stand beside a mapping, by their names alone.

In comes the path of a mapping or of a file of examples, out comes what belongs to it. Opens no
file: a file of examples may name another mapping inside, which is for its reader to see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".test.yaml"
MAPPINGS = (".yaml", ".yml")


def is_test_file(name: str | Path) -> bool:
    """Tell whether a path is that of a file of examples."""
    return str(name).endswith(SUFFIX)


def candidates(mapping: Path) -> list[Path]:
    """Return the files of examples that a mapping's name begins, sorted; a.test.yaml first.

    Among them are those of mappings with longer names: `mapping_of` tells them apart.
    """
    begin, first = f"{mapping.stem}.", f"{mapping.stem}{SUFFIX}"
    try:
        found = [
            path
            for path in mapping.parent.iterdir()
            if path.name.startswith(begin) and is_test_file(path) and path != mapping
        ]
    except OSError:  # a folder that nobody may list
        return []
    return sorted(found, key=lambda path: (path.name != first, path.name))


def mapping_of(test_file: Path) -> Path | None:
    """Return the mapping with the longest name that begins that of a file of examples.

    acme.alerts.test.yaml is of acme.alerts.yaml if there is one, else of acme.yaml.
    """
    stem = test_file.name.removesuffix(SUFFIX)
    while stem:
        for suffix in MAPPINGS:
            candidate = test_file.parent / f"{stem}{suffix}"
            if candidate.is_file():
                return candidate
        stem = stem.rpartition(".")[0]
    return None


def is_tested(mapping: Path) -> bool:
    """Tell whether a file of examples stands beside a mapping that is of no other one."""
    return any(mapping_of(path) in (mapping, None) for path in candidates(mapping))
