"""What stands beside a mapping, by its name alone: files of examples, other mappings.

In comes the path of a mapping or of a file of examples, out comes what belongs to it, or what may
have been meant. Opens no file: a file of examples may name another mapping inside, which is for its
reader to see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.wording import closest

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".test.yaml"
MAPPINGS = (".yaml", ".yml")
_MOST_LOOKED_AT = 10_000


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


def meant(name: str, folder: Path) -> str | None:
    """Return the name of the mapping file in a folder that was most likely meant, None for none.

    `acme` is meant for acme.yaml, `amce.yaml` as well.
    """
    wanted = name.rpartition("/")[2]
    stem = wanted.removesuffix(".yaml").removesuffix(".yml")
    files: dict[str, str] = {}
    try:
        for _, path in zip(range(_MOST_LOOKED_AT), folder.iterdir(), strict=False):
            if path.suffix in MAPPINGS and not is_test_file(path) and path.is_file():
                files[path.stem] = path.name
    except (OSError, ValueError):  # no folder; a null character
        return None
    found = closest(stem, sorted(files))
    return None if found is None else files[found]
