"""The README of the pack for Graylog.

In comes a `PackContent`, out comes Markdown. What was tested is said as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.content.packs.graylog.content_pack import SERVER
from cef_bridge.content.packs.pack_content import TEMPORAL_ORDERED
from cef_bridge.content.packs.readme import left_out, origin, rules_table, rules_tested

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent


def readme(content: PackContent) -> str:
    """Return the README."""
    notes = {
        it.name: "The order of the two events is not checked"
        for it in content.rules
        if it.correlation and it.correlation.kind == TEMPORAL_ORDERED
    }
    return f"""# KubeArmor in Graylog

{origin(content)}
| File | Content |
|---|---|
| `content-pack.json` | a stream, a pipeline with its rules, an event definition for each rule |
| `rules/` | the rules of the pipeline as text |
| `pipeline.yml` | names of fields, for sigma-cli with your own rules |

A rule of the pipeline marks a message: `shell-blocked` sets `kubearmor_rule_shell_blocked` to its
level. So a search needs no wildcard at its beginning, which Graylog refuses by default:
`_exists_:kubearmor_rule_shell_blocked`.

## Install

1. System, Content Packs, Upload: choose `content-pack.json`, and install it. It needs a server of
   version {SERVER.removeprefix(">=")} or later.
2. System, Configurations, Message Processors: the Message Filter Chain precedes the Pipeline
   Processor. Otherwise the pipeline sees no stream.
3. Alerts, Event Definitions: the definitions are enabled. Add notifications, and disable what you
   do not need.

Use a CEF input. Its messages have the fields under the labels of the mapping.

## Rules

{rules_table(content, notes)}{left_out(content)}
## Tested, and not tested

{rules_tested(content)}
- cef-bridge's tests read each pipeline rule with a strict grammar, written after
  graylog2-server's RuleLang.g4, and run it over the fields that the CEF input makes of test
  events: the mark is set for the events that fire the rule, and for no others. Grammar and
  functions are this project's, written from Graylog's sources.
- They check the content pack against the entities in graylog2-server's sources (August 2026).
- Not tested: a Graylog server, the import, the event definitions.
"""
