"""The surveys that pages asked for: each in a thread, one at a time for a page, a few at all.

In come texts, out go the plain values of `Survey` in `studio/src/api.ts`. Counts nothing itself:
`workbench.survey` does. Must not know requests.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from cef_bridge.errors import CefBridgeError
from cef_bridge.studio.problems import StudioError, problem, problem_of
from cef_bridge.workbench.places import place
from cef_bridge.workbench.survey import SampleSurvey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.studio.workspace import Workspace
    from cef_bridge.workbench.sample import SampleEvent

_MOST_RUNNING = 4
_MOST_KEPT = 16
_KINDS = {"gained": "added", "lost": "removed", "changed": "changed"}
_LOST = ("lost", "partial")
_MOST_ROWS = 2000


class Surveys:
    """All surveys of one studio."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._known: OrderedDict[str, RunningSurvey] = OrderedDict()

    def begin(self, text: str, page: str) -> RunningSurvey:
        """Begin one; the page's last one ends. StudioError when there are too many."""
        with self._lock:
            for each in self._known.values():
                if each.page == page:
                    each.cancel()
            if sum(each.runs for each in self._known.values()) >= _MOST_RUNNING:
                raise StudioError(429, "Too many surveys run.", "Close other tabs of the studio.")
            survey = RunningSurvey(self._workspace, text, page)
            self._known[survey.id] = survey
            while len(self._known) > _MOST_KEPT:
                self._known.popitem(last=False)[1].cancel()
        survey.start()
        return survey

    def find(self, id_: str) -> RunningSurvey:
        """Return one by its id; StudioError when it is not known."""
        with self._lock:
            found = self._known.get(id_)
        if found is None:
            raise StudioError(404, "This survey is not known any more.", "Begin another one.")
        return found

    def end(self) -> None:
        """End all of them, and wait for their threads."""
        with self._lock:
            every = [*self._known.values()]
        for each in every:
            each.cancel()
        for each in every:
            each.join(5)


class RunningSurvey(threading.Thread):
    """A survey in its thread, and how far it is."""

    def __init__(self, workspace: Workspace, text: str, page: str) -> None:
        super().__init__(name="survey", daemon=True)
        self.id = secrets.token_hex(8)
        self.page = page
        self._workspace = workspace
        self._text = text
        self._events: Sequence[SampleEvent] = [*workspace.sample.events]
        self._ended = threading.Event()
        self._state = "running"
        self._problem: dict[str, object] | None = None
        self._done = 0
        self._survey: SampleSurvey | None = None

    @property
    def runs(self) -> bool:
        """Whether it is under way."""
        return self._state == "running" and not self._ended.is_set()

    def cancel(self) -> None:
        """End it after the block in hand."""
        self._ended.set()

    def run(self) -> None:
        """Run it; see `threading.Thread`."""
        try:
            self._workspace.foreground.wait()
            converter = self._workspace.compiled(self._text).converter
            survey = SampleSurvey(self._events, converter, self._workspace.base())
            for done in survey.steps():
                self._done = done
                if self._ended.is_set():
                    self._state = "cancelled"
                    return
                self._workspace.foreground.wait()
        except CefBridgeError as error:
            self._fail(problem_of(error))
        except Exception:  # noqa: BLE001 - the page is told, whatever it was
            self._fail(
                problem(
                    "An error inside the program ended the survey.",
                    "Report it, with the mapping and the events.",
                )
            )
        else:
            self._survey = survey
            self._state = "done"

    def _fail(self, said: dict[str, object]) -> None:
        self._problem = said
        self._state = "failed"

    def answer(self) -> dict[str, object]:
        """Return what is known by now; the counts are there when it is done."""
        cancelled = self._state == "running" and self._ended.is_set()
        state = "cancelled" if cancelled else self._state
        done, survey = self._done, self._survey
        answer: dict[str, object] = {
            "id": self.id,
            "state": state,
            "problem": self._problem,
            "done": done,
            "of": len(self._events),
        }
        return answer | (_counts(survey, self._workspace.path) if survey else _NOTHING)


_NOTHING: dict[str, object] = {
    "severities": [0] * 11,
    "sizes": {"least": 0, "median": 0, "most": 0, "over": 0, "limit": 0},
    "outcomes": {"converted": 0, "filtered": 0, "rejected": 0},
    "coverage": [],
    "rules": [],
    "diff": None,
}


def _counts(survey: SampleSurvey, own: str) -> dict[str, object]:
    return {
        "severities": survey.diff.levels,
        "sizes": _sizes(survey),
        "outcomes": {
            "converted": survey.converted,
            "filtered": survey.filtered,
            "rejected": survey.rejected,
        },
        "coverage": [
            {
                "path": row.path,
                "events": row.events,
                "mapped": row.fates.get("mapped", 0),
                "leftover": row.fates.get("unmapped", 0),
                "lost": sum(row.fates.get(kind, 0) for kind in _LOST),
                "keys": list(row.keys[:20]),
            }
            for row in survey.coverage.fields()[:_MOST_ROWS]
        ],
        "rules": [
            {
                "key": row.key,
                "line": row.at.line if place(row.at) else 0,
                "own": row.at.path == own,
                "fired": row.fired,
            }
            for row in survey.coverage.rules()
        ],
        "diff": _diff(survey) if survey.compares else None,
    }


def _sizes(survey: SampleSurvey) -> dict[str, int]:
    sizes = sorted(survey.diff.sizes.items())
    half, seen, median = (sum(count for _, count in sizes) + 1) // 2, 0, 0
    for size, count in sizes:
        seen += count
        if seen >= half:
            median = size
            break
    return {
        "least": sizes[0][0] if sizes else 0,
        "median": median,
        "most": sizes[-1][0] if sizes else 0,
        "over": survey.coverage.truncated_events,
        "limit": survey.limit,
    }


def _diff(survey: SampleSurvey) -> dict[str, object]:
    diff = survey.diff
    keys: dict[str, dict[str, int]] = {}
    for (kind, key), number in diff.changes.items():
        row = keys.setdefault(key, {"added": 0, "removed": 0, "changed": 0})
        row[_KINDS[kind]] += number
    if moved := diff.severities.total():
        keys["header.severity"] = {"added": 0, "removed": 0, "changed": moved}
    return {
        "same": diff.same + diff.filtered,
        "changed": diff.different + diff.only_old + diff.only_new,
        "keys": [
            {"key": key, **row}
            for key, row in sorted(keys.items(), key=lambda it: (-sum(it[1].values()), it[0]))
        ],
        "samples": [it._asdict() for it in diff.changed],
    }
