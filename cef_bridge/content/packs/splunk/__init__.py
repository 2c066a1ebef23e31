"""The pack for Splunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent


def build(content: PackContent) -> dict[str, bytes]:
    """Return the files of the pack."""
    return {"pipeline.yml": content.pipeline_text.encode()}
