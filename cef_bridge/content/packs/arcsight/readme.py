"""The README of the pack for ArcSight.

In come a `PackContent` and its additional data, out comes Markdown. What was tested is said as it
was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.content.packs.readme import left_out, origin, rules_table, rules_tested, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.content.packs.arcsight.additional_data import AdditionalKey
    from cef_bridge.content.packs.pack_content import PackContent


def readme(content: PackContent, keys: Sequence[AdditionalKey]) -> str:
    """Return the README."""
    files = [
        ("`categorizer/`", "the categoriser: ESM's categories for each class id"),
        ("`filters/`", "the condition of each rule"),
        ("`rules.csv`", "what else a rule of ESM needs: counts, joins, priority"),
        ("`pipeline.yml`", "names of fields, for sigma-cli with your own rules"),
    ]
    if keys:
        own = f"{content.mapping.name}-rules.yaml"
        files.insert(1, (f"`{own}`", "a mapping that writes what rules need into fields"))
        files.insert(2, ("`additional-data.csv`", "the same, for a mapping in the connector"))
    return f"""# KubeArmor in ArcSight

{origin(content)}
{table(("File", "Content"), files)}
## Install

1. Categoriser: copy `categorizer/kubearmor` to `user/agent/acp/categorizer/current/` below the
   folder of the connector, and restart the connector.
{_additional(content, keys)}
3. Rules: in ESM's console make a rule (or a filter) with the conditions of a file of `filters/`,
   in the Conditions tab: field, operator, value. In Logger the file is a search as it is.
   `rules.csv` says which rules count events or join two.

There is no package (`.arb`) to import: ESM makes its own, and none was at hand.

## Rules

{rules_table(content)}{left_out(content)}
## Tested, and not tested

{rules_tested(content)}
- cef-bridge's tests read each filter with a strict grammar of this project, and run it over the
  fields that the simulator of the connector fills: it fires on the test events of its rule and
  on no others.{_mapping_tested(content, keys)}
- Not tested: a SmartConnector, ESM, Logger. Whether a comparison knows case is an option there:
  the texts of the filters are written as cef-bridge writes them.
"""


def _additional(content: PackContent, keys: Sequence[AdditionalKey]) -> str:
    if not keys:
        return "2. No rule needs additional data with this mapping."
    rows = [(f"`{it.key}`", f"`{it.field}`", ", ".join(it.used_by)) for it in keys]
    listed = table(("Additional data", "Event field", "Rules"), rows)
    return f"""2. Additional data: rules cannot ask for keys that have no field. Send with
   `-m {content.mapping.name}-rules.yaml`, which also writes them into free fields. Or keep the
   mapping, and map the names of `additional-data.csv` in the connector.

{listed}"""


def _mapping_tested(content: PackContent, keys: Sequence[AdditionalKey]) -> str:
    if not keys:
        return ""
    return (
        f"\n- With `{content.mapping.name}-rules.yaml` each rule fires without additional data:\n"
        f"  `cef-bridge content test -m {content.mapping.name}-rules.yaml --siem arcsight`."
    )
