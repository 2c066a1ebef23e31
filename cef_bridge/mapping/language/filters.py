"""Named filters: sets of `drop_events` that a mapping may switch on by name; none is on by default.

In comes nothing; `FILTERS` holds conditions like a mapping's own. Every item asks for
`event.kind: log`, so that no filter ever touches an alert, a throttle mark or a heartbeat. Must
not know how conditions are evaluated.
"""

from __future__ import annotations

from cef_bridge.mapping.language.spec import Condition
from cef_bridge.mapping.language.values import test_of


def _item(**conditions: str) -> tuple[Condition, ...]:
    """One item: `verb="open read"` reads event.verb is open or read; `_` stands for a dot."""
    return tuple(
        Condition(path.replace("_", "."), tuple(test_of(text) for text in texts.split()))
        for path, texts in {"event_kind": "log", **conditions}.items()
    )


_UNDENIED = "passed failed"

FILTERS: dict[str, tuple[tuple[Condition, ...], ...]] = {
    # Policy matches only: all telemetry goes.
    "alerts_only": (_item(),),
    # What a SOC searches: executions, connections, DNS, writes, deletions, and all that was
    # denied. Opens for reading are the bulk of telemetry, most of them of files that do not exist.
    "soc_lean": (
        _item(
            event_disposition=_UNDENIED,
            event_verb=(
                "ptrace open read rename link attr socket bind listen use setid mount umount "
                "attach detach ingress egress other"
            ),
        ),
        _item(event_disposition=_UNDENIED, network_family="AF_UNIX"),
    ),
}

DESCRIPTIONS = {
    "alerts_only": "Drops all telemetry (logs); keeps alerts and KubeArmor's own events.",
    "soc_lean": (
        "Drops telemetry but executions, connects, accepts, DNS, writes, creations, deletions, and "
        "everything that was denied. So opens for reading, sockets and AF_UNIX are dropped."
    ),
}
