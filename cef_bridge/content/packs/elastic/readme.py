"""The README of the pack for Elastic: how to install it, what was tested and what was not.

In comes a `PackContent`, out comes Markdown. Must not know how the files are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.content.packs import readme
from cef_bridge.content.packs.elastic.ingest import NAME
from cef_bridge.content.packs.elastic.templates import COMPONENT, INDEX, STREAMS

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent

_INSTALL = f"""
## Install

The commands need `$ES` and `$KIBANA` (addresses), and an API key in a file that only you can read:
`printf 'Authorization: ApiKey %s' "$KEY" > key`.

1. The ingest pipeline, then what calls it behind the CEF integration. If there is a pipeline
   `{COMPONENT}` already, add the processor `pipeline` to it by hand.

   ```sh
   curl -H @key -H 'Content-Type: application/json' -X PUT "$ES/_ingest/pipeline/{NAME}" \\
       --data-binary @ingest-pipeline.json
   curl -H @key -H 'Content-Type: application/json' -X PUT "$ES/_ingest/pipeline/{COMPONENT}" \\
       --data-binary @ingest-pipeline-custom.json
   ```

2. The templates. The CEF integration takes the component template `{COMPONENT}` in. The index
   template is for Filebeat without the integration: let it write to `{STREAMS[1]}`.

   ```sh
   curl -H @key -H 'Content-Type: application/json' -X PUT "$ES/_component_template/{COMPONENT}" \\
       --data-binary @component-template.json
   curl -H @key -H 'Content-Type: application/json' -X PUT "$ES/_index_template/{INDEX}" \\
       --data-binary @index-template.json
   ```

3. The rules and the dashboard. All rules are off: enable those that you want.

   ```sh
   curl -H @key -H 'kbn-xsrf: true' -F file=@detection-rules.ndjson \\
       "$KIBANA/api/detection_engine/rules/_import?overwrite=true"
   curl -H @key -H 'kbn-xsrf: true' -F file=@dashboard.ndjson \\
       "$KIBANA/api/saved_objects/_import?overwrite=true"
   ```

Templates work for new backing indexes: roll the data stream over, or wait until it does.

## Content
"""
_NOTES = f"""
The pipeline copies and does not move: rules ask for the fields of the integration. It replaces
`process.name` and `process.pid`, which the integration fills with the process that acts, by those
of the process that the event is about. Longer texts than 8,191 characters are stored, and not
searchable, but for `process.command_line`.

Sigma's rules know no case, Lucene on keywords does: a path is found as it is written.

What `elasticsearch://` of cef-bridge writes to `{STREAMS[1]}` has its message only. The rules need
fields: parse it first, with Elastic Agent or Filebeat.

The search `missing` needs numbered messages (`envelope: {{sequence: true}}` in the mapping), and
`silent` needs the setting `heartbeat` of `forward`.

## Rules
"""
_TESTED = """- Events of all kinds, as the simulator of `decode_cef` reads them, were stored in
  noida-db 0.2.3 with the templates and through the pipeline. noida-db has the API of
  Elasticsearch 8.15, and is not Elasticsearch.
- The query of each rule was run there as `query_string`: it finds the events of the rule, and not
  the others. So were the queries and aggregations of the dashboard's panels.
- The logic of the searches for missing, duplicate, silent and late events was run in SQLite, over
  what the simulator extracts.

## What was not tested

- Nothing was imported into a live Kibana. The fields of rules and saved objects follow the
  documents of its API.
- EQL (one rule, a sequence), the threshold of one rule and ES|QL (the searches) were not run.
- The CEF integration's own ingest pipeline was read, and not run.
"""


def text(content: PackContent) -> str:
    """Return the README."""
    files = [
        ("`ingest-pipeline.json`", "KubeArmor's fields as ECS: process, container, rule, threat"),
        ("`ingest-pipeline-custom.json`", "calls it for messages of KubeArmor"),
        ("`component-template.json`, `index-template.json`", "types of the fields"),
        ("`detection-rules.ndjson`", "rules for Elastic Security, with ATT&CK"),
        ("`dashboard.ndjson`", "a data view, visualizations and a dashboard"),
        ("`searches/`", "ES&#124;QL that proves delivery"),
    ]
    beginning = (
        "# KubeArmor for Elastic\n\n"
        "ECS fields, detection rules and a dashboard for KubeArmor's events in CEF, read by\n"
        "Elastic Agent's CEF integration or Filebeat's `decode_cef`.\n\n"
    )
    own = readme.PackReadme(beginning, _INSTALL, files, _NOTES, _TESTED)
    return readme.page(content, own)
