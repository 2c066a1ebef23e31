"""What a collector received: sentences for people, one JSON object for machines.

In comes a `Snapshot`, out go the lines of the summary, or JSON. Writes nothing itself. Must not
know how it was received.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from cef_bridge.lines.text import cut, sanitize
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.collector.ledger import PeerState, QueueNumbers, Snapshot

_MOST_SENDERS = 10
_MOST_FAULTS = 20
_MOST_GAPS = 5
_LONGEST = 200


def summary(counts: Snapshot) -> list[str]:
    """Return the lines that an operator reads: what came, from whom, and what is wrong with it."""
    came = f"{counted(counts.messages, 'message')} ({counts.bytes:,} bytes)"
    repeated = f"{counts.distinct:,} different, {counts.duplicates:,} duplicate"
    lines = [f"{came}: {repeated}, {counts.faulty:,} with faults"]
    lines += [f"  {_sender(each)}" for each in counts.senders[-_MOST_SENDERS:]]
    if (others := counts.connections - _MOST_SENDERS) > 0:
        lines.append(f"  and {counted(others, 'sender')} before")
    if counts.without_id:
        lines.append(
            f"  {counts.without_id:,} without an event id: each of them counts as different"
        )
    if counts.headless:
        lines.append(
            f"  {counts.headless:,} without a syslog header: Sentinel refuses such a message; "
            "QRadar, Graylog and SC4S take the time of its arrival"
        )
    lines += _told(counts.faults)
    lines += _told(counts.troubles)
    if counts.refused:
        lines.append(f"  {counted(counts.refused, 'connection')} refused: too many at once")
    if counts.datagrams_lost:
        lines.append(
            f"  {counted(counts.datagrams_lost, 'datagram')} dropped by the kernel, because they "
            "came faster than they were read. Send slower, or count only: --no-check"
        )
    lines += [f"  {_numbers(name, queue)}" for name, queue in counts.queues.items()]
    if counts.reused:
        lines.append(
            f"  {counted(counts.reused, 'number')} reused for another event: a queue was "
            "recreated, or several senders number without KubeArmorQueue"
        )
    return lines


def as_json(counts: Snapshot, listeners: Sequence[str], seconds: float) -> bytes:
    """Return the summary as one JSON object and a line end."""
    document = {
        "seconds": round(seconds, 3),
        "listeners": listeners,
        **counts._asdict(),
        "missing": counts.missing,
        "queues": {name: queue._asdict() for name, queue in counts.queues.items()},
        "senders": [each._asdict() for each in counts.senders],
    }
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def _told(faults: dict[str, int]) -> list[str]:
    rows = list(faults.items())
    lines = [f"  {count:,} x {text}" for text, count in rows[:_MOST_FAULTS]]
    if len(rows) > _MOST_FAULTS:
        lines.append(f"  and {counted(len(rows) - _MOST_FAULTS, 'more kind')} of faults")
    return lines


def _sender(sender: PeerState) -> str:
    framing = f" ({sender.framing})" if sender.framing else ""
    ended = f", {sender.ended}" if sender.ended else ""
    return (
        f"{sender.transport} {sender.peer}{framing}: {counted(sender.messages, 'message')}{ended}"
    )


def _numbers(name: str, queue: QueueNumbers) -> str:
    whose = f" of queue {cut(sanitize(name), _LONGEST)}" if name else ""
    head = f"KubeArmorSeq {queue.first:,} to {queue.last:,}{whose}: "
    if not queue.missing:
        return f"{head}none is missing"
    gaps = [
        f"{first:,}" if first == last else f"{first:,} to {last:,}"
        for first, last in queue.gaps[:_MOST_GAPS]
    ]
    more = " and others" if len(queue.gaps) > _MOST_GAPS else ""
    return f"{head}{queue.missing:,} missing ({', '.join(gaps)}{more})"
