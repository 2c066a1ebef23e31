"""A studio that several tests ask: read-only, over the samples that come with the package."""

from __future__ import annotations

import pytest
from studio_server import studio

MAPPING = """\
mapping: acme  # ours 🙂
extends: splunk
cluster: harbor
extension:
  cs2: {from: NamespaceName, label: K8sNamespace}  # who
  # the last comment
examples:
- event: {Type: ContainerLog, Operation: File, Resource: /etc/a, NamespaceName: shop}
  expect: {cs2: shop}
"""


@pytest.fixture(scope="session")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    (folder / "acme.yaml").write_text(MAPPING)
    with studio("-m", "acme.yaml", cwd=folder) as running:
        yield running.client
