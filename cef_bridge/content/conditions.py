"""What a rule asks, as a tree: for languages that pySigma has no backend for.

In come a rule and a pipeline, out comes a tree of conditions over the SIEM's fields. Comparisons
know no case, as Sigma's do. Must not know how a language writes them.
"""

from __future__ import annotations

import copy
import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
)
from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule
from sigma.types import SigmaNumber, SigmaString, SpecialChars

from cef_bridge.content.sigma import RuleConversionError

if TYPE_CHECKING:
    from cef_bridge.content.pipeline import Document


class Wildcard(Enum):
    """What a pattern leaves open: any text, or any one character."""

    TEXT = "*"
    CHARACTER = "?"


class FieldMatch(NamedTuple):
    """A field whose value has a form: texts, and what is open between them."""

    field: str
    parts: tuple[str | Wildcard, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of the pattern."""
        return tuple(it for it in self.parts if isinstance(it, str))

    @property
    def is_any(self) -> bool:
        """Tell whether any text will do, so that the field need only be there."""
        return bool(self.parts) and all(it is Wildcard.TEXT for it in self.parts)

    @property
    def is_simple(self) -> bool:
        """Tell whether it is one text, with any text before or behind it or neither."""
        inner = self.parts[self.opens_before : len(self.parts) - self.opens_behind]
        return len(inner) <= 1 and all(isinstance(it, str) for it in inner)

    @property
    def opens_before(self) -> bool:
        """Tell whether any text may precede."""
        return bool(self.parts) and self.parts[0] is Wildcard.TEXT

    @property
    def opens_behind(self) -> bool:
        """Tell whether any text may follow."""
        return len(self.parts) > self.opens_before and self.parts[-1] is Wildcard.TEXT

    @property
    def regex(self) -> str:
        """The pattern as a regular expression for the whole value, in Java's and Python's form."""
        made = {Wildcard.TEXT: ".*", Wildcard.CHARACTER: "."}
        inner = "".join(
            made[it] if isinstance(it, Wildcard) else re.escape(it) for it in self.parts
        )
        return f"^{inner}$"


class AllOf(NamedTuple):
    """Conditions that all hold."""

    items: tuple[Condition, ...]


class AnyOf(NamedTuple):
    """Conditions of which one holds at least."""

    items: tuple[Condition, ...]


class Unless(NamedTuple):
    """A condition that does not hold."""

    item: Condition


Condition = FieldMatch | AllOf | AnyOf | Unless


def condition_tree(document: dict[str, object], pipeline: Document) -> Condition:
    """Return what a rule asks after a pipeline; RuleConversionError for what has no tree."""
    try:
        rule = SigmaRule.from_dict(document)
        # A pipeline keeps what it did to a rule, so each rule gets one of its own.
        ProcessingPipeline.from_dict(copy.deepcopy(pipeline)).apply(rule)
        parsed = [it.parse() for it in rule.detection.parsed_condition]
    except SigmaError as error:
        raise RuleConversionError(f"pySigma cannot read this rule: {error}.") from error
    return _joined(AnyOf, [_tree(it) for it in parsed])


def fields_of(condition: Condition) -> tuple[str, ...]:
    """Return the fields that a tree asks for, each once, in their order."""
    return tuple(dict.fromkeys(_fields(condition)))


def _fields(condition: Condition) -> list[str]:
    if isinstance(condition, FieldMatch):
        return [condition.field]
    if isinstance(condition, Unless):
        return _fields(condition.item)
    return [name for it in condition.items for name in _fields(it)]


def _tree(item: object) -> Condition:
    if isinstance(item, ConditionAND):
        return _joined(AllOf, [_tree(it) for it in item.args])
    if isinstance(item, ConditionOR):
        return _joined(AnyOf, [_tree(it) for it in item.args])
    if isinstance(item, ConditionNOT):
        return Unless(_tree(item.args[0]))
    if isinstance(item, ConditionFieldEqualsValueExpression):
        return FieldMatch(item.field, _parts(item.value))
    raise RuleConversionError("It searches for words outside of fields.")


def _joined(kind: type[AllOf | AnyOf], items: list[Condition]) -> Condition:
    """Return conditions as one; those of the same kind are not nested."""
    flat: list[Condition] = []
    for it in items:
        flat += it.items if isinstance(it, AllOf | AnyOf) and isinstance(it, kind) else (it,)
    unique = tuple(dict.fromkeys(flat))
    return unique[0] if len(unique) == 1 else kind(unique)


def _parts(value: object) -> tuple[str | Wildcard, ...]:
    if isinstance(value, SigmaNumber):
        return (str(value),)
    if not isinstance(value, SigmaString) or type(value).__name__ == "SigmaCasedString":
        raise RuleConversionError("Its comparison is no text with wildcards.")
    made = {
        SpecialChars.WILDCARD_MULTI: Wildcard.TEXT,
        SpecialChars.WILDCARD_SINGLE: Wildcard.CHARACTER,
    }
    parts: list[str | Wildcard] = []
    for it in value.s:
        if isinstance(it, str):
            parts.append(it)
        elif it in made:
            parts.append(made[it])
        else:
            raise RuleConversionError("A placeholder in it has no value.")
    return tuple(parts)
