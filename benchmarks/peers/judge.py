"""How many lines a tool got right: they parse strictly, and every value is what the event says.

The expected values come from the JSON alone, not from any mapping. Strict is cef-bridge's own
reader (CEF v27): seven pipes, escapes that are escapes, no `=` left as it is, no key without value,
no control character (the standard does not forbid all of those: lines that have nothing else wrong
are counted apart). A value may stand as the event has it, or as docs/sanitizing.md makes it (white
space around it gone, control characters visible), whole or cut to its key's length.

    python benchmarks/peers/judge.py EVENTS OUTPUT
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import FormatError
from cef_bridge.lines import Cef
from cef_bridge.lines.dictionary import CEF_KEYS
from cef_bridge.lines.text import cut

if TYPE_CHECKING:
    from collections.abc import Iterator

_CEF = Cef()
_LABELS = {
    "cs1": "PolicyName",
    "cs2": "NamespaceName",
    "cs3": "PodName",
    "cs4": "Source",
    "cs5": "Resource",
}
_SAYS = {"cs2": "K8sNamespace", "cs3": "K8sPod"}  # where a label is not its field
_FIELDS = {
    "act": "Action", "cat": "Operation", "dvchost": "HostName", "suid": "UID", "spid": "HostPPID",
    "sproc": "ParentProcessName", "dpid": "HostPID", "dproc": "ProcessName", **_LABELS,
}  # fmt: skip
_AHEAD = 20_000  # lines may come in another order, within so many
_PLACE = re.compile(r'position \d+: | U\+[0-9A-F]+|"[^"]*"')


class Verdict(NamedTuple):
    """Lines written, events that have a right line, and why the other lines are wrong."""

    lines: int
    right: int
    wrong: Counter[str]


def judge(events: Path, output: Path) -> Verdict:
    """Compare a tool's output with the events that it was made of."""
    lines, right = 0, 0
    wrong: Counter[str] = Counter()
    waiting: dict[tuple[str, ...], dict[str, object]] = {}
    with events.open("rb") as told, output.open("rb") as written:
        coming = map(json.loads, told)
        _more(waiting, coming, _AHEAD)
        for raw in written:
            lines += 1
            fault = _fault(raw, waiting)
            if fault:
                wrong[fault] += 1
            else:
                right += 1
            _more(waiting, coming, 1)
            if len(waiting) > 2 * _AHEAD:
                del waiting[next(iter(waiting))]
    return Verdict(lines, right, wrong)


def expected(event: dict[str, object]) -> dict[str, str]:
    """Return the keys and values that an event's line has to have."""
    values = {key: str(event[field]) for key, field in _FIELDS.items() if field in event}
    values["rt"] = f"{event['Timestamp']}{str(event['UpdatedTime'])[20:23]}"
    values["outcome"] = "success" if event["Result"] == "Passed" else "failure"
    labels = {
        f"{key}Label": _SAYS.get(key, field) for key, field in _LABELS.items() if key in values
    }
    return values | labels


def _more(
    waiting: dict[tuple[str, ...], dict[str, object]],
    coming: Iterator[dict[str, object]],
    count: int,
) -> None:
    for _ in range(count):
        event = next(coming, None)
        if event is None:
            return
        values = expected(event)
        waiting[values["rt"], values["dpid"], values["spid"]] = event


def _fault(raw: bytes, waiting: dict[tuple[str, ...], dict[str, object]]) -> str:
    """Return what is wrong with a line, or nothing: then its event waits no longer."""
    try:
        line = raw.removesuffix(b"\n").decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    fault = _read(line, waiting)
    if "raw control character" in fault and not _read(_CEF.neutral(line), waiting):
        return "a raw control character, and nothing else"
    return fault


def _read(line: str, waiting: dict[tuple[str, ...], dict[str, object]]) -> str:
    try:
        message = _CEF.parse(line)
    except FormatError as error:
        return _reason(str(error))
    got = message.extension
    event = waiting.get((got.get("rt", ""), got.get("dpid", ""), got.get("spid", "")))
    if event is None:
        return "no event has this time and process"
    header = (event["Type"], event["Operation"], event.get("Severity", "1"))
    if message.header[3:] != header:
        return "the header is not the event's"
    if differing := _differing(got, expected(event)):
        return f"{differing} is not what the event says"
    del waiting[got["rt"], got["dpid"], got["spid"]]
    return ""


def _reason(text: str) -> str:
    """Return what a fault is, without its place: faults of a kind are counted together."""
    if "is no escape here" in text:
        return "an invalid escape"
    return _PLACE.sub("", text).strip().partition(".")[0][:60]


def _differing(got: dict[str, str], said: dict[str, str]) -> str:
    for key in got.keys() | said.keys():
        if got.get(key, "") != said.get(key, "") and not _same(key, got.get(key), said.get(key)):
            return key
    return ""


def _same(key: str, got: str | None, said: str | None) -> bool:
    if got is None or said is None:
        return False
    row = CEF_KEYS.get(key)
    neutral = _CEF.neutral(said)
    forms = [said.strip(" "), neutral]
    if row and row.max_length:
        forms += [cut(form, row.max_length).rstrip() for form in forms]
    return got.strip(" ") in forms


if __name__ == "__main__":
    print(json.dumps(judge(Path(sys.argv[1]), Path(sys.argv[2]))))
