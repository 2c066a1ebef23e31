"""The examples of some mappings and of the files beside them, run; and what would make them pass.

In come names and paths, out comes what became of each example, with what could not be run and why.
Must not know how that is shown, nor write a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import MappingError
from cef_bridge.mapping import examples, testfiles
from cef_bridge.mapping.language import beside
from cef_bridge.mapping.language.edit import ExampleEdit
from cef_bridge.mapping.program.compile import Program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cef_bridge.errors import Problem
    from cef_bridge.mapping.language.spec import Mapping


class Ran(NamedTuple):
    """One example that was run: its number in its file, and whether that file is no shipped one.

    `keys` are those of the line of an example that fails, in its order.
    """

    mapping: str
    file: Path
    number: int
    mine: bool
    outcome: examples.ExampleResult
    keys: tuple[str, ...]


class TestReport(NamedTuple):
    """What became of all examples. `notes` are sentences about what there was not to run."""

    ran: list[Ran]
    problems: list[Problem]
    notes: list[str]

    @property
    def failed(self) -> int:
        """How many examples did not give what they expect."""
        return sum(not each.outcome.passed for each in self.ran)


def run(names: Iterable[str]) -> TestReport:
    """Run all examples that belong to some mappings, each file of examples once."""
    report = TestReport([], [], [])
    problems: dict[Problem, None] = {}
    seen: set[Path] = set()
    for name in names:
        try:
            suite = testfiles.suite(name)
        except MappingError as error:
            problems |= dict.fromkeys(error.problems)
            continue
        problems |= dict.fromkeys(suite.problems)
        for file in suite.files:
            if beside.is_test_file(file.path):
                path = file.path.resolve()
                if path in seen:
                    continue
                seen.add(path)
            report.ran.extend(_run(suite.mapping, file))
        report.notes.extend(_notes(suite))
    report.problems.extend(problems)
    return report


def _run(mapping: Mapping, file: testfiles.Examples) -> Iterator[Ran]:
    program = Program(mapping)
    outcomes = examples.run(mapping, file.examples)
    for number, (example, outcome) in enumerate(zip(file.examples, outcomes, strict=True)):
        keys = () if outcome.passed else tuple(examples.written(program, example.event))
        yield Ran(mapping.name, file.path, number, file.mine, outcome, keys)


def _notes(suite: testfiles.Suite) -> list[str]:
    notes = [
        f"{path} names {mapping}, so it was not run for {suite.mapping.path}. Name it to run it."
        for path, mapping in suite.others
    ]
    if not any(file.examples for file in suite.files) and not suite.problems:
        own = f"{Path(suite.mapping.path).stem}{beside.SUFFIX}"
        notes.append(
            f'{suite.mapping.name} has no examples. Write some under "examples:", '
            f"in it or in {own} beside it."
        )
    return notes


def changes(report: TestReport) -> dict[Path, list[ExampleEdit]]:
    """Return what the files of failing examples would have to expect; shipped ones stay."""
    wanted: dict[Path, list[ExampleEdit]] = {}
    for each in report.ran:
        if each.mine and not each.outcome.passed:
            wanted.setdefault(each.file, []).extend(
                ExampleEdit(each.number, key, expected, got)
                for key, expected, got in each.outcome.differences
            )
    return wanted
