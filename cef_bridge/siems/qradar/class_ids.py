"""QRadar: what is needed to make QID map entries, one class id a row.

QRadar looks an event up by its event id and its category, which for LEEF are EventID and `cat`, and
`cat` is KubeArmor's Operation as written. The low-level categories are those that IBM lists under
"Event categories" (QRadar 7.5: Access 4000, System 8000, Policy 9000); `qidmap_cli.sh -l` lists
what an installation has. Must not know how entries are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.siems.class_id_rows import ClassIdRow, Form, csv_text

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTE = (
    "These entries were not tried on a live QRadar. Compare the low-level categories with what "
    "`qidmap_cli.sh -l` lists there."
)

COLUMNS = (
    "event_id",
    "category",
    "qid_name",
    "description",
    "severity",
    "low_level_category_id",
    "low_level_category",
)

# Ours -> KubeArmor's Operation. Empty where no one word stands in `cat`: messages of KubeArmor have
# no Operation, and "other" is whatever this version does not know.
CATEGORIES = {
    "process": "Process",
    "file": "File",
    "network": "Network",
    "syscall": "Syscall",
    "capabilities": "Capabilities",
    "device": "Device",
    "firewall": "NetworkFirewall",
    "other": "",
    "throttle": "AlertThreshold",
    "heartbeat": "Heartbeat",
    "gap": "SourceGap",
    "test": "TestEvent",
    "flood": "AlertFlood",
}

LOW_LEVEL = {
    4002: "Firewall Permit",
    4003: "Firewall Deny",
    4005: "Misc Network Communication Event",
    8006: "System Status",
    8014: "Successful File Modification",
    8021: "Failed File Modification",
    8028: "File Created",
    8033: "File Deleted",
    8036: "System Informational",
    8037: "System Action Allow",
    8038: "System Action Deny",
    8052: "Information",
    8053: "Notice",
    8058: "Messages",
    9012: "Misc Policy Violation",
}

_OWN = {
    "heartbeat": 8006,
    "gap": 8053,
    "flood": 8053,
    "throttle": 8053,
    "test": 8052,
    "other": 8058,
}
_FIREWALL = {"block": 4003, "denied": 4003, "failed": 4005}
_ALERTS = {"block": 8038, "allow": 8037, "audit": 9012, "unblocked": 9012, "matched": 9012}
_CHANGES = ("write", "rename", "link", "attr")
_PASSED = {"create": 8028, "delete": 8033, **dict.fromkeys(_CHANGES, 8014)}
_FAILED = dict.fromkeys(("create", "delete", *_CHANGES), 8021)


def entries(classes: Sequence[ClassIdRow]) -> str:
    """Return a CSV with a head line: what a QID map entry and its event mapping need."""
    return csv_text(COLUMNS, map(_entry, classes))


def _entry(row: ClassIdRow) -> tuple[str, ...]:
    number = _low_level(row)
    category = CATEGORIES[row.verb if row.operation == "system" else row.operation]
    # One sentence stands for containers and for hosts; as names of events they must differ.
    name = f"{row.name} ({row.scope})"
    description = f"KubeArmor {row.kind} {row.class_id}"
    return row.class_id, category, name, description, row.severity, str(number), LOW_LEVEL[number]


def _low_level(row: ClassIdRow) -> int:
    if row.kind == "event":
        return _OWN[row.verb]
    if row.operation == "firewall":
        return _FIREWALL.get(row.disposition, 4002)
    if row.kind == "alert":
        return _ALERTS[row.disposition]
    if row.disposition == "denied":
        return 8038
    if row.operation == "network":
        return 4005
    return (_PASSED if row.disposition == "passed" else _FAILED).get(row.verb, 8036)


FORMS = {"qradar": Form(entries, NOTE)}
