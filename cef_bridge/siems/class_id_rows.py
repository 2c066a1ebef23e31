"""The class ids with their parts, what a form of their list is, and how rows become CSV.

Must not know any SIEM.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.kubearmor.classes import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class ClassIdRow(NamedTuple):
    """A class id, its parts, its sentence and the severity of an event that nobody rated."""

    class_id: str
    kind: str
    scope: str
    operation: str
    verb: str
    disposition: str
    name: str
    severity: str


class Form(NamedTuple):
    """A form of the list: its writer, and what whoever uses it must know, "" for nothing.

    Files that have comments say it themselves; a CSV has none, so it is said beside it.
    """

    write: Callable[[Sequence[ClassIdRow]], str]
    note: str = ""


def rows() -> list[ClassIdRow]:
    """Return all classes, in the order of the catalogue."""
    found = []
    for row in catalogue():
        kind, scope, operation, verb, disposition = row.class_id.split(".")
        parts = (kind, scope, operation, verb, disposition)
        found.append(ClassIdRow(row.class_id, *parts, row.name, row.severity))
    return found


def csv_text(columns: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    """Return a CSV with a head line (RFC 4180, but lines end in LF, as on the receivers' hosts)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(cells)
    return out.getvalue()
