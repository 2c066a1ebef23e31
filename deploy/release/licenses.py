"""List the libraries in a folder with their licences: what the packages and the image ship.

    python deploy/release/licenses.py FOLDER

FOLDER is one that pip installed into, such as /usr/lib/cef-bridge. A row is name, version, licence
as the library's METADATA has it, and its licence files. A library that names no licence is an
error.
"""

from __future__ import annotations

import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

_CLASSIFIER = "License :: OSI Approved :: "
_LONGEST = 60
"""Some libraries have the whole text in the field `License`."""


def licence(library: Distribution) -> str | None:
    """Return the licence that a library names, None when it names none."""
    about = library.metadata
    named = about.get("License-Expression") or about.get("License") or ""
    if named and "\n" not in named and len(named) <= _LONGEST:
        return named
    found = [
        it.removeprefix(_CLASSIFIER)
        for it in about.get_all("Classifier") or []
        if it.startswith(_CLASSIFIER)
    ]
    return ", ".join(found) or None


def files(library: Distribution) -> list[str]:
    """Return the names of the licence files that came with a library."""
    names = ("licen", "copying", "notice")
    return sorted(
        str(it)
        for it in library.files or []
        if ".dist-info/" in str(it) and it.name.lower().startswith(names)
    )


def table(folder: Path) -> list[tuple[str, str, str | None, list[str]]]:
    """Return name, version, licence and licence files of each library, by name."""
    return sorted(
        (it.metadata["Name"], it.version, licence(it), files(it))
        for it in distributions(path=[str(folder)])
    )


def text(folder: Path) -> str:
    """Return the list as a text. Raises SystemExit for a library without a licence."""
    rows = table(folder)
    nameless = [name for name, _, named, _ in rows if named is None]
    if nameless or not rows:
        raise SystemExit(f"no licence is named by {', '.join(nameless) or folder}")
    head = "Libraries that ship with cef-bridge: name, version, license, and its text.\n\n"
    return head + "".join(
        f"{name} {version}: {named}\n" + "".join(f"    {each}\n" for each in texts)
        for name, version, named, texts in rows
    )


if __name__ == "__main__":
    sys.stdout.write(text(Path(sys.argv[1])))
