"""What a mapping's name means, and what stands beside its file: examples, other mappings.

In comes a name, or the path of a mapping or of a file of examples, out comes whether it is a path,
what belongs to it, or what may have been meant. Opens no file: a file of examples may name another
mapping inside, which is for its reader to see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.mapping.language import shipped
from cef_bridge.wording import closest, did_you_mean, shown

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".test.yaml"
MAPPINGS = (".yaml", ".yml")
_MOST_LOOKED_AT = 10_000


def is_path(target: str, folder: Path) -> bool:
    """Tell whether NAME-or-PATH is a path, taken from a folder.

    What has a slash or ends in .yaml or .yml is one. A shipped mapping's name is none, whatever
    files are there: a file must not change what a name means. Any other file's name is a path.
    """
    if "/" in target or target.endswith(MAPPINGS):
        return True
    return target not in shipped.names() and is_file(folder / target)


def no_mapping(name: str, folder: Path) -> str:
    """Return the error for a name that is neither a shipped mapping nor a file of a folder."""
    known = shipped.names()
    own = next((f"{name}{it}" for it in MAPPINGS if is_file(folder / f"{name}{it}")), None)
    if own is None and closest(name, known) is None:
        own = meant(name, folder)
    hint = f' Did you mean "./{shown(own)}"?' if own else did_you_mean(name, known)
    return (
        f'There is no shipped mapping "{shown(name)}".{hint} Name a file of your own with its path.'
    )


def is_file(path: Path) -> bool:
    """Tell whether a path is a file; a text that cannot be a path is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long; a null character
        return False


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
