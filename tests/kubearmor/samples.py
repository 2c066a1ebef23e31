"""The sample events of tests/data: read as an input is read, and what is expected of them.

`python tests/kubearmor/samples.py kinds` prints what kinds.ndjson gives today, in the form of
kinds.expected.ndjson; look at the difference before you keep it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.kubearmor.derive import Event, derive
from cef_bridge.kubearmor.fields import DERIVED
from cef_bridge.sources.records.blocks import Block, blocks

DATA = Path(__file__).parent.parent / "data"
EXPECTED = Path(__file__).parent


def units(name: str) -> list[bytes]:
    """Return the lines and documents of a sample file; nothing of it may be lost."""
    found: list[bytes] = []
    with (DATA / name).open("rb") as file:
        for item in blocks(file):
            assert isinstance(item, Block), item
            found += item.lines
    return found


def results(name: str, **options: str) -> list:
    decoder = EventDecoder(**options)
    found = [result for unit in units(name) for result in decoder.decode(unit)]
    return found + decoder.finish()


def raw_events(name: str) -> list[dict[str, object]]:
    return [found.fields for found in results(name) if isinstance(found, Decoded)]


def derived(event: Event) -> dict[str, object]:
    """Return what was concluded from an event, and what of it says nothing."""
    parts_of_class = {
        *("event.kind", "event.scope", "event.operation", "event.verb", "event.disposition"),
        *("event.name", "event.reason", "event.id", "event.act_key", "event.place"),
        *(
            "image.repository",
            "image.tag",
            "image.digest",
            "container.pid",
            "container.ppid",
            "event.time",
        ),
    }
    fields = {
        path: value
        for path, value in event.fields.items()
        if (path in DERIVED or path.startswith("data.")) and path not in parts_of_class
    }
    # OTLP has no Timestamp; void tokens are no fields.
    spare = (event.spare & event.fields.keys()) - {"Timestamp"}
    return {**dict(sorted(fields.items())), "spare": sorted(spare)}


def line(event: Event) -> str:
    return json.dumps(derived(event), ensure_ascii=True)


if __name__ == "__main__":
    for raw in raw_events(f"{sys.argv[1]}.ndjson"):
        print(line(derive(raw)))  # noqa: T201 - a program here
