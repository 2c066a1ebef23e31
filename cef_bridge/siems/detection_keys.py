"""Which keys the shipped detection rules need, by shipped mapping: a table, read from a file.

In comes a mapping's name, out come keys and rules. `docs/generate.py` writes the file from what the
rules ask of each SIEM (`content.rule_keys`), so that lint needs neither rules nor pySigma. Must not
know what a rule asks.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")
"""The table: mapping -> rule -> keys."""


@cache
def rules_by_key(mapping: str) -> dict[str, tuple[str, ...]]:
    """Return the keys that rules need of a shipped mapping, with the rules; {} for another one."""
    table: dict[str, dict[str, list[str]]] = json.loads(FILE.read_text(encoding="utf-8"))
    found: dict[str, list[str]] = {}
    for rule, keys in table.get(mapping, {}).items():
        for key in keys:
            found.setdefault(key, []).append(rule)
    return {key: tuple(rules) for key, rules in found.items()}
