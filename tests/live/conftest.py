"""Puts what the tests of commands share on the path: a forwarder as an operator runs it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "cli"))
