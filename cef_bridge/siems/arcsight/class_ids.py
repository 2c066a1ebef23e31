"""ArcSight: a categoriser file, which gives events of a class their place in ESM's categories.

The file is a map file of a SmartConnector: the getter `event.deviceEventClassId`, then
`set.event.…` columns (FlexConnector Developer's Guide, "Categorization"). It is looked for by the
device's vendor and product in lower case. Must not know where it is put.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.siems.class_id_rows import ClassIdRow, Form, csv_text

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTE = (
    "This file was not tried on a live SmartConnector. It goes to "
    "user/agent/acp/categorizer/current/kubearmor/kubearmor.csv below the connector's folder."
)

COLUMNS = (
    "event.deviceEventClassId",
    *(
        f"set.event.category{name}"
        for name in ("Object", "Behavior", "Outcome", "DeviceGroup", "Significance", "Technique")
    ),
)

_OBJECTS = {
    "process": "/Host/Resource/Process",
    "file": "/Host/Resource/File",
    "network": "/Host/Application/Service",
    "syscall": "/Host/Operating System",
    "capabilities": "/Host/Operating System",
    "device": "/Host/Resource/Interface",
    "firewall": "/Host/Application/Service",
    "system": "/Host/Application",
    "other": "/Host",
}

_BEHAVIORS = {
    "exec": "/Execute/Start",
    "ptrace": "/Access",
    "open": "/Access",
    "read": "/Access",
    "write": "/Modify/Content",
    "create": "/Create",
    "delete": "/Delete",
    "rename": "/Modify/Attribute",
    "link": "/Create",
    "attr": "/Modify/Attribute",
    "socket": "/Access",
    "connect": "/Communicate/Query",
    "bind": "/Access/Start",
    "listen": "/Access/Start",
    "accept": "/Communicate/Response",
    "dns": "/Communicate/Query",
    "use": "/Execute",
    "setid": "/Modify/Attribute",
    "mount": "/Modify/Configuration",
    "umount": "/Modify/Configuration",
    "attach": "/Access/Start",
    "detach": "/Access/Stop",
    "ingress": "/Communicate/Response",
    "egress": "/Communicate/Query",
    "throttle": "/Execute/Stop",
    "heartbeat": "/Execute",
    "gap": "/Execute/Stop",
    "test": "/Execute",
    "flood": "/Execute",
    "other": "/Execute",
}


class _Verdict(NamedTuple):
    outcome: str
    significance: str
    technique: str = ""


_BREACH = "/Policy/Breach"
_VERDICTS = {
    "block": _Verdict("/Failure", "/Suspicious", _BREACH),
    "unblocked": _Verdict("/Success", "/Suspicious", _BREACH),
    "audit": _Verdict("/Attempt", "/Suspicious", _BREACH),
    "allow": _Verdict("/Success", "/Informational", "/Policy/Compliant"),
    "matched": _Verdict("/Attempt", "/Suspicious", _BREACH),
    "passed": _Verdict("/Success", "/Informational"),
    "denied": _Verdict("/Failure", "/Informational/Warning"),
    "failed": _Verdict("/Failure", "/Informational"),
    "none": _Verdict("/Success", "/Informational"),
}
_WARNING = _Verdict("/Success", "/Informational/Warning")
_WARNINGS = ("throttle", "gap", "flood")  # what says that alerts are missing, or late


def categoriser(classes: Sequence[ClassIdRow]) -> str:
    """Return the categoriser: a head line, then one class a line, without a comment anywhere."""
    return csv_text(COLUMNS, map(_line, classes))


def _line(row: ClassIdRow) -> tuple[str, ...]:
    verdict = _WARNING if row.verb in _WARNINGS else _VERDICTS[row.disposition]
    return (
        row.class_id,
        _OBJECTS[row.operation],
        _BEHAVIORS[row.verb],
        verdict.outcome,
        _device_group(row),
        verdict.significance,
        verdict.technique,
    )


def _device_group(row: ClassIdRow) -> str:
    """Return what speaks: a firewall, a host's intrusion detection, a system's log."""
    if row.operation == "firewall":
        return "/Firewall"
    return {"alert": "/IDS/Host", "log": "/Operating System", "event": "/Application"}[row.kind]


FORMS = {"arcsight": Form(categoriser, NOTE)}
