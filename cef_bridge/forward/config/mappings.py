"""What is wrong with the mappings that a config names, in all of them at once.

In come names and paths, out go problems with their places. Knows nothing else of a config.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.errors import MappingError
from cef_bridge.mapping.load import load

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.errors import Problem


def mapping_problems(names: Iterable[str]) -> list[Problem]:
    """Return the problems of mappings that cannot be loaded, each once, in the order named."""
    found: list[Problem] = []
    for name in dict.fromkeys(names):
        try:
            load(name)
        except MappingError as error:
            found += error.problems
    return list(dict.fromkeys(found))
