"""Puts on the path what other tests share: a forwarder as an operator runs it, types of the page."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parents[1] / name) for name in ("cli", "studio")]
