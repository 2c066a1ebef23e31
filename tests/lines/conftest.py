"""Settings of the property tests here: a busy machine is no failing test."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("formats", deadline=None)
settings.load_profile("formats")
