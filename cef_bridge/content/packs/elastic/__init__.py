"""The pack for Elastic: ingest pipeline, templates, detection rules, dashboard, searches.

In comes a `PackContent`, out come files for the APIs of Elasticsearch and Kibana. Must not know the
command line.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cef_bridge.content.packs.elastic import (
    dashboard,
    detection_rules,
    ingest,
    readme,
    templates,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.content.packs.pack_content import PackContent


def build(content: PackContent) -> dict[str, bytes]:
    """Return the files. CefBridgeError where the mapping does not suit Elastic."""
    return {
        "README.md": readme.text(content).encode(),
        "ingest-pipeline.json": _json(ingest.ingest_pipeline(content)),
        "ingest-pipeline-custom.json": _json(ingest.custom(content)),
        "component-template.json": _json(templates.component(content)),
        "index-template.json": _json(templates.index_template()),
        "detection-rules.ndjson": _lines(detection_rules.detection_rules(content)),
        "dashboard.ndjson": _lines(dashboard.saved_objects(content)),
        **{
            f"searches/{it.name}.esql": f"// {it.about}\n{it.query}\n".encode()
            for it in content.searches
        },
    }


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _lines(values: Iterable[object]) -> bytes:
    return "".join(json.dumps(it, ensure_ascii=False) + "\n" for it in values).encode()
