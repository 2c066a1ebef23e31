"""What `/metrics` and `/readyz` of a running forwarder say, as the status that they were made of.

In come two texts of another process, out comes a `ForwarderStatus`; the way back of `metrics`. Must
not know how the texts are fetched.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from cef_bridge.forward.metrics import DESTINATION_ROWS, PREFIX, SOURCE_ROWS, name_of
from cef_bridge.forward.status import (
    QUEUE_TROUBLE,
    TROUBLES,
    DestinationStatus,
    ForwarderStatus,
    SourceStatus,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


_LONGEST = 16 << 10  # characters of a line: the parser takes much longer for longer ones


class Scraped(NamedTuple):
    """A forwarder as another process sees it, and its version."""

    status: ForwarderStatus
    version: str


def scraped(metrics: str, ready: str) -> Scraped | None:
    """Return what both texts say; None when they are not those of a cef-bridge.

    `ready` is that of `/readyz`, which has the reasons in words; "" where there is none.
    """
    if any(len(each) > _LONGEST for each in metrics.splitlines()):
        return None
    try:
        samples = [
            (sample.name.removeprefix(PREFIX), sample.labels, sample.value)
            for family in text_string_to_metric_families(metrics)
            for sample in family.samples
            if sample.name.startswith(PREFIX)
        ]
    except Exception:  # noqa: BLE001 - the text of a stranger: the parser fails in many ways
        return None
    version = next(
        (labels.get("version") for name, labels, _ in samples if name == "build_info"), None
    )
    if version is None:
        return None
    sources: dict[str, dict[str, float]] = defaultdict(dict)
    destinations: dict[str, dict[str, float]] = defaultdict(dict)
    reasons: dict[str, dict[str, str]] = defaultdict(dict)
    dropped: dict[str, dict[str, int]] = defaultdict(dict)
    alone: dict[str, float] = {}
    engine = "python"
    for name, labels, value in samples:
        number = value if math.isfinite(value) else 0.0
        destination = labels.get("destination")
        if destination is not None and "reason" not in labels:
            destinations[destination][name] = number
        elif destination is not None and name == "dropped_total":
            dropped[destination][labels["reason"]] = int(number)
        elif destination is not None and name == "destination_trouble" and number:
            reasons[destination][labels["reason"]] = TROUBLES.get(labels["reason"], "in trouble")
        elif "source" in labels and "partition" not in labels:
            sources[labels["source"]][name] = number
        elif name == "engine_info":
            engine = labels.get("engine", engine)
        elif not labels:
            alone[name] = number
    said = ready.splitlines()
    status = ForwarderStatus(
        tuple(_source(name, values, said) for name, values in sources.items()),
        tuple(
            _destination(name, values, reasons[name], dropped[name], said)
            for name, values in destinations.items()
        ),
        "" if alone.get("up", 1) else next(iter(said), "it has failed"),
        "stopping" in said,
        engine,
    )
    return Scraped(status, version)


def _said(said: list[str], what: str) -> str:
    return next((line.removeprefix(what) for line in said if line.startswith(what)), "")


def _source(name: str, values: Mapping[str, float], said: list[str]) -> SourceStatus:
    connected = bool(values.get("source_connected"))
    state = _said(said, f"source {name}: ") or ("connected" if connected else "not connected")
    numbers = {row.name: int(values.get(name_of(row), 0)) for row in SOURCE_ROWS}
    return SourceStatus(
        name,
        connected,
        state,
        numbers["source_gaps"],
        numbers["source_reconnects"],
        numbers["source_bytes"],
    )


def _destination(
    name: str,
    values: Mapping[str, float],
    reasons: Mapping[str, str],
    dropped: dict[str, int],
    said: list[str],
) -> DestinationStatus:
    numbers = {row.name: int(values.get(name_of(row), 0)) for row in DESTINATION_ROWS}
    reason = next((it for it in reasons if it != QUEUE_TROUBLE), "")
    connected = bool(numbers["destination_connected"])
    words = reasons.get(reason, "")
    in_words = _said(said, f"destination {name}: ")
    return DestinationStatus(
        name=name,
        target="",
        connected=connected,
        state=words or ("connected" if connected else "not connected"),
        last_error=(in_words or words) if reason and not connected else "",
        counts=numbers,
        accepted=numbers["queued"],
        confirmed=numbers["confirmed"],
        unconfirmed=numbers["unconfirmed"],
        in_flight=numbers["in_flight_messages"],
        waiting=numbers["queue_messages"],
        dropped={why: number for why, number in dropped.items() if number},
        dead_lettered=numbers["dead_lettered"],
        queue_bytes=numbers["queue_bytes"],
        queue_limit=numbers["queue_limit_bytes"],
        oldest_age=values.get("queue_oldest_age_seconds", 0.0),
        sent=numbers["sent"],
        sent_bytes=numbers["sent_bytes"],
        resent=numbers["resent"],
        breaks=numbers["breaks"],
        trouble=reasons.get(QUEUE_TROUBLE, ""),
        duplicates=numbers["duplicates"],
        reason=reason,
    )
