"""What a run of `convert` came to: sentences for people, a report for machines.

In comes a Run that has ended, out go the lines of the summary and the report's JSON. Writes
nothing itself. Must not know how the run was made.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge import __version__
from cef_bridge.cli.earlier import with_earlier_keys
from cef_bridge.engine.native import NATIVE
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from cef_bridge.convert.conversion import ConvertResult
    from cef_bridge.engine.native import EngineStatus
    from cef_bridge.stats import Stats

_MOST_REASONS = 10
_STEADY = 0.1  # seconds; a rate from less is no rate


class Asked(NamedTuple):
    """What the operator asked for, as far as the outcome has to be told apart by it.

    `withheld`: the output file, which is not written when the run does not come to its end.
    """

    mapping: str
    output: str | None
    rejects: str | None
    withheld: str | None
    assumed_time: bool
    engine: EngineStatus
    state: str | None = None


def summary(run: ConvertResult, asked: Asked, seconds: float) -> list[str]:
    """Return the lines that an operator reads on stderr: the counts, then what to do about them."""
    stats = run.stats
    rate = f", {stats.records / seconds:,.0f} events/s" if seconds >= _STEADY else ""
    counts = (
        f"{counted(stats.lines, 'line')}: {stats.converted:,} converted, "
        f"{stats.filtered:,} filtered, "
        f"{stats.rejected:,} rejected, {stats.noise:,} skipped, {stats.blank:,} blank "
        f"({seconds:.2f} s{rate}; engine: {_engine(stats, asked.engine)})"
    )
    lines = [counts, *_compared(stats), *_rejected(stats, asked)]
    if stats.without_time and not asked.assumed_time:
        say = "event says" if stats.without_time == 1 else "events say"
        lines.append(
            f"  {stats.without_time:,} {say} no time: no rt in the message. --assume-time gives one"
        )
    if stats.noise and not stats.records:
        lines.append("  no KubeArmor event found. To list the other lines: --strict --rejects PATH")
    if run.stopped:
        what = f"; {asked.withheld} was not written" if asked.withheld else ""
        on = "; run the same command to resume" if asked.state else ""
        lines.append(f"interrupted: these are the results so far{what}{on}")
    return lines


def counters(run: ConvertResult, seconds: float) -> dict[str, object]:
    """Return the counts of the first line, as fields of its log record."""
    stats = run.stats
    return {
        "received": stats.lines,
        "converted": stats.converted,
        "filtered": stats.filtered,
        "rejected": stats.rejected,
        "skipped": stats.noise,
        "blank": stats.blank,
        "seconds": round(seconds, 3),
    }


def _engine(stats: Stats, engine: EngineStatus) -> str:
    """Return which engine did the work."""
    if engine.engine != NATIVE:
        return str(engine)
    return f"{NATIVE}, {stats.left:,} of {counted(stats.lines, 'line')} left to Python"


def _compared(stats: Stats) -> list[str]:
    """Return what came of the comparison of the engine with Python, if there was one."""
    if not stats.compared:
        return []
    compared = counted(stats.compared, "line")
    return [f"  {compared} compared with Python's: {stats.differed:,} different"]


def _rejected(stats: Stats, asked: Asked) -> list[str]:
    lines = []
    for reason, count in stats.reasons.most_common(_MOST_REASONS):
        first = stats.firsts[reason]
        which = "" if count == 1 else "the first "
        lines.append(f"  rejected {count:,}, {which}at {first.place}: {first.reason}")
    if len(stats.reasons) > _MOST_REASONS:
        lines.append(f"  and {len(stats.reasons) - _MOST_REASONS:,} more reasons")
    if stats.rejected and asked.rejects is None:
        lines.append("  --rejects PATH keeps what was rejected")
    return lines


def report(run: ConvertResult, asked: Asked, seconds: float, digest: str | None) -> bytes:
    """Return the run as JSON: the sums, the counts by type, operation, class id and reason.

    `digest` is the SHA-256 of the file of messages. Each input is there with its own, of the bytes
    as they stand on the disk; it has none when it was not read to its end.
    """
    stats = run.stats
    document = {
        "version": __version__,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "complete": not run.stopped,
        "engine": asked.engine.engine,
        "engine_left": stats.left if asked.engine.engine == NATIVE else None,
        "mapping": asked.mapping,
        "output": asked.output,
        "output_sha256": digest,
        "lines": stats.lines,
        "records": stats.records,
        "skipped": stats.noise,
        "blank": stats.blank,
        "converted": stats.converted,
        "filtered": stats.filtered,
        "rejected": stats.rejected,
        "without_time": stats.without_time,
        "types": _by(stats, 0),
        "operations": _by(stats, 1),
        "class_ids": _by(stats, 2),
        "reasons": dict(stats.reasons.most_common()),
        "envelopes": dict(sorted(stats.envelopes.items(), key=lambda it: (-it[1], it[0]))),
        "inputs": run.inputs,
    }
    # Types and paths may hold what UTF-8 has not (a lone surrogate): orjson refuses it.
    return json.dumps(with_earlier_keys(document), indent=2).encode() + b"\n"


def _by(stats: Stats, place: int) -> dict[str, int]:
    counts: dict[str, int] = {}
    for kind, number in stats.kinds.items():
        name = str(kind[place] or "")
        counts[name] = counts.get(name, 0) + number
    # What comes as often as another stands in the order of the names, whoever met it first.
    return dict(sorted(counts.items(), key=lambda it: (-it[1], it[0])))
