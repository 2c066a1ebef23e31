"""Line rules about custom keys (cs1, cn1, c6a2, flexString1 …) and their labels.

In comes a `ParsedLine`, out come findings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.lines.dictionary import LABELS
from cef_bridge.lines.lint import codes
from cef_bridge.lines.lint.parts import LineFinding, Pair, ParsedLine
from cef_bridge.lines.lint.registry import reports
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_SLOTS = {label: slot for slot, label in LABELS.items()}
_SLOT_KEYS, _LABEL_KEYS = frozenset(LABELS), frozenset(_SLOTS)
_SLOTS_AND_LABELS = _SLOT_KEYS | _LABEL_KEYS
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_DATA = re.compile(
    r"[0-9.:-]+|/.*|[0-9a-f]{16,128}|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
    r"|[^@ ]{1,64}@[^@ ]{1,255}|.*-[a-z0-9]{6,10}-[a-z0-9]{5}",
    re.DOTALL,
)
_MOST_LABEL = 200


def labels_of(line: ParsedLine) -> list[Pair]:
    """Return the labels of a CEF line that say something."""
    if line.format != "cef":
        return []
    return [pair for pair in line.having(_LABEL_KEYS) if pair.value]


def slot_of(pair: Pair) -> str:
    """Return the custom key that a label names."""
    return _SLOTS[pair.key]


@reports(codes.NO_LABEL)
def no_label(line: ParsedLine) -> Iterator[LineFinding]:
    """A custom key has its label; without it the meaning of the value is unknown.

    ArcSight shows "cs1". Splunk and Graylog name the field by the label, and lose the value.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|cs1=door 7
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|cs1=door 7 cs1Label=Door
    """
    if line.format != "cef":
        return
    for pair in line.having(_SLOT_KEYS):
        label = LABELS[pair.key]
        if label not in line.keys:
            yield LineFinding(pair.at, f"{pair.key} has no label. Add {label}.")


@reports(codes.NO_VALUE)
def no_value(line: ParsedLine) -> Iterator[LineFinding]:
    """A label has its custom key; alone it has no meaning.

    For some products Graylog makes a field of such a label: a new one for each text.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|cs1Label=Door act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|cs1=door 7 cs1Label=Door act=Allow
    """
    if line.format != "cef":
        return
    for pair in line.having(_LABEL_KEYS):
        slot = _SLOTS[pair.key]
        if slot not in line.keys:
            yield LineFinding(pair.at, f"{pair.key} without {slot}. Add it, or remove both.")


@reports(codes.LABEL_FIRST)
def label_first(line: ParsedLine) -> Iterator[LineFinding]:
    """A value precedes its label.

    Splunk's add-on finds flexString and deviceCustomDate only in this order.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User in|3|cnt=1 flexString1Label=Door flexString1=door 7
    Good:
        CEF:0|Acme|Gate|2.1|login|User in|3|cnt=1 flexString1=door 7 flexString1Label=Door
    """
    if line.format != "cef":
        return
    at: dict[str, int] = {}
    for pair in line.having(_SLOTS_AND_LABELS):
        label = LABELS.get(pair.key)
        if label is not None and label in at:
            yield LineFinding(at[label], f"{label} precedes {pair.key}. Write the value first.")
        at.setdefault(pair.key, pair.at)


@reports(codes.EQUAL_LABELS)
def equal_labels(line: ParsedLine) -> Iterator[LineFinding]:
    """Two custom keys of a message have different labels (v27); one overwrites the other.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User in|3|cs1=door 7 cs1Label=Name cs2=ann cs2Label=Name
    Good:
        CEF:0|Acme|Gate|2.1|login|User in|3|cs1=door 7 cs1Label=Door cs2=ann cs2Label=Guard
    """
    first: dict[str, str] = {}
    for pair in labels_of(line):
        other = first.setdefault(pair.value, pair.key)
        if other != pair.key:
            message = f'{pair.key} is "{shown(pair.value)}", as is {other}. Choose another one.'
            yield LineFinding(pair.at, message)


@reports(codes.LABEL_NAME)
def label_name(line: ParsedLine) -> Iterator[LineFinding]:
    """A label can be the name of a field: a letter, then letters, digits and underscores.

    Splunk and Graylog make a field of it. Queries need quotes for any other name.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User in|3|cnt=1 cs1=door 7 cs1Label=Door (inner)
    Good:
        CEF:0|Acme|Gate|2.1|login|User in|3|cnt=1 cs1=door 7 cs1Label=InnerDoor
    """
    for pair in labels_of(line):
        if not _NAME.fullmatch(pair.value):
            message = (
                f'{pair.key} is "{shown(pair.value)}", which becomes the name of a field. Use '
                "letters, digits and underscores."
            )
            yield LineFinding(pair.at, message)


@reports(codes.LABEL_DATA)
def label_data(line: ParsedLine) -> Iterator[LineFinding]:
    """A label is a constant: it describes the value, and is never a value itself.

    With an address, a path, a number or an id as label, Splunk and Graylog make a field for
    each.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User in|3|cnt=1 cs1=door 7 cs1Label=192.0.2.7
    Good:
        CEF:0|Acme|Gate|2.1|login|User in|3|cnt=1 cs1=192.0.2.7 cs1Label=DoorAddress
    """
    for pair in labels_of(line):
        if len(pair.value) > _MOST_LABEL or _DATA.fullmatch(pair.value):
            yield LineFinding(pair.at, f'{pair.key} is "{shown(pair.value)}", which is data.')
