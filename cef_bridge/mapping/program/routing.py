"""A destination's `when`: which events it takes, by the fields that its mapping sees.

In come conditions, as in `drop_events`, and a compiled mapping; out goes a test of an event. Must
not know what a destination is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.kubearmor import internal
from cef_bridge.mapping.program.conditions import all_hold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.mapping.language.spec import Condition
    from cef_bridge.mapping.program.compile import Program
    from cef_bridge.mapping.program.conditions import Fields


class FilterItem:
    """The events that meet an item: within an item all conditions must hold, one item is enough.

    What cef-bridge says of itself (heartbeats, gaps, test events) belongs to every destination.
    """

    def __init__(self, program: Program, items: Sequence[Sequence[Condition]]) -> None:
        self._program = program
        self._items = [all_hold(item) for item in items]

    def takes(self, fields: Fields) -> bool:
        """Tell whether an event goes there."""
        if fields.get("Type") == internal.TYPE:
            return True
        fields = self._program.with_own(fields)
        return any(holds(fields) for holds in self._items)
