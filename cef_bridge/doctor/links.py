"""The checks of one link, one after the other: what follows a broken one is not tried.

In come functions that look, out go rows. A check has a time limit; one that passes it is given up,
and its thread ends with the process. Must not know what is looked at.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from cef_bridge.doctor.diagnosis import Verdict, not_tried, problem, row
from cef_bridge.errors import CefBridgeError
from cef_bridge.sources.records.units import DamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cef_bridge.doctor.diagnosis import DiagnosisRow, Stage

    Look = Callable[[], Verdict]

_SPARE = 2.0  # seconds: most checks have a limit of their own, and a better sentence

_log = logging.getLogger(__name__)


class Link:
    """A link and what was found of it, in `rows`; `limit`: seconds that a check may take."""

    def __init__(self, stage: Stage, where: str, limit: float) -> None:
        self.rows: list[DiagnosisRow] = []
        self.stop = threading.Event()
        self.limit = limit
        self.where = where
        self.stage: Stage = stage
        self._broken = ""

    def run(
        self, check: str, look: Look, *, stage: Stage | None = None, vital: bool = True
    ) -> bool:
        """Add the row of a check; `vital`: without it those behind need not be tried.

        Return whether there is no problem so far.
        """
        verdict = not_tried(f"because of: {self._broken}") if self._broken else self._within(look)
        self._add(check, verdict, stage)
        if verdict.status == "problem" and vital:
            self._broken = check
        return not self._broken

    def any_of(self, looks: Iterable[tuple[str, Look]]) -> bool:
        """Add the rows of checks of which one must succeed: a failure beside that is a warning."""
        checks = list(looks)
        if self._broken or not checks:
            for check, look in checks:
                self.run(check, look)
            return not self._broken
        verdicts = [(check, self._within(look)) for check, look in checks]
        works = any(verdict.status != "problem" for _, verdict in verdicts)
        for check, verdict in verdicts:
            failed = verdict.status == "problem"
            self._add(check, verdict._replace(status="warning") if works and failed else verdict)
            self._broken = self._broken or ("" if works else check)
        return works

    def adopt(self, rows: Sequence[DiagnosisRow]) -> None:
        """Add rows of other links that this one rests on: a problem among them breaks it."""
        self.rows += rows
        broken = next((it.check for it in rows if it.status == "problem"), "")
        self._broken = self._broken or broken

    def _add(self, check: str, verdict: Verdict, stage: Stage | None = None) -> None:
        self.rows.append(row(stage or self.stage, self.where, check, verdict))

    def _within(self, look: Look) -> Verdict:
        """Return a check's verdict, or that it took too long."""
        found: list[Verdict] = []

        def work() -> None:
            found.append(_verdict(look))

        thread = threading.Thread(target=work, name="check", daemon=True)
        thread.start()
        thread.join(self.limit + _SPARE)
        if found:
            return found[0]
        self.stop.set()
        return problem(
            f"no result within {self.limit:g} seconds", "Try again with a longer --timeout."
        )


def _verdict(look: Look) -> Verdict:
    try:
        return look()
    except CefBridgeError as error:
        return problem(str(error))
    except OSError as error:
        return problem(error.strerror or "an error of the system")
    except DamagedError as error:
        return problem(f"it cannot be read: {error}")
    except Exception:  # noqa: BLE001 - one check that fails must not hide the others
        return _failed()


def _failed() -> Verdict:
    _log.debug("check", exc_info=True)
    return problem(
        "an error inside the program ended this check",
        "Run it again with -v, and report what that shows.",
    )


def side_by_side(works: Sequence[Callable[[], list[DiagnosisRow]]]) -> list[list[DiagnosisRow]]:
    """Run links at the same time: most of their time is waiting. Return their rows in order."""
    found: list[list[DiagnosisRow]] = [[] for _ in works]

    def keep(at: int, work: Callable[[], list[DiagnosisRow]]) -> None:
        try:
            found[at] = work()
        except Exception:  # noqa: BLE001 - as above: a link that is not looked at must be seen
            found[at] = [row("config", "", "check", _failed())]

    threads = [
        threading.Thread(target=keep, args=(at, work), name="link", daemon=True)
        for at, work in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:  # each check has its limit
        thread.join()
    return found
