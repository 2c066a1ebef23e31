"""pySigma at work: the only place that knows it, its backends for SIEMs aside (`backends`).

In come rules as data and a pipeline, out come the fields that the rules ask for and queries of
SQLite. Nothing is fetched: what pySigma would load from the network is not asked for.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cef_bridge.errors import UsageError
from cef_bridge.wording import not_installed, printable

try:
    from sigma.backends.sqlite.sqlite import sqliteBackend
    from sigma.collection import SigmaCollection
    from sigma.conditions import (
        ConditionAND,
        ConditionFieldEqualsValueExpression,
        ConditionNOT,
        ConditionOR,
    )
    from sigma.correlations import SigmaCorrelationRule
    from sigma.exceptions import SigmaError
    from sigma.processing.pipeline import ProcessingPipeline
    from sigma.rule import SigmaDetectionItem, SigmaRule
    from sigma.types import SigmaCIDRExpression, SigmaNumber, SigmaString, SpecialChars
except ImportError as error:
    raise UsageError(not_installed("content", "pySigma", "content")) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cef_bridge.content.pipeline import Document

TABLE, TIME = "events", "event_time"
"""The table that queries read, and its column with the time of an event (RFC 3339)."""


class RuleConversionError(Exception):
    """A rule that pySigma does not take; the text is a sentence."""


class UsedFields(NamedTuple):
    """What a rule of a log source asks for; `keywords`: it also searches texts without a field."""

    product: str
    category: str
    service: str
    names: tuple[str, ...]
    keywords: bool


class SqlCompiler:
    """Makes queries of rules with one pipeline."""

    def __init__(self, pipeline: Document) -> None:
        self._backend = sqliteBackend(  # type: ignore[no-untyped-call]
            ProcessingPipeline.from_dict(pipeline),
            table=TABLE,
            timestamp_field=TIME,
            collate_nocase=True,
        )

    def queries(self, documents: Sequence[dict[str, object]]) -> list[str]:
        """Return the queries of a rule file's documents; RuleConversionError where there is none.

        Of a correlation and the rules it is made of the correlation alone is asked.
        """
        try:
            return [str(query) for query in self._backend.convert(_collection(documents))]
        except SigmaError as error:
            raise RuleConversionError(_sentence(error)) from error
        except (RecursionError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise RuleConversionError(_UNREADABLE) from error


def queries_of(
    backend: Callable[..., Any], pipeline: Document, documents: Sequence[dict[str, object]]
) -> list[str]:
    """Return the queries of a rule file's documents by a backend of pySigma, made anew.

    A pipeline keeps what it did to a rule, so each rule gets one of its own. Raises
    RuleConversionError where there is no query.
    """
    try:
        made = backend(ProcessingPipeline.from_dict(copy.deepcopy(pipeline)))
        return [str(query) for query in made.convert(_collection(documents))]
    except NotImplementedError as error:
        raise RuleConversionError(_CANNOT) from error
    except SigmaError as error:
        raise RuleConversionError(_sentence(error)) from error
    except (RecursionError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise RuleConversionError(_UNREADABLE) from error


_CANNOT = "pySigma's backend for this language cannot write rules of this kind."
_UNREADABLE = "pySigma cannot read this rule. Compare it with the specification of Sigma rules."


def used_fields(documents: Sequence[dict[str, object]]) -> tuple[list[UsedFields], tuple[str, ...]]:
    """Return what each rule of a file asks for, and by which fields its correlation groups.

    Raises RuleConversionError for what is no rule.
    """
    try:
        collection = _collection(documents)
        rules = [_used(rule) for rule in collection.rules if isinstance(rule, SigmaRule)]
        groups = tuple(
            name
            for rule in collection.rules
            if isinstance(rule, SigmaCorrelationRule)
            for name in rule.group_by or ()
        )
    except SigmaError as error:
        raise RuleConversionError(_sentence(error)) from error
    except (RecursionError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise RuleConversionError(_UNREADABLE) from error
    if not rules:
        raise RuleConversionError("There is no rule with a detection here.")
    return rules, groups


def _collection(documents: Sequence[dict[str, object]]) -> SigmaCollection:
    collection = SigmaCollection.from_dicts(cast("list[Any]", documents))
    collection.resolve_rule_references()
    return collection


def _used(rule: SigmaRule) -> UsedFields:
    fields = [
        item.field
        for it in rule.detection.detections.values()
        for item in _items(it.detection_items)
    ]
    names = tuple(dict.fromkeys(field for field in fields if field is not None))
    source = rule.logsource
    return UsedFields(
        source.product or "", source.category or "", source.service or "", names, None in fields
    )


def _items(found: Sequence[object]) -> Iterator[SigmaDetectionItem]:
    for item in found:
        if isinstance(item, SigmaDetectionItem):
            yield item
        else:
            yield from _items(getattr(item, "detection_items", ()))


def _sentence(error: SigmaError) -> str:
    """Return what pySigma says, on one line and without where in its own terms."""
    first = str(error).partition(" in rule ")[0].partition("\n")[0].strip()
    return printable(first[:300]).rstrip(".") + "."


class WantedValue(NamedTuple):
    """What a rule wants of a field: a text, and what may be before and behind it."""

    field: str
    text: str
    open_before: bool
    open_behind: bool


def wanted_values(document: dict[str, object], choice: int) -> list[WantedValue] | None:
    """Return values that would fire a rule; of alternatives that with a number, round and round.

    What must not be is left out. None where no text can be made of what the rule wants.
    """
    try:
        rule = SigmaRule.from_dict(document)
        parsed = rule.detection.parsed_condition[0].parse()
        found = list(_wanted(parsed, choice))
    except (SigmaError, RecursionError, ValueError, TypeError, AttributeError, KeyError):
        return None
    return None if any(it is None for it in found) else [it for it in found if it is not None]


def _wanted(item: object, choice: int) -> Iterator[WantedValue | None]:
    if isinstance(item, ConditionNOT):
        return
    if isinstance(item, ConditionAND):
        for each in item.args:
            yield from _wanted(each, choice)
    elif isinstance(item, ConditionOR):
        yield from _wanted(item.args[choice % len(item.args)], choice)
    elif isinstance(item, ConditionFieldEqualsValueExpression):
        yield _of_value(item.field, item.value)
    else:
        yield None


def _of_value(field: str, value: object) -> WantedValue | None:
    if isinstance(value, SigmaString):
        text = "".join(it if isinstance(it, str) else "" for it in value.s)
        return WantedValue(
            field,
            text,
            value.startswith(SpecialChars.WILDCARD_MULTI),
            value.endswith(SpecialChars.WILDCARD_MULTI),
        )
    if isinstance(value, SigmaNumber):
        return WantedValue(field, str(value), False, False)
    if isinstance(value, SigmaCIDRExpression):
        return WantedValue(field, str(value.network[1]), False, False)
    return None
