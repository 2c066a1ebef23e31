"""Lint rules about settings that one receiver does not get on with, as its code or papers show.

Which settings, when and why, stands with each SIEM (`siems`); here are the rules' pages. A mapping
is for a SIEM when it, or one that it extends, has the name of its shipped mapping. In comes a
`LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.mapping.language import codes
from cef_bridge.mapping.lint.context import LintFinding
from cef_bridge.mapping.lint.registry import reports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.mapping.lint.context import LintContext


@reports(codes.TIME_LOST)
def time_lost(view: LintContext) -> Iterator[LintFinding]:
    """A mapping for Splunk that writes rt has an RFC 5424 header.

    SC4S ignores an rt of 12 and more digits, and uses the header's time instead. In RFC 3164
    this has whole seconds and no zone. Without a header it is the time of arrival. (SC4S
    accepts an rt in words, `Mar 03 2026 09:00:00`, which has whole seconds, too.)

    Bad:
        extends: splunk
        envelope: {syslog_header: rfc3164}
    Good:
        extends: splunk
        envelope: {syslog_header: rfc5424}
    """
    yield from _met(view, "time_lost")


@reports(codes.FORGED_RECORD)
def forged_record(view: LintContext) -> Iterator[LintFinding]:
    """In a mapping for Splunk or Graylog no value may contain the beginning of a record.

    SC4S looks for the last `CEF:0` of a line, Graylog for the last `CEF:` and a digit. So an
    attacker who runs `echo "CEF:0|…"` replaces the real record. A child's `defang` replaces its
    parent's, so it has to list all beginnings.

    Bad:
        extends: splunk
        envelope: {defang: ["LEEF:"]}
    Good:
        extends: splunk
        envelope: {defang: ["CEF:0", "LEEF:", "javascript:"]}
    """
    yield from _met(view, "forged_record")


@reports(codes.VERSION_UNREAD)
def version_unread(view: LintContext) -> Iterator[LintFinding]:
    """CEF:1 is only for receivers that read it.

    SC4S, Splunk's add-on, QRadar and Sentinel's agent look for the text `CEF:0`. They do not
    recognize CEF:1, or lose its extension.

    Bad:
        extends: qradar
        envelope: {cef_version: "1"}
    Good:
        extends: arcsight
        envelope: {cef_version: "1"}
    """
    yield from _met(view, "version_unread")


@reports(codes.RECEIVER_SETTING)
def receiver_setting(view: LintContext) -> Iterator[LintFinding]:
    """Some settings of the envelope are wrong for one receiver.

    - Graylog's CEF input misreads host and time of an RFC 5424 header (before 6.3.0 it stored
      nothing), and does not part octet-counted messages.
    - Sentinel's agent expects `CEF` right behind time and host. With a program's name in between,
      as in RFC 5424, the event is stored in the Syslog table. An older agent breaks events with a
      pipe in a value. On a facility that the system uses itself, the rules for CEF and for Syslog
      both store the event.
    - QRadar finds the log source by the header's host. With the node's name there, each new node
      needs a log source. Its TCP listener splits messages at line ends.
    - QRadar, Sentinel and Graylog read host or time from the header, so there has to be one.
    - With CEF:0 a SmartConnector of ArcSight accepts only IPv4 in src, dst and dvc.
    - QRadar accepts 4,096 bytes of a message by default, and rsyslog before Sentinel's agent
      8,096. A longer message is cut, and the rest becomes an event of its own. If you raised the
      limit there, suppress this.
    - Splunk's add-on loses the first key of a message: `leading_key` is one that may get lost.

    Bad:
        extends: graylog
        envelope: {syslog_header: rfc5424}
    Good:
        extends: graylog
        envelope: {syslog_header: rfc3164, facility: local3}
    """
    yield from _met(view, "receiver_setting")


def _met(view: LintContext, rule: str) -> Iterator[LintFinding]:
    """Yield what the SIEMs that a mapping is for do not get on with, of one rule."""
    for siem in view.siems():
        for pitfall in siem.settings:
            names = siem.mappings_of(pitfall)
            if pitfall.rule != rule or not view.is_for(*names):
                continue
            if pitfall.at_key and pitfall.at_key not in view.merged.extension:
                continue
            if not pitfall.applies(view.merged.envelope):
                continue
            at = view.at_setting(pitfall.setting)
            # A parent's setting is reported there, unless only this file is for the SIEM.
            if at is None and view.parent and view.parent.is_for(*names):
                continue
            yield LintFinding(at or view.top, pitfall.reason)
