"""Microsoft's parser of KQL under node, for tests; they are skipped where it is not installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "kusto"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cef-bridge" / "kusto"
FOLDER = Path(os.environ.get("CEF_BRIDGE_KUSTO") or _CACHE)


def bound(tables: dict[str, dict[str, str]], queries: dict[str, str]) -> dict[str, dict]:
    """Return the problems and the result's columns of queries over tables."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules").is_dir():
        pytest.skip("Microsoft's parser of KQL is missing: tests/content/packs/install.sh")
    done = subprocess.run(
        [node, str(HERE / "check.js"), str(FOLDER)],
        input=json.dumps({"tables": tables, "queries": queries}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
