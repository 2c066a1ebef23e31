"""The list of class ids in the forms that SIEMs take it in.

In comes nothing but the tables of `events.classes`, out goes the text of a file, with a note on how
far it can be trusted. Must not know where it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.siems.class_id_rows import ClassIdRow, Form, csv_text, rows
from cef_bridge.siems.registry import SIEMS, part

if TYPE_CHECKING:
    from collections.abc import Sequence


def _plain(classes: Sequence[ClassIdRow]) -> str:
    columns = ("id", "name", "category", "severity")
    return csv_text(
        columns, ((row.class_id, row.name, row.operation, row.severity) for row in classes)
    )


FORMS: dict[str, Form] = {
    "csv": Form(_plain),
    **{
        name: form
        for siem in SIEMS.values()
        if (module := part(siem, "class_ids"))
        for name, form in module.FORMS.items()
    },
}


def text(form: str) -> str:
    """Return the whole list in one of `FORMS`."""
    return FORMS[form].write(rows())
