"""The pack for Graylog: a content pack, and its pipeline rules as text.

In comes a `PackContent`, out come files. Must not know folders.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cef_bridge.content.packs.graylog import content_pack
from cef_bridge.content.packs.graylog.readme import readme

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent


def build(content: PackContent) -> dict[str, bytes]:
    """Return the files of the pack."""
    made = json.dumps(content_pack.document(content), ensure_ascii=False, indent=2)
    files = {
        "README.md": readme(content),
        "content-pack.json": made + "\n",
        "pipeline.yml": content.pipeline_text,
    }
    for it in content_pack.pipeline_rules(content):
        files[f"rules/{it.field.removeprefix(content_pack.MARK)}.rule"] = it.text
    return {path: text.encode() for path, text in files.items()}
