"""Fields of log records, for machines: each sentence has a code, and the facts that are in it.

`fields` is the one way to attach them; `--log-format json` writes them beside the sentence. CODES
lists all codes, and the fields that each may have (docs/logs.md is generated from it). Must not
know who logs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import logging

ATTRIBUTE = "fields"
"""The attribute of a log record that has them."""
OWN = ("time", "level", "logger", "message")
"""What every JSON record has; no field has such a name."""

FIELDS = {
    "addresses": "Where it listens, a list of URLs",
    "blank": "Blank lines",
    "bytes": "Bytes",
    "confirmed": "Messages with a receipt",
    "converted": "Events that became messages",
    "count": "How many",
    "dead_lettered": "Messages that can never be sent",
    "destination": "Name of the destination",
    "different": "Different events",
    "dropped": "Messages that were dropped",
    "duplicates": "Messages of events that had come before",
    "faulty": "Messages with faults",
    "filtered": "Events that the mapping or the destination takes out",
    "found": "Whether the source is there; null where only a connection shows it",
    "files": "Files that a path or glob names",
    "in_flight": "Messages that were sent and have no receipt yet",
    "internal": "Messages of the forwarder itself: heartbeats, gaps, test events",
    "line": "Number of the line, from 1",
    "lost": "How many are lost",
    "mapping": "Name or path of the mapping",
    "messages": "Messages",
    "path": "File or folder",
    "peer": "HOST:PORT of the other side",
    "queue": "File of the queue",
    "reason": "Why: a word of a closed list, or a sentence of another program",
    "received": "Lines received from sources",
    "rejected": "Records that cannot be converted",
    "replayed": "Dead letters that became messages after all",
    "resent": "Messages resent after a connection failure",
    "seconds": "Seconds",
    "skipped": "Lines that are no events",
    "source": "Name of the source; of a relay also of one of its streams, such as `… alerts`",
    "target": "URL of the destination",
    "unconfirmed": "Messages sent without a receipt",
    "used_by": "Source or destination that uses the files",
    "waiting": "Messages that wait in the queue",
}
"""What a field means, whichever record has it. Sizes are numbers, times are seconds."""


class LogCode(NamedTuple):
    """What a code means, and the fields that its records have beside it."""

    meaning: str
    fields: tuple[str, ...] = ()


_COUNTS = (
    *("received", "converted", "filtered", "rejected", "skipped", "blank", "internal", "replayed"),
    *("confirmed", "unconfirmed", "in_flight", "waiting", "dropped", "dead_lettered", "resent"),
)
_TROUBLE = ("destination", "reason", "waiting")
_CAME = ("messages", "bytes", "different", "duplicates", "faulty")

CODES = {
    # forward: its life
    "source": LogCode("At the start: a source", ("source", "found", "files")),
    "destination": LogCode(
        "At the start: a destination", ("destination", "target", "mapping", "queue", "waiting")
    ),
    "queue-folder": LogCode("At the start: the folder of the queues", ("path", "waiting")),
    "metrics": LogCode("At the start: where metrics are served", ("addresses",)),
    "live-page": LogCode(
        "At the start: where the live page is served, or why it is not", ("addresses",)
    ),
    "status": LogCode(
        "Once a minute, for each destination: its counters", ("destination", *_COUNTS)
    ),
    "stopping": LogCode(
        "Asked to stop: what is left, and for how long it is sent", ("waiting", "seconds")
    ),
    "result": LogCode("At the end, for each destination: its counters", ("destination", *_COUNTS)),
    "summary": LogCode("At the end: a sentence about the run", ()),
    "certificates-renewed": LogCode("Changed certificates or secrets are in use", ("used_by",)),
    "certificates-failed": LogCode(
        "Changed certificates or secrets cannot be used; those of before are kept",
        ("used_by", "reason"),
    ),
    "reloaded": LogCode("Mappings and configuration were read again"),
    "reload-failed": LogCode("The new configuration is wrong; the old one is kept", ("reason",)),
    "next-start": LogCode("A setting takes effect at the next start", ("reason",)),
    "queue-unused": LogCode("A queue belongs to no destination in use", ("queue",)),
    "queue-kept": LogCode("A private queue is kept: something is in it", ("path",)),
    "queues-of-earlier-runs": LogCode("Private queues of earlier runs are there", ("count",)),
    "no-syslog-header": LogCode("Nobody set a syslog header, so one was chosen", ("destination",)),
    # sources
    "source-missing": LogCode("A source is not there after five seconds", ("source", "reason")),
    "source-found": LogCode("A source that was missing is there", ("source", "seconds")),
    "source-connected": LogCode("A source is connected", ("source",)),
    "source-trouble": LogCode("A source cannot be read", ("source", "reason")),
    "source-back": LogCode("A source works again", ("source", "seconds")),
    "source-gap": LogCode("Events may have been missed", ("source", "reason", "lost")),
    "source-silent": LogCode(
        "Bytes came, and no record ended in them", ("source", "bytes", "seconds")
    ),
    "source-remark": LogCode("Something about a source is worth a look", ("source", "reason")),
    "partitions": LogCode(
        "Partitions of Kafka were assigned or are taken back", ("source", "count")
    ),
    "commit-failed": LogCode("Kafka does not take offsets now", ("source", "reason")),
    "file-remark": LogCode("Something about files is worth a look", ("source", "count")),
    "file-lost": LogCode("Something of a file was lost", ("reason", "count")),
    "unrouted": LogCode("An event matches the `when` of no destination", ("source", "count")),
    "no-room": LogCode("Events were lost: no room in a queue", ("source", "lost")),
    # destinations
    "connected": LogCode("A destination is connected, for the first time", ("destination", "peer")),
    "trouble": LogCode("Messages cannot be sent", _TROUBLE),
    "recovered": LogCode("A destination takes messages again", ("destination", "peer")),
    "stalled": LogCode("The collector makes us wait", ("destination", "peer", "reason", "seconds")),
    "no-receipts": LogCode("The collector gives no receipts", ("destination", "peer")),
    "receipts": LogCode("The collector gives receipts after all", ("destination", "peer")),
    "dead-letter": LogCode("A message cannot be sent, and is kept", ("destination", "reason")),
    "datagrams-lost": LogCode("Nothing listens where datagrams go", ("destination", "peer")),
    "not-verified": LogCode("A certificate is not verified (`verify=no`)", ("peer",)),
    "file-torn": LogCode("A line that a killed run had begun was cut off", ("path", "bytes")),
    # queues
    "queue-trouble": LogCode("A queue has trouble with its file or its disk", ("queue", "reason")),
    "queue-damaged": LogCode("A queue's file was damaged", ("queue", "reason", "lost")),
    # engine
    "engine-differs": LogCode("The engine and Python differ", ("source", "line")),
    "engine-fault": LogCode("The engine has a fault; Python converts", ("source", "line")),
    # receive and convert
    "listening": LogCode("`receive` listens", ("addresses",)),
    "receiving": LogCode("`receive`, every ten seconds: what came", _CAME),
    "received": LogCode("`receive`, at its end: what came", (*_CAME, "seconds")),
    "fault": LogCode("`receive`: a message or a connection has a fault", ("peer", "reason")),
    "refused": LogCode("`receive` refused a connection", ("peer", "reason")),
    "converted": LogCode(
        "`convert`, at its end: the counts",
        ("received", "converted", "filtered", "rejected", "skipped", "blank", "seconds"),
    ),
    "resuming": LogCode("`convert` resumes an interrupted run"),
    "error": LogCode("The run ended with an error"),
}
"""All codes. Those of DEBUG records are not listed."""


def fields(code: str, **facts: object) -> dict[str, dict[str, object]]:
    """Return what a call of a logger takes as `extra`: the code, and the facts that are known."""
    known = {name: value for name, value in facts.items() if value is not None}
    return {ATTRIBUTE: {"code": code, **known}}


def logger(name: str) -> logging.Logger:
    """Return a logger. For modules that rarely log, and load sooner without it."""
    import logging  # noqa: PLC0415 - it takes 3 ms to load

    return logging.getLogger(name)
