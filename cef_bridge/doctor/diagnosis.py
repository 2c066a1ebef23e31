"""What was tried and what it showed, as plain values, and the one sentence that sums it up.

In come the results of checks, out go rows in the order in which events travel. Tries nothing.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from cef_bridge.wording import counted, printable

Stage = Literal["config", "source", "conversion", "queue", "destination", "forwarder"]
Status = Literal["ok", "warning", "problem", "not tried"]

STAGES: tuple[Stage, ...] = (
    *("config", "source", "conversion"),
    *("queue", "destination", "forwarder"),
)
"""In the order in which an event passes them; the forwarder itself comes last."""

_LONGEST = 600  # characters of a text: what others answer has no end
_BROKEN: dict[Stage, str] = {
    "config": "The config cannot be used",
    "source": "{where} brings nothing",
    "conversion": "Nothing is sent from {where}",
    "queue": "{where} is blocked",
    "destination": "{where} gets nothing",
    "forwarder": "The forwarder has a problem",
}


class Verdict(NamedTuple):
    """What a check found: a fact, and what to do about it, "" where nothing has to be done."""

    status: Status
    text: str
    advice: str = ""


class DiagnosisRow(NamedTuple):
    """A check and its verdict; `where` is the source, the destination or "" for all of them."""

    stage: Stage
    where: str
    check: str
    status: Status
    text: str
    advice: str = ""

    @property
    def result(self) -> str:
        """The text and the advice, as sentences."""
        stop = "" if self.text.endswith((".", "?", "!")) else "."
        return f"{self.text}{stop} {self.advice}".rstrip()


class Diagnosis(NamedTuple):
    """All rows, in the order in which an event passes the links."""

    rows: tuple[DiagnosisRow, ...]

    @property
    def broken(self) -> DiagnosisRow | None:
        """The first broken link."""
        return next((row for row in self.rows if row.status == "problem"), None)

    @property
    def sentence(self) -> str:
        """Why nothing arrives, or that all that was tried works."""
        row = self.broken
        if row is not None:
            begin = _BROKEN[row.stage].format(where=row.where)
            begin = begin[:1].upper() + begin[1:]
            return f"{begin}: {row.result}"
        tried = sum(row.status != "not tried" for row in self.rows)
        odd = [row for row in self.rows if row.status == "warning"]
        if odd:
            first = odd[0]
            where = f"{first.where}: " if first.where else ""
            return (
                f"No broken link found in {counted(tried, 'check')}, and "
                f"{counted(len(odd), 'warning')}. First: {where}{first.result}"
            )
        return f"Everything works: {counted(tried, 'check')}, no problem found."

    @property
    def found(self) -> bool:
        """Whether there is a problem or a warning."""
        return any(row.status in {"problem", "warning"} for row in self.rows)


def ok(text: str) -> Verdict:
    """Return that something is as it should be."""
    return Verdict("ok", text)


def warning(text: str, advice: str = "") -> Verdict:
    """Return something odd that does not keep events from arriving."""
    return _split("warning", text, advice)


def problem(text: str, advice: str = "") -> Verdict:
    """Return what keeps events from arriving."""
    return _split("problem", text, advice)


def not_tried(why: str) -> Verdict:
    """Return that something was not tried, and why."""
    return Verdict("not tried", why)


def _split(status: Status, text: str, advice: str) -> Verdict:
    """Return a verdict; a text without an advice is a sentence with what to do behind it."""
    if not advice:
        fact, stop, rest = text.partition(". ")
        text, advice = (fact, rest) if stop and rest[:1].isupper() else (text, "")
    return Verdict(status, text.removesuffix("."), advice)


def row(stage: Stage, where: str, check: str, verdict: Verdict) -> DiagnosisRow:
    """Return a row that can be printed: texts may come from events, files and servers."""
    status, text, advice = verdict
    shown = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return DiagnosisRow(
        stage, printable(where), printable(check), status, printable(shown), printable(advice)
    )


def ordered(rows: list[DiagnosisRow]) -> Diagnosis:
    """Return a diagnosis: rows by stage, those of a stage in the order in which they came."""
    return Diagnosis(tuple(sorted(rows, key=lambda it: STAGES.index(it.stage))))
