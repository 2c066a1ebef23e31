"""Line rules about values: their types and lengths, and what receivers make of some keys.

In comes a `ParsedLine`, out come findings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.lines.check import type_fault
from cef_bridge.lines.dictionary import CEF_KEYS, LEEF_KEYS, Key
from cef_bridge.lines.lint import codes
from cef_bridge.lines.lint.guess import MANY_FIELDS, fields_inside, whole_values
from cef_bridge.lines.lint.parts import LineFinding, Pair, ParsedLine
from cef_bridge.lines.lint.registry import reports
from cef_bridge.wording import printable, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?", re.ASCII)
_JSON_MEMBER = re.compile(r'"\s{0,8}:')
# Names of pods: a ReplicaSet's hash and five more of Kubernetes' letters.
_POD = re.compile(
    r"[a-z0-9][a-z0-9.-]{0,240}-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}"
)
_EPOCH_S = re.compile(r"[0-9]{10}")
_EPOCH_MS = re.compile(r"[0-9]{12}")
_TIMES = frozenset(("rt", "start", "end"))
_HOSTS = frozenset(("shost", "dhost"))
_LOST_SLOTS = frozenset(("c6a1", "c6a2", "c6a3", "c6a4"))

_TYPED = {name: row for name, row in CEF_KEYS.items() if row.kind not in {"string", "other"}}
_TYPED_LEEF = {
    # sev and devTime have rules of their own.
    name: row
    for name, row in LEEF_KEYS.items()
    if row.kind not in {"string", "other"} and name not in {"sev", "devTime"}
}
_TYPED_KEYS, _TYPED_LEEF_KEYS = frozenset(_TYPED), frozenset(_TYPED_LEEF)
_SIZED = {name: row.max_length for name, row in CEF_KEYS.items() if row.max_length is not None}
_SIZED_LEEF = {
    name: row.max_length for name, row in LEEF_KEYS.items() if row.max_length is not None
}


def _typed(line: ParsedLine) -> Iterator[tuple[Pair, Key]]:
    leef = line.format == "leef"
    rows = _TYPED_LEEF if leef else _TYPED
    for pair in line.having(_TYPED_LEEF_KEYS if leef else _TYPED_KEYS):
        if pair.value.strip():
            yield pair, rows[pair.key]


@reports(codes.WRONG_TYPE)
def wrong_type(line: ParsedLine) -> Iterator[LineFinding]:
    """A value has the type of its key: a name is no address, and a word is no port.

    Elastic reports an error, Graylog drops the field, and a column for addresses stays empty.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|src=laptop-7 spt=N/A
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|shost=laptop-7 spt=40112
    """
    for pair, row in _typed(line):
        if row.kind == "timestamp" and _ISO.fullmatch(pair.value):
            continue
        # IPv6 under CEF:0 has a rule of its own.
        fault = type_fault(row, pair.value, both_families=":" in pair.value)
        if fault:
            pod = " That is a pod's name." if _POD.fullmatch(pair.value) else ""
            yield LineFinding(pair.at, printable(fault) + pod)


@reports(codes.ISO_TIME)
def iso_time(line: ParsedLine) -> Iterator[LineFinding]:
    """A time is epoch milliseconds, or `MMM dd yyyy HH:mm:ss` (v27, Appendix A): never ISO 8601.

    ArcSight leaves the field out, SC4S uses the header's time, and Sentinel's row has none.
    Epoch seconds are invalid, too: read as milliseconds they are a day of January 1970.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|rt=2026-03-01T10:00:00Z act=Allow
        CEF:0|Acme|Gate|2.1|login|User logged in|3|rt=1772359200 act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|rt=1772359200000 act=Allow
        CEF:0|Acme|Gate|2.1|login|User logged in|3|rt=Mar 01 2026 10:00:00 UTC act=Allow
    """
    if line.format != "cef":
        return
    for pair, row in _typed(line):
        if row.kind != "timestamp":
            continue
        if _ISO.fullmatch(pair.value):
            message = (
                f'{row.name} is "{shown(pair.value)}". CEF has no such time: write epoch '
                "milliseconds, or MMM dd yyyy HH:mm:ss."
            )
            yield LineFinding(pair.at, message)
        elif _EPOCH_S.fullmatch(pair.value):
            yield LineFinding(
                pair.at, f"{row.name} is in seconds. CEF has milliseconds: append 000."
            )


@reports(codes.IPV6)
def ipv6(line: ParsedLine) -> Iterator[LineFinding]:
    """With CEF:0 src, dst, dvc and the like are IPv4; IPv6 goes to c6a1, c6a2 and c6a3.

    ArcSight leaves the field out; Splunk, Elastic and Sentinel read it anyway.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|src=2001:db8::7 act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|c6a2=2001:db8::7 c6a2Label=SourceIPv6
    """
    if line.format != "cef" or line.version == "1":
        return
    for pair, row in _typed(line):
        if (
            row.kind == "ipv4"
            and ":" in pair.value
            and type_fault(row, pair.value, both_families=True) is None
        ):
            yield LineFinding(pair.at, f"{row.name} is IPv6, which CEF:0 has in c6a1 to c6a4.")


@reports(codes.LONG_VALUE)
def long_value(line: ParsedLine) -> Iterator[LineFinding]:
    """A value is no longer than its key allows, counted before escaping.

    act, outcome and the like have 63 characters, most texts 1,023, cs1 to cs6 4,000.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User in|3|externalId=5c1f0a3e-7a42-4f5e-9a39-0d1f3c6b2e11-000171
    Good:
        CEF:0|Acme|Gate|2.1|login|User in|3|externalId=5c1f0a3e-7a42-4f5e-9a39-0d1f3c6b2e11
    """
    sizes = _SIZED_LEEF if line.format == "leef" else _SIZED
    for pair in line.pairs:
        most = sizes.get(pair.key)
        if most is not None and len(pair.value) > most:
            message = f"{pair.key} has {len(pair.value):,} characters. Expected {most:,} at most."
            yield LineFinding(pair.value_at, message)


@reports(codes.ALL_IN_ONE)
def all_in_one(line: ParsedLine) -> Iterator[LineFinding]:
    """Each field of an event has a key of its own.

    Every receiver stores many `name:value` in one value as one text. You cannot search, group
    or correlate by them.

    Bad:
        CEF:0|Acme|Gate|2.1|exec|Program started|3|Alert=Pod:a Host:gate-1 User:ann Pid:71
    Good:
        CEF:0|Acme|Gate|2.1|exec|Program started|3|dvchost=gate-1 suser=ann dpid=71
    """
    if line.text.count(":", line.extension_at) < MANY_FIELDS:
        return
    for pair, value in whole_values(line):
        count = len(fields_inside(value))
        if count:
            message = (
                f"{shown(pair.key)} holds {count:,} fields as name:value. Give each its own key."
            )
            yield LineFinding(pair.at, message)


@reports(codes.JSON_VALUE)
def json_value(line: ParsedLine) -> Iterator[LineFinding]:
    """A value is no JSON document: receivers store it as one text, without searchable fields.

    A document of three members or fewer passes.

    Bad:
        CEF:0|Acme|Gate|2.1|exec|Started|3|AcmeAlert={"pod":"a","user":{"name":"ann","id":7}}
    Good:
        CEF:0|Acme|Gate|2.1|exec|Started|3|suser=ann suid=7 AcmePod=a
    """
    if line.text.count('"', line.extension_at) < 2 * MANY_FIELDS:
        return
    for pair in line.pairs:
        value = pair.value
        if value[:1] in {"{", "["} and len(_JSON_MEMBER.findall(value)) >= MANY_FIELDS:
            yield LineFinding(
                pair.at, f"{shown(pair.key)} holds JSON. Give each member its own key."
            )


@reports(codes.POD_AS_HOST)
def pod_as_host(line: ParsedLine) -> Iterator[LineFinding]:
    """A pod is no host: its name is short-lived, and fills asset lists.

    Splunk's add-on makes `src_ip` of shost.

    Bad:
        CEF:0|Acme|Gate|2.1|exec|Program started|3|shost=shop-7c9f6d5b8-q4xzn act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|exec|Program started|3|cs3=shop-7c9f6d5b8-q4xzn cs3Label=Pod
    """
    if line.format != "cef":
        return
    for pair in line.having(_HOSTS):
        if _POD.fullmatch(pair.value):
            message = f'{pair.key} is "{shown(pair.value)}", a pod. Put it into a custom key.'
            yield LineFinding(pair.at, message)


@reports(codes.PIPE_IN_VALUE)
def pipe_in_value(line: ParsedLine) -> Iterator[LineFinding]:
    """The standard allows pipes in values; older Sentinel agents read one as a field's end.

    Bad:
        CEF:0|Acme|Gate|2.1|open|File opened|3|AcmeFlags=O_RDONLY|O_CLOEXEC
    Good:
        CEF:0|Acme|Gate|2.1|open|File opened|3|AcmeFlags=O_RDONLY,O_CLOEXEC
    """
    if line.format != "cef" or line.text.find("|", line.extension_at) < 0:
        return
    for pair in line.pairs:
        at = pair.raw.find("|")
        if at >= 0:
            message = f"a pipe in the value of {shown(pair.key)}. Write another character."
            yield LineFinding(pair.value_at + at, message)


@reports(codes.UNREAD_TIME)
def unread_time(line: ParsedLine) -> Iterator[LineFinding]:
    """A message has a time that Splunk Connect for Syslog reads.

    It ignores an rt, start or end of 12 digits and more, as epoch milliseconds have, and uses
    the syslog header's time. Without a header the event gets the time of its arrival.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|cnt=1 rt=1772359200000 act=Allow
    Good:
        <134>Mar  1 10:00:00 gate-1 CEF:0|Acme|Gate|2.1|login|In|3|cnt=1 rt=1772359200000
    """
    timed = line.syslog is not None and line.syslog.timestamp
    if line.format != "cef" or timed or line.prefix.raw.strip():
        return
    times = line.having(_TIMES)
    if times and all(_EPOCH_MS.match(pair.value) for pair in times):
        yield LineFinding(
            times[0].at,
            f"{times[0].key} in epoch milliseconds, which SC4S ignores, and no syslog header. "
            "Send one with the event's time.",
        )


@reports(codes.FIRST_KEY)
def first_key(line: ParsedLine) -> Iterator[LineFinding]:
    """Splunk's add-on reads everything up to the first equals sign as the first key's name.

    So it always loses the first pair of a message. Begin with one that is not needed.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow src=192.0.2.7
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|cnt=1 act=Allow src=192.0.2.7
    """
    if line.format == "cef" and line.pairs:
        pair = line.pairs[0]
        if pair.key in CEF_KEYS and pair.key != "cnt":
            message = f"Splunk's add-on loses the first key, here {pair.key}. Begin with cnt=1."
            yield LineFinding(pair.at, message)


@reports(codes.LOST_IPV6)
def lost_ipv6(line: ParsedLine) -> Iterator[LineFinding]:
    """Splunk's add-on empties c6a1 to c6a4, and its rename by label does not know them.

    Bad:
        CEF:0|Acme|Gate|2.1|login|In|3|cnt=1 c6a2=2001:db8::7 c6a2Label=SourceIPv6
    Good:
        CEF:0|Acme|Gate|2.1|login|In|3|cnt=1 src=2001:db8::7
    """
    if line.format != "cef":
        return
    for pair in line.having(_LOST_SLOTS):
        yield LineFinding(pair.at, f"{pair.key}, which Splunk's add-on empties. Use src or dst.")
