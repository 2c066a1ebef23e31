"""Which keys of a message the rules need, by mapping: a table that lint reads without pySigma.

In come the shipped rules and SIEMs behind their mappings, out come names of keys. The table is a
file beside `siems`, written by `docs/generate.py`, since `mapping lint` must neither know rules nor
load pySigma. Must not know lint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.content import acts, pipeline, rule_files, shipped_rules, sigma
from cef_bridge.content.fieldmap import FieldMap
from cef_bridge.content.receivers import receivers
from cef_bridge.content.vocabulary import log_source
from cef_bridge.errors import CefBridgeError
from cef_bridge.siems.registry import SIEMS
from cef_bridge.siems.simulators import SIMULATORS

if TYPE_CHECKING:
    from cef_bridge.content.receivers import SiemStore
    from cef_bridge.content.rule_files import RuleFile

_HEADER = "header."


def table() -> dict[str, dict[str, list[str]]]:
    """Return shipped mapping -> rule -> keys, over all SIEMs that a mapping is for."""
    files, problems = rule_files.read(shipped_rules.rules())
    if problems:
        raise CefBridgeError(str(problems[0]))
    found: dict[str, dict[str, set[str]]] = {}
    for siem in SIMULATORS:
        for mapping in SIEMS[siem].mappings:
            (store,) = receivers(mapping, (siem,))
            for name, keys in keys_of(store, files).items():
                found.setdefault(mapping, {}).setdefault(name, set()).update(keys)
    return {
        mapping: {name: sorted(keys) for name, keys in sorted(rules.items())}
        for mapping, rules in sorted(found.items())
    }


def keys_of(store: SiemStore, files: list[RuleFile]) -> dict[str, set[str]]:
    """Return the keys that each rule needs in a SIEM; the header's fields are none."""
    fields, keys = FieldMap(store), _keys(store)
    found: dict[str, set[str]] = {}
    for file in files:
        used, groups = sigma.used_fields(file.documents)
        names: set[str] = set()
        for it in used:
            source = log_source(it.product, it.category)
            if source is None:
                continue
            names |= set(pipeline.events_fields(fields, source))
            for name in (*it.names, *groups):
                asked = pipeline.asked(fields, source, name)
                names |= set(asked.place.names) if asked else set()
        found[file.name] = {keys.get(name, name) for name in names}
        found[file.name] -= {key for key in found[file.name] if key.startswith(_HEADER)}
    return found


def _keys(store: SiemStore) -> dict[str, str]:
    """Return the SIEM's fields with the key that each is made of."""
    found: dict[str, str] = {}
    for kind in acts.KINDS:
        for event in acts.probes(kind):
            for field in SIMULATORS[store.siem.name].read(store.message(event)).fields:
                found.setdefault(field.name, field.key)
    return found
