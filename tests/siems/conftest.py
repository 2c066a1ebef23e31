"""Finds what the mappings' tests share; a busy machine is no failing property test."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "mapping"))
settings.register_profile(
    "simulators", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=80
)
settings.load_profile("simulators")
