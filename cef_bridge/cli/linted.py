"""What `lint-cef` found, added up and printed: a class a form.

In come problems one by one, out go lines or one document on stdout, and the sum on stderr. Memory
does not grow with the lines; SARIF and JUnit, which are one document, keep what they print.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Protocol

import click

from cef_bridge.cli import junit, sarif
from cef_bridge.cli.problems import print_full, print_plain
from cef_bridge.cli.tables import by_severity, print_sentence, print_table, screen_width
from cef_bridge.lines.lint.codes import CODES
from cef_bridge.lines.lint.pages import page
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.errors import Problem
    from cef_bridge.lines.lint.linter import LineProblem

_MOST_OF_ONE = 20
_MOST_IN_DOCUMENT = 1000
_MOST_ADVISED = 5


class Tally:
    """The counts of a run, and of each file in it.

    `lines_by_code` are lines with a code; `alone` those of which an error is the only sort.
    """

    def __init__(self) -> None:
        self.files: list[dict[str, int | str]] = []
        self.lines = self.clean = self.errors = self.warnings = self.wrong = 0
        self.by_code: Counter[str] = Counter()
        self.lines_by_code: Counter[str] = Counter()
        self.alone: Counter[str] = Counter()

    def begin(self, path: str) -> None:
        """Count for this file from here on."""
        self.files.append({"path": path, "lines": 0, "clean": 0, "errors": 0, "warnings": 0})

    def add(self, faults: Sequence[LineProblem]) -> None:
        """Count a line."""
        wrong = {fault.code.id for fault in faults if fault.code.severity == "error"}
        errors = sum(fault.code.severity == "error" for fault in faults)
        warnings = sum(fault.code.severity == "warning" for fault in faults)
        clean = not errors and not warnings  # a note is no fault
        self.lines += 1
        self.clean += clean
        self.errors += errors
        self.warnings += warnings
        self.wrong += bool(wrong)
        row = self.files[-1]
        counts = (1, int(clean), errors, warnings)
        for name, more in zip(("lines", "clean", "errors", "warnings"), counts, strict=True):
            row[name] = int(row[name]) + more
        if faults:
            self.by_code.update(fault.code.id for fault in faults)
            self.lines_by_code.update({fault.code.id for fault in faults})
        if len(wrong) == 1:
            self.alone.update(wrong)

    @property
    def score(self) -> float | None:
        """Percent of lines without errors, rounded down; None without lines."""
        return _percent(self.lines - self.wrong, self.lines) if self.lines else None

    def advice(self) -> str:
        """Return what would raise the score, in a sentence; "" when there is nothing."""
        if not self.wrong:
            return ""
        best = ""
        if self.alone:
            code, count = _most(self.alone)[0]
            better = _percent(self.lines - self.wrong + count, self.lines)
            best = f"Without {code} it would be {better}."
            if count == self.wrong:
                return best
        wrong = Counter(
            {
                code: count
                for code, count in self.lines_by_code.items()
                if CODES[code].severity == "error"
            }
        )
        codes = [code for code, _ in _most(wrong)]
        first = ", ".join(codes[:_MOST_ADVISED])
        more = f" and {len(codes) - _MOST_ADVISED} more" if len(codes) > _MOST_ADVISED else ""
        return f"{best} For 100.0 fix {first}{more}.".strip()


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    """Return the counts, the highest first, of equal ones the first code."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _percent(part: int, whole: int) -> float:
    # Down: 100.0 is said only of a run without errors.
    return (part * 1000 // whole) / 10


class LintReporter(Protocol):
    """A form of the output."""

    def __init__(self, tally: Tally, *, strict: bool, everything: bool) -> None: ...

    def add(self, problem: Problem) -> None:
        """Take a problem, in the order of the lines."""

    def end(self) -> None:
        """Print what is left to say."""


class _Limited:
    """Keeps at most so many problems of one code, and says on stderr what it left out."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()

    def take(self, problem: Problem) -> bool:
        self._counts[problem.code] += 1
        return self._most is None or self._counts[problem.code] <= self._most

    def left_out(self) -> list[tuple[str, int]]:
        most = self._most
        if most is None:
            return []
        return [(code, n - most) for code, n in sorted(self._counts.items()) if n > most]


class _Text:
    def __init__(self, tally: Tally, *, strict: bool, everything: bool) -> None:
        del strict
        self._tally = tally
        self._limited = _Limited(None if everything else _MOST_OF_ONE)

        self._print = print_plain if screen_width() is None else partial(print_full, lines=False)

    def add(self, problem: Problem) -> None:
        if self._limited.take(problem):
            self._print([problem])

    def end(self) -> None:
        for code, count in self._limited.left_out():
            click.echo(f"{code} and {count:,} more; --all prints them")
        _print_sum(self._tally)


class _Json:
    """Problems as they come, so that memory does not grow with them; the sums follow."""

    def __init__(self, tally: Tally, *, strict: bool, everything: bool) -> None:
        del strict, everything  # a machine gets all of it
        self._tally = tally
        self._begun = False

    def add(self, problem: Problem) -> None:
        row = {**problem.at._asdict(), "code": problem.code, "severity": problem.severity}
        text = json.dumps({**row, "message": problem.message}, ensure_ascii=False)
        click.echo(f"{',' if self._begun else _JSON_BEGIN}\n    {text}", nl=False)
        self._begun = True

    def end(self) -> None:
        tally = self._tally
        sums = {
            "files": tally.files,
            "lines": tally.lines,
            "clean": tally.clean,
            "errors": tally.errors,
            "warnings": tally.warnings,
            "score": tally.score,
            "by_code": dict(sorted(tally.by_code.items())),
        }
        rest = json.dumps(sums, ensure_ascii=False, indent=2).removeprefix("{")
        click.echo(("\n  ]," if self._begun else f"{_JSON_BEGIN}],") + rest)


_JSON_BEGIN = '{\n  "problems": ['


class _Document:
    """What SARIF and JUnit share: problems are kept until the end."""

    def __init__(self, tally: Tally, *, strict: bool, everything: bool) -> None:
        self.tally = tally
        self.strict = strict
        self.problems: list[Problem] = []
        self._limited = _Limited(None if everything else _MOST_IN_DOCUMENT)

    def add(self, problem: Problem) -> None:
        if self._limited.take(problem):
            self.problems.append(problem)

    def end(self) -> None:
        click.echo(self.document())
        for code, count in self._limited.left_out():
            click.echo(f"{code} and {count:,} more are left out; --all keeps them", err=True)
        _print_sum(self.tally)

    def document(self) -> str:
        raise NotImplementedError


class _Sarif(_Document):
    def document(self) -> str:
        rules = []
        for code in CODES.values():
            found = page(code)
            text = f"{found.prose}\n\nBad:\n{found.bad}\n\nGood:\n{found.good}"
            rules.append(sarif.SarifRule(code.id, code.severity, code.meaning, text))
        return sarif.document(rules, self.problems)


class _JUnit(_Document):
    """A case for each rule and file; it fails by an error, with --strict by a warning too."""

    def document(self) -> str:
        found: dict[tuple[str, str], list[str]] = {}
        for it in self.problems:
            if it.severity == "error" or (self.strict and it.severity == "warning"):
                found.setdefault((it.at.path, it.code), []).append(str(it))
        cases = [
            junit.Case(path, f"{it.id} {it.meaning}", "\n".join(found.get((path, it.id), ())))
            for path in dict.fromkeys(str(row["path"]) for row in self.tally.files)
            for it in CODES.values()
        ]
        return junit.document("cef-bridge lint-cef", cases).removesuffix("\n")


FORMATS: dict[str, type[LintReporter]] = {
    "text": _Text,
    "json": _Json,
    "sarif": _Sarif,
    "junit": _JUnit,
}


def _print_sum(tally: Tally) -> None:
    """Print what was found by code, the counts, the score and what it would take."""
    if tally.by_code:
        rows = [
            (
                code,
                CODES[code].severity,
                f"{count:,}",
                f"{tally.lines_by_code[code]:,}",
                CODES[code].meaning,
            )
            for code, count in sorted(tally.by_code.items())
        ]
        print_table(
            ("code", "severity", "found", "lines", "meaning"), rows, err=True, meaning=by_severity
        )
    click.echo(
        f"{counted(tally.lines, 'line')}: {tally.clean:,} clean, "
        f"{counted(tally.errors, 'error')}, {counted(tally.warnings, 'warning')}",
        err=True,
    )
    if tally.score is not None:
        right = tally.lines - tally.wrong
        said = f"score {tally.score}: {right:,} of {counted(tally.lines, 'line')} without an error."
        print_sentence(f"{said} {tally.advice()}".rstrip(), err=True)
