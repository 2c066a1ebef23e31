"""What the forwarder says of itself, as events like KubeArmor's: heartbeats, gaps, floods, tests.

In come facts and a time, out go raw fields that a mapping converts like any others. Their Type is
CefBridge, which no event of KubeArmor has. Every fact stands in the message, too, for mappings that
drop what they do not know.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPE = "CefBridge"


def heartbeat(host: str, now: float, facts: Mapping[str, object]) -> dict[str, object]:
    """Return a sign of life with the numbers that prove that nothing is missing.

    `now` is in epoch seconds; `facts` are named as they are to stand in the event.
    """
    told = " ".join(f"{name}={value}" for name, value in facts.items())
    return {**_event("Heartbeat", host, now, f"cef-bridge heartbeat: {told}"), **facts}


def gap(
    host: str, now: float, source: str, reason: str, text: str, lost: int | None
) -> dict[str, object]:
    """Return what says that a source may have had events that nobody will see."""
    event = _event("SourceGap", host, now, f"cef-bridge: {text}")
    event |= {"Source": source, "GapReason": reason}
    if lost is not None:
        event["LostEvents"] = lost
    return event


def flood(
    host: str, now: float, source: str, rate: int, container: Mapping[str, str]
) -> dict[str, object]:
    """Return what says that alerts of a container come so fast that some of them go later.

    `container`: KubeArmor's names for it, `rate` what it may have in a second.
    """
    named = {name: value for name, value in container.items() if value}
    who = " ".join(f"{name}={value}" for name, value in named.items())
    text = f"cef-bridge: more than {rate} alerts a second: what is over it goes after others: {who}"
    return {**_event("AlertFlood", host, now, text), "Source": source, **named, "AlertRate": rate}


def test_event(host: str, now: float) -> dict[str, object]:
    """Return an event that tests the way to a collector; each has a mark of its own."""
    mark = os.urandom(4).hex()
    text = f"cef-bridge test event {mark}: if you can read this, messages arrive"
    return {**_event("TestEvent", host, now, text), "TestMark": mark}


def _event(operation: str, host: str, now: float, message: str) -> dict[str, object]:
    moment = datetime.fromtimestamp(now, UTC)
    return {
        "Timestamp": int(now),
        "UpdatedTime": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "HostName": host,
        "Type": TYPE,
        "Operation": operation,
        "Message": message,
    }
