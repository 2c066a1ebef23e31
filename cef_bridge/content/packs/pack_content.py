"""What a pack is made of: the rules of a SIEM behind a mapping, as data and as queries.

In come rule files and a SIEM, out comes a `PackContent`: all that a pack's files need. Rules that
do not fire in the SIEM are left out, with the reason. Must not know any pack.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge import __version__
from cef_bridge.content import pipeline, trial
from cef_bridge.content.backends import QueryCompiler
from cef_bridge.content.fieldmap import FieldMap
from cef_bridge.content.searches import LANGUAGES, searches
from cef_bridge.content.sigma import RuleConversionError
from cef_bridge.content.vocabulary import LOG_SOURCES
from cef_bridge.errors import CefBridgeError
from cef_bridge.siems.class_id_rows import ClassIdRow, rows
from cef_bridge.siems.class_ids import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.content.pipeline import Document
    from cef_bridge.content.receivers import SiemStore
    from cef_bridge.content.rule_files import RuleFile
    from cef_bridge.content.searches import Search
    from cef_bridge.content.trial import RuleVerdict
    from cef_bridge.content.vocabulary import LogSource
    from cef_bridge.mapping.language.spec import Mapping
    from cef_bridge.siems.siem import Siem

EVENT_COUNT, TEMPORAL_ORDERED = "event_count", "temporal_ordered"
"""The kinds of correlations that the shipped rules have."""


class SingleRule(NamedTuple):
    """A rule with a detection: a whole rule, or one that a correlation is made of."""

    name: str
    title: str
    document: dict[str, object]
    source: LogSource


class PackCorrelation(NamedTuple):
    """What a correlation asks of the events that its rules find.

    `kind`: EVENT_COUNT (`at_least` events of one group) or TEMPORAL_ORDERED (an event of each rule,
    in their order). `group_by`: the SIEM's fields; `seconds`: the time span.
    """

    kind: str
    group_by: tuple[str, ...]
    seconds: int
    at_least: int


class PackRule(NamedTuple):
    """A rule of a pack.

    `tactics` are ATT&CK's names with hyphens (defense-evasion), `techniques` its ids in capitals
    (T1562.001). `level` is Sigma's: informational, low, medium, high, critical. `singles`: one
    rule, or those of a correlation in its order. `verdict`: what the test of this SIEM said (fires,
    needs).
    """

    name: str
    title: str
    id: str
    description: str
    level: str
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    false_positives: tuple[str, ...]
    response: str
    documents: tuple[dict[str, object], ...]
    singles: tuple[SingleRule, ...]
    correlation: PackCorrelation | None
    verdict: RuleVerdict


class PackContent:
    """All that the pack of a SIEM is made of.

    `rules`: those that fire there; `left_out`: what is wrong with the others. `searches` prove
    delivery; there are none where the SIEM has no language of queries here.
    """

    def __init__(self, store: SiemStore, files: Sequence[RuleFile]) -> None:
        self.store = store
        self.fields = FieldMap(store)
        self.version = __version__
        self._compilers: dict[tuple[str, str], QueryCompiler] = {}
        verdicts = list(trial.run(files, [store]))
        fit = [it for it in verdicts if it.result in (trial.FIRES, trial.NEEDS)]
        self.left_out = tuple(it for it in verdicts if it not in fit)
        self.rules = tuple(self._rule(it) for it in fit)

    @property
    def siem(self) -> Siem:
        """The SIEM: its name, its title, how it makes fields."""
        return self.store.siem

    @property
    def mapping(self) -> Mapping:
        """The mapping that writes the messages."""
        return self.store.mapping

    @cached_property
    def _searches(self) -> tuple[tuple[Search, ...], tuple[str, ...], str]:
        if self.siem.name not in LANGUAGES:
            return (), (), ""
        try:
            found, made = searches(self.store)
        except CefBridgeError as error:
            return (), (), str(error).rstrip(".")
        return tuple(found), made, ""

    @property
    def searches(self) -> tuple[Search, ...]:
        """The searches that prove delivery; none where a field of theirs is missing."""
        return self._searches[0]

    @property
    def made(self) -> tuple[str, ...]:
        """The fields that somebody has to make in the SIEM before the searches work."""
        return self._searches[1]

    @property
    def no_searches(self) -> str:
        """Why there are no searches although the SIEM has a language for them; "" otherwise."""
        return self._searches[2]

    @cached_property
    def pipeline(self) -> Document:
        """The pipeline of pySigma, as `content pipeline` prints it."""
        return pipeline.document(self.fields)

    @property
    def pipeline_text(self) -> str:
        """The pipeline as YAML."""
        return pipeline.text(self.pipeline)

    @property
    def class_ids(self) -> list[ClassIdRow]:
        """All class ids, with their parts, names and severities."""
        return rows()

    def class_id_form(self, form: str) -> str:
        """Return the class ids in a form of `mapping class-ids --format`."""
        return text(form)

    def field(self, source: LogSource, name: str) -> tuple[str, ...]:
        """Return the SIEM's names of a rule's field; none where it is missing."""
        found = pipeline.asked(self.fields, source, name)
        return found.place.names if found else ()

    def query(self, rule: PackRule, language: str) -> str:
        """Return a rule as a query; RuleConversionError where the language cannot say it."""
        return self._compiler(language, None).query(rule.documents)

    def condition(self, single: SingleRule, language: str) -> str:
        """Return one rule's condition, without what a query of the SIEM has around it.

        In esql and aql it is a query nonetheless: it begins with `from` and `SELECT`.
        """
        return self._compiler(language, single.source).query([single.document])

    def _compiler(self, language: str, source: LogSource | None) -> QueryCompiler:
        key = (language, f"{source.product}/{source.category}" if source else "")
        if key not in self._compilers:
            made = pipeline.document(self.fields, [source]) if source else self.pipeline
            self._compilers[key] = QueryCompiler(language, made)
        return self._compilers[key]

    def _rule(self, verdict: RuleVerdict) -> PackRule:
        file = verdict.rule
        main = file.main
        tags = [tag.removeprefix("attack.") for tag in _texts(main.get("tags"))]
        techniques = [it for it in tags if re.fullmatch(r"t\d{4}(\.\d{3})?", it)]
        singles = tuple(_single(it) for it in file.documents if "detection" in it)
        correlation = main.get("correlation")
        found = self._correlation(correlation, singles) if isinstance(correlation, dict) else None
        if found and isinstance(correlation, dict):
            order = _texts(correlation.get("rules"))
            singles = tuple(sorted(singles, key=lambda it: order.index(it.name)))
        return PackRule(
            name=file.name,
            title=_text(main, "title"),
            id=_text(main, "id"),
            description=_text(main, "description"),
            level=_text(main, "level"),
            tactics=tuple(it for it in tags if it not in techniques),
            techniques=tuple(it.upper() for it in techniques),
            false_positives=_texts(main.get("falsepositives")),
            response=_text(main, "response"),
            documents=file.documents,
            singles=singles,
            correlation=found,
            verdict=verdict,
        )

    def _correlation(
        self, said: dict[str, object], singles: Sequence[SingleRule]
    ) -> PackCorrelation:
        groups: list[str] = []
        for name in _texts(said.get("group-by")):
            places = {self.field(it.source, name) for it in singles}
            if len(places) != 1 or len(place := places.pop()) != 1:
                raise RuleConversionError(f"{name} is not one field in {self.siem.title}.")
            groups += place
        condition = said.get("condition")
        least = condition.get("gte", 1) if isinstance(condition, dict) else 1
        return PackCorrelation(
            str(said["type"]), tuple(groups), _seconds(str(said["timespan"])), int(str(least))
        )


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(timespan: str) -> int:
    return int(timespan[:-1]) * _UNITS[timespan[-1]]


def _text(document: dict[str, object], key: str) -> str:
    return str(document.get(key, "")).strip()


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(it) for it in value) if isinstance(value, list) else ()


def _single(document: dict[str, object]) -> SingleRule:
    said = document["logsource"]
    product = said.get("product") if isinstance(said, dict) else ""
    category = said.get("category", "") if isinstance(said, dict) else ""
    source = next(it for it in LOG_SOURCES if (it.product, it.category) == (product, category))
    name = _text(document, "name") or _text(document, "title")
    return SingleRule(name, _text(document, "title"), document, source)
