"""The add-on's README: how to install it, what it holds, what was tested and what was not.

In comes a `PackContent`, out comes Markdown. Must not know how the files are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.content.packs import readme
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent

_INSTALL = r"""
## Install

1. Install this folder, or the `.spl` file of `splunk-package`, on the search head. Heavy forwarders
   and indexers need it only where a TCP input gets the messages: its line breaking is for those.
2. The events need the source type `cef`. SC4S and cef-bridge's HEC destination set it.
3. Put your index into the macro `kubearmor_events`: `index=security sourcetype=cef`.
4. Enable the saved searches that you want (Settings, Searches, reports, and alerts). All are
   disabled. They run every ten minutes, over events that are at least five minutes old.

The Splunk Add-on for CEF is not needed. Both may be installed: they make the same fields.

## Content
"""
_NOTES = r"""
Only messages of KubeArmor get fields. `KV_MODE = none` and the line breaking are for the whole
source type `cef`: Splunk's own search for `key=value` would take text of an attacker for fields.

A search for an argument with `=` or a backslash needs them as they are sent: `\=` and `\\`. Splunk
does not resolve escapes. The rules of this add-on do so.

The search `missing` needs numbered messages (`envelope: {sequence: true}` in the mapping), and
`silent` needs the setting `heartbeat` of `forward`.

## Rules
"""
_TESTED = """- The expressions of `transforms.conf` and the settings of `props.conf` were run in
  Python, over messages of all kinds of events. Each field that the simulator of Splunk's add-on
  for CEF reads has the same value.
- The search of each rule was run in Python over these fields: it finds the events of the rule, and
  not the others. Of correlations this was done for the searches that they begin with.
- Splunk AppInspect 4.3.1 finds no failure in the add-on.
- The logic of the searches for missing, duplicate, silent and late events was run in SQLite, over
  what the simulator extracts.

## What was not tested

- Nothing was installed in a live Splunk. What follows the first `|` of a search was not run, nor
  were the searches of the dashboard.
- The data models were not accelerated, and not checked with Splunk's CIM add-on.
- Splunk Enterprise Security reads the annotations of the saved searches. That was not tried.
"""


def text(content: PackContent) -> str:
    """Return the README."""
    rules = counted(len(content.rules), "rule")
    searches = f"{len(content.searches)} searches"
    files = [
        ("`props.conf`, `transforms.conf`", "keys as fields, named by labels; fields of CIM"),
        ("`lookups`", "CIM's action and type by class id; severities as words"),
        ("`eventtypes.conf`, `tags.conf`", "Alerts, Endpoint, Network Traffic, Network Resolution"),
        ("`savedsearches.conf`", f"{rules}, and {searches} that prove delivery"),
        ("`data/ui`", "the dashboard KubeArmor"),
    ]
    beginning = (
        "# KubeArmor for Splunk\n\n"
        "Fields, event types, saved searches and a dashboard for KubeArmor's events.\n\n"
    )
    own = readme.PackReadme(beginning, _INSTALL, files, _NOTES, _TESTED)
    return readme.page(content, own)
