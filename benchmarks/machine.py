"""What the figures were measured with: a date, a machine, versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path

from measured import COMMAND


def described() -> dict[str, str]:
    """Return what a reader needs to know of this machine."""
    model = "unknown processor"
    for row in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if row.startswith("model name"):
            model = row.partition(":")[2].strip()
            break
    ours = subprocess.run([str(COMMAND), "--version"], check=True, capture_output=True, text=True)
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": f"{os.cpu_count()} cores of {model}",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "orjson": importlib.metadata.version("orjson"),
        "cef-bridge": ours.stdout.splitlines()[0].split()[-1],
    }
