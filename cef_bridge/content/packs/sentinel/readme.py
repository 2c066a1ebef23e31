"""The README of the pack for Sentinel.

In comes a `PackContent`, out comes Markdown. What was tested is said as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.content.packs.readme import left_out, origin, rules_table, rules_tested
from cef_bridge.content.packs.sentinel.kql import FREQUENCY, PERIOD

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent


def readme(content: PackContent) -> str:
    """Return the README."""
    return f"""# KubeArmor in Microsoft Sentinel

{origin(content)}
The Azure Monitor Agent stores the messages in the table CommonSecurityLog. No transformation of a
data collection rule is needed: what has no column is taken out of AdditionalExtensions by the
queries.

| File | Content |
|---|---|
| `analytic-rules.json` | all {len(content.rules)} analytic rules as an ARM template |
| `analytic-rules/` | the same rules as YAML, in the form of the repository Azure-Sentinel |
| `parsers.json`, `parsers/` | ASIM parsers: ProcessEvent, FileEvent, NetworkSession, Dns |
| `workbook.json` | a workbook |
| `searches/` | queries that prove delivery |
| `class-ids.kql` | names of all class ids, joined to the events |
| `pipeline.yml` | names of fields, for sigma-cli with your own rules |

## Install

1. Analytic rules: Microsoft Sentinel, Analytics, Import, and choose `analytic-rules.json`. A rule
   runs every {FREQUENCY} minutes and finds events that arrived since, up to {PERIOD} minutes late.
2. Parsers: deploy `parsers.json` as a custom template, and give it the name of the workspace. Then
   `ASimProcessEventCreateKubeArmor` is a function. To have it in the unifying parsers, add it to
   the workspace's `ASimProcessEvent`, `ASimFileEvent`, `ASimNetworkSession` and `ASimDns`.
3. Workbook: Workbooks, Add, Edit, Advanced Editor, Gallery Template, and paste `workbook.json`.

## Rules

{rules_table(content)}{left_out(content)}
A rule with two events (`denied-then-done`) joins them by pod and file; one that counts
(`many-denials`) looks back from each event. Both use the time of the events, not of their arrival.

## Tested, and not tested

{rules_tested(content)}
- cef-bridge's tests parse and bind each query of this folder with Microsoft's Kusto language
  service, over the columns and types of CommonSecurityLog. They also run the rules' queries, as
  KQL, over those columns with another implementation of KQL (duckdb-kql).
- The YAML is checked against the limits of the checks in the repository Azure-Sentinel, the
  parsers' columns against the mandatory ones of its ASimTester.
- Not tested: a live workspace, the import of the templates, the workbook on a screen.

A semicolon in a value ends a pair in AdditionalExtensions. The first pair of a key counts, so that
text behind a semicolon cannot replace an earlier key, but can add one that is absent.
"""
