"""The rules that come with the package: Sigma rules, each with its test events beside it.

In comes nothing, out come paths. Must not know what is in the files.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
TESTS = ".test.yaml"
"""What a rule's file of test events is called: shell.yml has shell.test.yaml."""


def folder() -> Path:
    """Return where the shipped rules are: in an installed wheel, else in the checkout."""
    installed = _PACKAGE / "content" / "rules"
    return installed if installed.is_dir() else _PACKAGE.parent / "content" / "rules"


def path_of(name_or_path: str) -> Path:
    """Return the file that is meant: a shipped rule's by its name, else the path.

    What has a slash or an ending is a path; a file must not change what a shipped name means.
    """
    shipped = folder() / f"{name_or_path}.yml"
    is_name = "/" not in name_or_path and "." not in name_or_path
    return shipped if is_name and shipped.is_file() else Path(name_or_path)


def is_test_file(path: Path) -> bool:
    """Tell whether a file has test events."""
    return path.name.endswith(TESTS)


def rules() -> list[Path]:
    """Return the files of all shipped rules, sorted by name."""
    return sorted(folder().glob("*.yml"))
