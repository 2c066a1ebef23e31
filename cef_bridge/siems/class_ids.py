"""The list of class ids in the forms that receivers take it in: one file a receiver.

In comes nothing but the tables of `events.classes`, out goes the text of a file, with a note on how
far it can be trusted. Must not know where it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.siems.arcsight import class_ids as arcsight
from cef_bridge.siems.class_id_rows import ClassIdRow, csv_text, rows
from cef_bridge.siems.qradar import class_ids as qradar
from cef_bridge.siems.sentinel import class_ids as sentinel
from cef_bridge.siems.splunk import class_ids as splunk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Form(NamedTuple):
    """A form of the list: its writer, and what whoever uses it must know, "" for nothing.

    Files that have comments say it themselves; a CSV has none, so it is said beside it.
    """

    write: Callable[[Sequence[ClassIdRow]], str]
    note: str = ""


def _plain(classes: Sequence[ClassIdRow]) -> str:
    columns = ("id", "name", "category", "severity")
    return csv_text(
        columns, ((row.class_id, row.name, row.operation, row.severity) for row in classes)
    )


FORMS: dict[str, Form] = {
    "csv": Form(_plain),
    "qradar": Form(qradar.entries, qradar.NOTE),
    "arcsight": Form(arcsight.categoriser, arcsight.NOTE),
    "splunk": Form(splunk.metadata, splunk.NOTE),
    "splunk-eventtypes": Form(splunk.eventtypes),
    "splunk-tags": Form(splunk.tags),
    "sentinel": Form(sentinel.query),
}


def text(form: str) -> str:
    """Return the whole list in one of `FORMS`."""
    return FORMS[form].write(rows())
