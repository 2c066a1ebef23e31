"""Microsoft Sentinel: a query (KQL) that joins the classes to the events of CommonSecurityLog.

DeviceEventClassID is the column that holds a class id. Must not know workspaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.siems.class_id_rows import Form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.siems.class_id_rows import ClassIdRow

_HEAD = """\
// KubeArmor's classes of events, joined to the events themselves. Save the part up to the first ;
// as a function to use it in other queries. Not tried on a live workspace.
// Written by: cef-bridge mapping class-ids --format sentinel
let KubeArmorClasses = datatable(DeviceEventClassID: string, ClassName: string, Kind: string,
    Scope: string, Operation: string, Verb: string, Disposition: string, DefaultSeverity: int)
[
"""

_TAIL = """
];
CommonSecurityLog
| where DeviceVendor == "KubeArmor" and DeviceProduct == "KubeArmor"
| join kind=leftouter KubeArmorClasses on DeviceEventClassID
| summarize Events = count() by DeviceEventClassID, ClassName, Kind, Operation, Disposition
| order by Events desc
"""


def query(classes: Sequence[ClassIdRow]) -> str:
    """Return the query. Texts of the tables hold no quotes and no backslashes."""
    lines = []
    for row in classes:
        texts = (row.class_id, row.name, row.kind, row.scope, row.operation, row.verb)
        quoted = ", ".join(f'"{text}"' for text in (*texts, row.disposition))
        lines.append(f"    {quoted}, {row.severity}")
    return _HEAD + ",\n".join(lines) + _TAIL


FORMS = {"sentinel": Form(query)}
