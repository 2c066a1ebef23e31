"""What the package knows of a SIEM, as values: a folder in `siems/` has one `SIEM` of these.

Facts stand here that need no code: its shipped mappings, what its parser does with settings, keys
and labels. Its simulator and its form of class ids are modules of the folder, imported when they
are asked for. Each reason is a sentence for an operator: what happens, then what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.mapping.language.spec import Envelope


class SettingPitfall(NamedTuple):
    """A setting of the envelope that the SIEM does not get on with, and when.

    `rule` is the lint rule that reports it, by its function's name. `at_key` limits it to mappings
    that write this key, `mapping` to one shipped mapping.
    """

    rule: str
    setting: str
    applies: Callable[[Envelope], bool]
    reason: str
    at_key: str = ""
    mapping: str = ""


class NeededKey(NamedTuple):
    """A key without which something is lost there; `mapping` limits it to one shipped mapping."""

    key: str
    reason: str
    mapping: str = ""


class Siem(NamedTuple):
    """A SIEM, or a parser in front of one.

    `name` is what users write (`-m`, `--siem`, `--for`), `title` what sentences call it. Of
    `mappings` the first is the one that its name means, `simulated` the one that `simulate` takes.
    `own_fields`: names of fields that it fills itself. `labels_name_fields`: it names a field by
    its label. `empties`: keys whose values it throws away. `reads_seconds`: a time in seconds is
    read as one. `makes_fields`: what makes a field of a key that it has none for, and whether a
    query can (`made_by_query`); `lists_others_in`: how its fields begin that hold such keys.
    """

    name: str
    title: str
    mappings: tuple[str, ...]
    simulated: str
    settings: tuple[SettingPitfall, ...] = ()
    needs: tuple[NeededKey, ...] = ()
    own_fields: tuple[str, ...] = ()
    labels_name_fields: bool = False
    empties: tuple[str, ...] = ()
    reads_seconds: bool = False
    makes_fields: str = ""
    made_by_query: bool = False
    lists_others_in: str = ""

    def mappings_of(self, fact: SettingPitfall | NeededKey) -> tuple[str, ...]:
        """Return the shipped mappings for which a fact holds."""
        return (fact.mapping,) if fact.mapping else self.mappings


def reads_version_0(title: str) -> SettingPitfall:
    """Return the pitfall of a parser that looks for the characters `CEF:0`."""
    return SettingPitfall(
        "version_unread",
        "cef_version",
        lambda envelope: envelope.cef_version == "1",
        f"{title} reads CEF:0 only. Remove cef_version.",
    )


def takes_host_from_header(title: str) -> SettingPitfall:
    """Return the pitfall of a parser that takes host or time from the syslog header."""
    return SettingPitfall(
        "receiver_setting",
        "syslog_header",
        lambda envelope: envelope.syslog_header == "none",
        f'{title} takes host and time from the syslog header. Say "syslog_header: rfc3164".',
    )


def ends_messages_at_lf(title: str) -> SettingPitfall:
    """Return the pitfall of a listener that knows no octet counting (RFC 6587 3.4.1)."""
    return SettingPitfall(
        "receiver_setting",
        "framing",
        lambda envelope: envelope.framing == "octet-counting",
        f'{title} parts messages by line ends, and takes the count for text. Say "framing: lf".',
    )


def lets_through(envelope: Envelope, *beginnings: str) -> bool:
    """Tell whether one of some texts may stand in a value.

    A shorter text that is broken up takes the longer one along: CEF: also stands in CEF:0.
    """
    return not all(any(text in beginning for text in envelope.defang) for beginning in beginnings)
