"""ATT&CK's names of the tactics and techniques that the shipped rules have.

In come ids as rules have them, out come names and addresses. A technique has the tactics that
ATT&CK lists it under. The names are those of MITRE ATT&CK for Enterprise. Must not know rules.
"""

from __future__ import annotations

from typing import NamedTuple

_PAGES = "https://attack.mitre.org"


class AttackTactic(NamedTuple):
    """A tactic: its id (TA0002) and its name (Execution)."""

    id: str
    name: str

    @property
    def reference(self) -> str:
        """The address of its page."""
        return f"{_PAGES}/tactics/{self.id}/"


class AttackTechnique(NamedTuple):
    """A technique or a part of one: its id (T1059.004), its name and its tactics."""

    id: str
    name: str
    tactics: tuple[str, ...]

    @property
    def reference(self) -> str:
        """The address of its page."""
        return f"{_PAGES}/techniques/{self.id.replace('.', '/')}/"

    @property
    def parent(self) -> str:
        """The id of the technique that it is a part of; its own when it is none."""
        return self.id.partition(".")[0]


TACTICS = {
    name: AttackTactic(*row)
    for name, row in {
        "initial-access": ("TA0001", "Initial Access"),
        "execution": ("TA0002", "Execution"),
        "persistence": ("TA0003", "Persistence"),
        "privilege-escalation": ("TA0004", "Privilege Escalation"),
        "defense-evasion": ("TA0005", "Defense Evasion"),
        "credential-access": ("TA0006", "Credential Access"),
        "discovery": ("TA0007", "Discovery"),
        "lateral-movement": ("TA0008", "Lateral Movement"),
        "collection": ("TA0009", "Collection"),
        "exfiltration": ("TA0010", "Exfiltration"),
        "command-and-control": ("TA0011", "Command and Control"),
        "impact": ("TA0040", "Impact"),
    }.items()
}
"""The tactics by their names in Sigma's tags."""

_EVASION, _ESCALATION, _PERSISTENCE = "defense-evasion", "privilege-escalation", "persistence"
TECHNIQUES = {
    row[0]: AttackTechnique(row[0], row[1], row[2:])
    for row in (
        ("T1003", "OS Credential Dumping", "credential-access"),
        ("T1003.008", "/etc/passwd and /etc/shadow", "credential-access"),
        ("T1036", "Masquerading", _EVASION),
        ("T1040", "Network Sniffing", "credential-access", "discovery"),
        ("T1053", "Scheduled Task/Job", "execution", _PERSISTENCE, _ESCALATION),
        ("T1053.003", "Cron", "execution", _PERSISTENCE, _ESCALATION),
        ("T1055", "Process Injection", _EVASION, _ESCALATION),
        ("T1055.008", "Ptrace System Calls", _EVASION, _ESCALATION),
        ("T1059", "Command and Scripting Interpreter", "execution"),
        ("T1059.004", "Unix Shell", "execution"),
        ("T1098", "Account Manipulation", _PERSISTENCE, _ESCALATION),
        ("T1098.004", "SSH Authorized Keys", _PERSISTENCE, _ESCALATION),
        ("T1105", "Ingress Tool Transfer", "command-and-control"),
        ("T1200", "Hardware Additions", "initial-access"),
        ("T1496", "Resource Hijacking", "impact"),
        ("T1528", "Steal Application Access Token", "credential-access"),
        ("T1548", "Abuse Elevation Control Mechanism", _ESCALATION, _EVASION),
        ("T1548.001", "Setuid and Setgid", _ESCALATION, _EVASION),
        ("T1562", "Impair Defenses", _EVASION),
        ("T1562.001", "Disable or Modify Tools", _EVASION),
        ("T1562.006", "Indicator Blocking", _EVASION),
        ("T1609", "Container Administration Command", "execution"),
        ("T1611", "Escape to Host", _ESCALATION),
        ("T1620", "Reflective Code Loading", _EVASION),
    )
}
"""The techniques by their ids."""


def by_tactic(tactics: tuple[str, ...], techniques: tuple[str, ...]) -> dict[str, list[str]]:
    """Return a rule's techniques under those of its tactics that have them.

    A technique none of whose tactics the rule has comes under its own first one.
    """
    found: dict[str, list[str]] = {name: [] for name in tactics}
    for technique in techniques:
        own = TECHNIQUES[technique].tactics
        for name in [it for it in own if it in tactics] or own[:1]:
            found.setdefault(name, []).append(technique)
    return found
