"""The pack for Microsoft Sentinel: analytic rules, ASIM parsers, a workbook, queries.

In comes a `PackContent`, out come files. Must not know folders.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cef_bridge.content.packs.sentinel import analytic_rules, asim, workbook
from cef_bridge.content.packs.sentinel.readme import readme
from cef_bridge.content.packs.yaml_text import yaml_text

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent


def build(content: PackContent) -> dict[str, bytes]:
    """Return the files of the pack."""
    templates = {it.name: analytic_rules.template(content, it) for it in content.rules}
    parsers = asim.parsers(content)
    files = {
        "README.md": readme(content),
        "analytic-rules.json": _json(analytic_rules.deployment([*templates.values()])),
        "parsers.json": _json(asim.functions_deployment(parsers)),
        "workbook.json": _json(workbook.document(content)),
        "class-ids.kql": content.class_id_form("sentinel"),
        "pipeline.yml": content.pipeline_text,
    }
    for name, made in templates.items():
        files[f"analytic-rules/{name}.yaml"] = yaml_text(made)
    for it in parsers:
        files[f"parsers/{it.name}.yaml"] = yaml_text(asim.parser_document(it))
    for search in content.searches:
        files[f"searches/{search.name}.kql"] = f"// {search.about}\n{search.query}\n"
    return {path: text.encode() for path, text in files.items()}


def _json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"
