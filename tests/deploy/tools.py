"""Where helm, Prometheus and promtool are, and what runs them; a test that needs one says so when it is missing.

Looks into the folder of `install.sh` ($CEF_BRIDGE_DEPLOY, else ~/.cache/cef-bridge/deploy), then at PATH.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "chart" / "cef-bridge"


@functools.cache
def tool(name: str) -> str:
    """Return the path of a program; skips the test where there is none."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("CEF_BRIDGE_DEPLOY") or Path(caches) / "cef-bridge" / "deploy")
    path = os.pathsep.join([str(folder / "bin"), os.environ.get("PATH", "")])
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not on this machine: run tests/deploy/install.sh")
    return found


def run(name: str, *words: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one of them to its end; what it says is in the assertion when it fails."""
    command = [tool(name), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert not check or done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done
