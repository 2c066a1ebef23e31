"""Keys of JSON that were called otherwise in 0.1.0: both are written until the next minor version.

In comes an object with the names of today, out goes one that has the earlier names as well. The
text output has the names of today only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = {
    "skipped": "noise",
    "unmapped": "kept",
    "redundant": "repeated",
    "partial": "partly",
    "truncated": "shed",
    "fix": "mend",
}
"""Today's key -> that of 0.1.0."""


def with_earlier_keys(said: Mapping[str, object]) -> dict[str, object]:
    """Return an object in its order, each renamed key followed by its earlier name."""
    both: dict[str, object] = {}
    for key, value in said.items():
        both[key] = value
        if key in KEYS:
            both[KEYS[key]] = value
    return both
