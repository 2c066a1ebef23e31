"""Print the section of CHANGELOG.md for a version, which a release has as its notes.

python deploy/release/notes.py 0.2.0
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parents[2] / "CHANGELOG.md"


def section(changelog: str, version: str) -> str:
    """Return the text below `## VERSION`. Raises SystemExit where there is none."""
    found = re.search(
        rf"^## {re.escape(version)}\b[^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    if found is None or not found[1].strip():
        raise SystemExit(
            f"CHANGELOG.md has no section for {version}. Rename `## Unreleased` to `## {version}`."
        )
    return found[1].strip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(section(CHANGELOG.read_text(encoding="utf-8"), sys.argv[1]))
