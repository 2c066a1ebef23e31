"""The README of the pack for QRadar.

In come a `PackContent` and its properties, out comes Markdown. What was tested is said as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.content.packs.readme import left_out, origin, rules_table, rules_tested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.content.packs.pack_content import PackContent
    from cef_bridge.content.packs.qradar.properties import CustomProperty


def readme(content: PackContent, found: Sequence[CustomProperty]) -> str:
    """Return the README."""
    used = sum(1 for it in found if it.used_by)
    kind = content.mapping.format.upper()
    return f"""# KubeArmor in QRadar

{origin(content)}
| File | Content |
|---|---|
| `properties.csv` | {len(found)} custom properties; rules and searches need the first {used} |
| `install_properties.py` | makes them by QRadar's REST API |
| `event-map.csv` | event id and category, with name, severity and low-level category, for QIDs |
| `filters/` | a condition for each rule, as the AQL test of the rule wizard takes it |
| `rules.csv` | what to enter in the rule wizard, a rule a line |
| `searches/` | the same as searches, and those that prove delivery |
| `pipeline.yml` | names of fields, for sigma-cli with your own rules |

## Install

1. Log source: type Universal {kind}; its identifier is the name of the cluster, which is the
   host in the syslog header.
2. Properties: `QRADAR_TOKEN=... python3 install_properties.py https://CONSOLE` makes those that
   rules and searches need, and with `--all` every one. What is there already stays as it is. The
   token is that of an authorized service. By hand: Admin, DSM Editor, log source type Universal
   {kind}, Properties, Add, Create New. Take name and type from `properties.csv`, and enable the
   property for rules and searches. Then add an expression: of the type {kind} with the column
   `key`, or of the type Regex with the columns `regex` and `capture_group`. `Event ID` is in the
   header, so it needs the regex. Where a property of this name exists already, add an expression
   to it for this log source type.
3. Event map: DSM Editor, Event Mappings. Each line of `event-map.csv` is one event id and category.
4. Rules: Offenses, Rules, Actions, New Event Rule. Use the test "when the event matches this AQL
   filter query", and paste a file of `filters/`. For rules with a count or an order, make a
   building block of each filter, and a rule of the column `test` in `rules.csv`.

There is no extension to import: its XML is made by an installation, and none was at hand.

## Rules

{rules_table(content)}{left_out(content)}
AQL has no search for an order of events. `denied-then-done` has a search for each of its two
events; the rule compares them.

## Tested, and not tested

{rules_tested(content)}
- cef-bridge's tests extract the properties from real messages with the regular expressions of
  `properties.csv`, and compare them with what `content test` assumes.
- They run each filter, and the search with a count, over these properties with SQLite: each rule
  fires on its test events and on no others. ILIKE became LIKE there, and IMATCHES a regular
  expression. Before that, a strict grammar of this project reads each query.
- They run `install_properties.py` against a server of their own, which has the paths and fields
  of version 26.0 of the API.
- Not tested: an installation of QRadar, its own parser of AQL, the rule wizard, the
  low-level categories of `event-map.csv`.

A comparison is written with ILIKE. A text with `%`, `_` or a backslash is compared by IMATCHES,
because AQL's LIKE has no way to escape these.
{_escapes(content)}"""


def _escapes(content: PackContent) -> str:
    if content.mapping.format == "leef":
        return ""
    return (
        "\nThe regular expressions leave a backslash before `=` and `\\` in values, as CEF writes "
        "them.\n"
    )
