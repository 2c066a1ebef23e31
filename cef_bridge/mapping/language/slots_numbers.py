"""Whether a rule gives whole numbers and nothing else, as the number slots of CEF take them.

In comes a rule, out goes a yes or no. Must not know slots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.kubearmor import fields, numbers

if TYPE_CHECKING:
    from cef_bridge.mapping.language.spec import Condition, Rule


def is_integer(rule: Rule) -> bool:
    """Tell whether all that a rule can give is a whole number.

    A field is one when events have it as such (`HostPID`), or when `when` asks for it
    (`{Labels.restarts: {is: integer}}`); a text of a mapping when it looks like one.
    """
    texts = [
        rule.value,
        rule.default,
        rule.else_,
        *(rule.table.rows.values() if rule.table else ()),
    ]
    if not all(numbers.is_integer(text) for text in texts if text is not None):
        return False
    if rule.table is not None or not rule.from_:
        return rule.spread is None and (rule.template is None or rule.table is not None)
    asked = {condition.path for condition in rule.when if _asks(condition)}
    return not rule.via and all(path in asked or _holds(path) for path in rule.from_)


def _holds(path: str) -> bool:
    row = fields.find(path)
    return row is not None and row.kind == "integer"


def _asks(condition: Condition) -> bool:
    return bool(condition.any_of) and all(
        test.text == "integer" if test.kind == "is" else numbers.is_integer(test.text)
        for test in condition.any_of
    )
