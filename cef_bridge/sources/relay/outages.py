"""What is said of a stream that comes and goes: one Notice an outage, or for several soon after.

The times at which a stream came up and broke go in; Notices come out. Pure: clocks are arguments,
in seconds that only grow.
"""

from __future__ import annotations

from cef_bridge.sources.feed import Notice

AWAY = 60.0
"""A stream that is away for so many seconds is reported at once."""

PAUSE = 10.0
"""Between two notices of the same kind so many seconds pass; what comes in between is summed up."""

_LOST = "Events of that time are lost, for KubeArmor keeps none"


class Outages:
    """Keeps count for one stream. It begins as down, which is no outage until AWAY has passed."""

    def __init__(self, name: str, now: float) -> None:
        self.breaks = 0
        self.notices = 0
        self._name = name
        self._down: float | None = now
        self._been_up = False
        self._told = False
        self._count = 0  # outages over, not reported yet
        self._seconds = 0.0
        self._cause = ""
        self._last: float | None = None

    @property
    def is_up(self) -> bool:
        """Whether the stream is there, as far as was said."""
        return self._down is None

    def up(self, now: float) -> float | None:
        """Note that the stream is there; returns for how long it was away, None if it never was."""
        if self._down is None:
            return None
        away = max(now - self._down, 0.0)
        missed = self._been_up or self._told
        if missed:
            self._count += 1
            self._seconds += away
        self._down, self._been_up, self._told = None, True, False
        return away if missed else None

    def broke(self, now: float, cause: str) -> bool:
        """Note that the stream is not there; returns whether it was until now."""
        self._cause = cause
        if self._down is not None:
            return False
        self._down = now
        self.breaks += 1
        return True

    def due(self, now: float, *, last: bool = False) -> list[Notice]:
        """Return what is to be reported now; `last`: there will be no later."""
        found = []
        if self._count and (last or self._last is None or now - self._last >= PAUSE):
            self._last = now
            found.append(self._back())
        if self._down is not None and not self._told:
            away = now - self._down
            if away >= AWAY or (last and self._been_up):
                self._told = True
                found.append(self._gone(away))
        self.notices += len(found)
        return found

    def _back(self) -> Notice:
        times = "was interrupted" if self._count == 1 else f"was interrupted {self._count} times"
        text = (
            f"The stream {times} for {duration(self._seconds)} and is back. {_LOST}. "
            f"Last cause: {self._cause}."
        )
        self._count, self._seconds = 0, 0.0
        return Notice(self._name, "relay-disconnected", text, None)

    def _gone(self, away: float) -> Notice:
        text = (
            f"There has been no stream for {duration(away)}. {_LOST}. "
            f"Cause: {self._cause or 'no answer yet'}."
        )
        return Notice(self._name, "relay-unreachable", text, None)


class Overruns:
    """Keeps count of the times in which more came than was taken, and the relay had to wait."""

    def __init__(self, name: str) -> None:
        self.notices = 0
        self._name = name
        self._seconds = 0.0
        self._last: float | None = None

    def add(self, seconds: float) -> None:
        """Note that so long nothing was read."""
        self._seconds += seconds

    def due(self, now: float, *, last: bool = False) -> list[Notice]:
        """Return what is to be reported now; waits of less than a second are not."""
        recent = self._last is not None and now - self._last < PAUSE
        if self._seconds < 1 or (recent and not last):
            return []
        text = (
            f"Events came faster than they were taken, for {duration(self._seconds)}. The relay "
            "drops what does not fit into its buffer (1,000 alerts, 10,000 logs), and does not say "
            "how many."
        )
        self._seconds, self._last = 0.0, now
        self.notices += 1
        return [Notice(self._name, "relay-overrun", text, None)]


def duration(seconds: float) -> str:
    """Return a time as people say it: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
