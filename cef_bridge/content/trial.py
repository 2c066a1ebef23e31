"""Rules on trial: each rule in each SIEM, over events that must fire it and those that must not.

In come rule files and receivers, out comes a `RuleVerdict` for each pair. An event goes through the
real conversion and the SIEM's simulator; what is stored there is a row in a table of SQLite in
memory, by parameters, and the rule's query runs over it. Must not know how that is shown.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content import pipeline, sigma, synthetic
from cef_bridge.content.fieldmap import FieldMap
from cef_bridge.content.vocabulary import log_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.content.receivers import SiemStore
    from cef_bridge.content.rule_files import RuleFile, RuleTest
    from cef_bridge.content.vocabulary import LogSource

FIRES, NEEDS, BLIND, SILENT, EXTRA, UNTESTED = (
    "fires",
    "needs",
    "blind",
    "silent",
    "extra",
    "no test",
)
"""What becomes of a rule in a SIEM. needs: it fires once the SIEM has some more fields. blind: a
field is missing. silent: an event that should fire it does not. extra: an event that should not
fire it does. no test: there are no events to try it on."""

FAILURES = (BLIND, SILENT, EXTRA)

_BEGIN = datetime(2026, 2, 11, 8, 0, tzinfo=UTC)


class RuleVerdict(NamedTuple):
    """What becomes of a rule in a SIEM: `result`, and why as sentences without a full stop.

    `made`: the fields that the SIEM has only when somebody makes them. `synthetic`: the events were
    made from the rule itself.
    """

    rule: RuleFile
    siem: str
    mapping: str
    result: str
    why: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    synthetic: bool = False


class _Read(NamedTuple):
    """A rule as pySigma reads it; `problem` says why it cannot."""

    rule: RuleFile
    sources: tuple[LogSource, ...] = ()
    asked: tuple[tuple[LogSource, str], ...] = ()
    groups: tuple[str, ...] = ()
    tests: tuple[RuleTest, ...] = ()
    synthetic: bool = False
    problem: str = ""


def run(rules: Sequence[RuleFile], receivers: Sequence[SiemStore]) -> Iterator[RuleVerdict]:
    """Yield what becomes of each rule in each SIEM, rule by rule."""
    benches = [_Bench(receiver) for receiver in receivers]
    for rule in rules:
        read = _read(rule)
        for bench in benches:
            yield bench.verdict(read)


def _read(rule: RuleFile) -> _Read:
    try:
        used, groups = sigma.used_fields(rule.documents)
    except sigma.RuleConversionError as error:
        return _Read(rule, problem=str(error).rstrip("."))
    sources, asked = [], []
    for it in used:
        source = None if it.service else log_source(it.product, it.category)
        if source is None:
            words = filter(None, (it.product, it.category, it.service))
            return _Read(rule, problem=f"KubeArmor reports no events of {' '.join(words)}")
        if it.keywords:
            return _Read(rule, problem="it searches for words outside of fields")
        sources.append(source)
        asked += [(source, name) for name in it.names]
    tests = rule.tests
    is_synthetic = not tests
    if is_synthetic:
        tests = synthetic.tests(rule, sources)
    unique = tuple(dict.fromkeys(it.category for it in sources))
    chosen = tuple(next(it for it in sources if it.category == name) for name in unique)
    return _Read(rule, chosen, tuple(asked), groups, tests, is_synthetic)


class _Bench:
    """A receiver, with the pipelines that were needed so far."""

    def __init__(self, receiver: SiemStore) -> None:
        self._receiver = receiver
        self._fields = FieldMap(receiver)
        self._compilers: dict[tuple[str, ...], sigma.SqlCompiler] = {}

    def verdict(self, read: _Read) -> RuleVerdict:
        """Return what becomes of a rule here."""
        made: list[str] = []
        result, why = self._try(read, made)
        names = tuple(dict.fromkeys(made))
        if result == FIRES and names and not self._receiver.siem.made_by_query:
            result = NEEDS
        siem, mapping = self._receiver.siem.name, self._receiver.mapping.name
        return RuleVerdict(read.rule, siem, mapping, result, tuple(why), names, read.synthetic)

    def _try(self, read: _Read, made: list[str]) -> tuple[str, list[str]]:
        if read.problem:
            return BLIND, [read.problem]
        columns, missing = self._columns(read, made)
        if missing:
            return BLIND, missing
        try:
            queries = self._compiler(read.sources).queries(read.rule.documents)
        except sigma.RuleConversionError as error:
            return BLIND, [str(error).rstrip(".")]
        if not any(test.fires for test in read.tests):
            return UNTESTED, []
        silent, extra = [], []
        for test in read.tests:
            try:
                fired = self._fired(queries, columns, test)
            except sqlite3.Error:
                return BLIND, ["its query does not run: an expression or a function is not known"]
            if test.fires and not fired:
                silent.append(f"{_called(test)} does not fire it{self._unstored(test)}")
            elif fired and not test.fires:
                extra.append(f"{_called(test)} fires it")
        if read.synthetic and len(silent) < len(read.tests):
            silent = []  # one of the events that were made is enough
        return (SILENT if silent else EXTRA if extra else FIRES), [*silent, *extra]

    def _unstored(self, test: RuleTest) -> str:
        """Return what to add where the SIEM has nothing of an event: why that is so."""
        why = next((why for it in test.events if (why := self._receiver.row(it).why)), "")
        return f": {why.rstrip('.')}" if why else ""

    def _columns(self, read: _Read, made: list[str]) -> tuple[list[str], list[str]]:
        """Return the SIEM's fields that a rule asks for, and sentences about those that miss."""
        columns: dict[str, None] = {}
        missing: dict[str, None] = {}
        for source in read.sources:
            columns |= dict.fromkeys(pipeline.events_fields(self._fields, source))
        asked = [*read.asked, *((it, name) for it in read.sources for name in read.groups)]
        for source, name in asked:
            found = pipeline.asked(self._fields, source, name)
            if found is None:
                missing[f"{name}: KubeArmor has no such field"] = None
            elif not found.place.names:
                missing[f"{name}: {found.place.why}"] = None
            else:
                columns |= dict.fromkeys(found.place.names)
                made += found.place.made
        return list(columns), list(missing)

    def _compiler(self, sources: tuple[LogSource, ...]) -> sigma.SqlCompiler:
        names = tuple(f"{it.product} {it.category}" for it in sources)
        if names not in self._compilers:
            self._compilers[names] = sigma.SqlCompiler(pipeline.document(self._fields, sources))
        return self._compilers[names]

    def _fired(self, queries: Sequence[str], columns: Sequence[str], test: RuleTest) -> bool:
        """Tell whether a rule's queries find something among the events of a test."""
        rows = [self._stored(columns, test, number) for number in range(len(test.events))]
        with closing(sqlite3.connect(":memory:")) as database:
            database.create_function("REGEXP", 2, _matches, deterministic=True)
            wanted = ", ".join(f"{_quoted(name)} TEXT COLLATE NOCASE" for name in columns)
            database.execute(
                f"CREATE TABLE {sigma.TABLE} ({', '.join(filter(None, [_TIME, wanted]))})"
            )
            marks = ", ".join("?" * (len(columns) + 1))
            database.executemany(f"INSERT INTO {sigma.TABLE} VALUES ({marks})", rows)  # noqa: S608 - values are parameters
            return any(database.execute(query).fetchone() is not None for query in queries)

    def _stored(self, columns: Sequence[str], test: RuleTest, number: int) -> list[str | None]:
        """Return the row of an event of a test; one without a time has that of its number."""
        moment = _BEGIN + timedelta(seconds=number * test.every)
        time = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        row = self._receiver.row({"UpdatedTime": time, **test.events[number]})
        return [time, *(row.fields.get(name) for name in columns)]


_TIME = f"{sigma.TIME} TEXT"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _matches(pattern: str, text: str | None) -> bool:
    return text is not None and re.search(pattern, str(text)) is not None


def _called(test: RuleTest) -> str:
    if test.name:
        return f'the event "{test.name}"' if len(test.events) == 1 else f'the events "{test.name}"'
    return f"the test at {test.at}"
