"""A rule that is changed in the reference alone is found: the comparison sees every rule.

Each mutation replaces one function of the reference; the engine does not know of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import equality
import pytest
from equality import Tally, compare

from cef_bridge.engine import native
from cef_bridge.errors import CefBridgeError
from cef_bridge.kubearmor import activity, classes, derive, identity, split, summary
from cef_bridge.mapping.language import redaction
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program import compile as compiling
from cef_bridge.mapping.program import conditions, rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.mapping.language.spec import Mapping

pytestmark = pytest.mark.skipif(native.load() is None, reason=f"no engine: {native.status()}")

ROUNDS = 600  # seconds at most; each is found in the first ten


def constant(value: object) -> Callable[..., object]:
    return lambda *_, **__: value


def reversed_(function: Callable[..., list]) -> Callable[..., list]:
    return lambda *args: function(*args)[::-1]


MUTATIONS = [
    (classes, "_disposition", lambda _, kind: {"alert": "audit", "log": "passed"}.get(kind, "none")),
    (classes, "_open_verb", constant("read")),
    (classes, "scope_of", constant("container")),
    (split, "_split_unix", constant([])),
    (split, "_split_lsm", lambda text: [split.Token("lsm", text[4:], text)]),
    (activity, "_dns", constant([])),
    (activity, "_firewall", constant([])),
    (activity, "only_in_event_data", constant([])),
    (activity, "_protocol", lambda key, tokens: ("network.protocol", key, tokens.get(key, ""))),
    (derive, "_actor", constant(None)),
    (derive, "_reason", constant(None)),
    (derive, "_hash", constant(None)),
    (derive, "_spare", constant(None)),
    (derive, "technique_ids", constant("")),
    (derive, "_has_process", constant(True)),
    (derive, "image_parts", constant({})),
    (identity, "stable_resource", lambda resource: resource),
    (summary, "_address", lambda host, _: host),
    (summary, "_place", constant("")),
    (rules, "marks_of", constant(())),
    (rules, "cut", lambda text, most: text[:most]),
    (rules, "labels_of", constant({})),
    (conditions, "_elements", lambda _, value: [value]),
    (compiling, "compact_json", str),
    (compiling, "MOST_LEFTOVERS", 3),
    (redaction, "MARK", "+++"),
]  # fmt: skip


KNOWN: dict[str, Mapping | CefBridgeError] = {}


def load_once(path: str, *, env: dict[str, str]) -> Mapping:
    """Load a mapping made up, the first time it is: no mutation changes what a mapping says."""
    text = Path(path).read_text()
    if text not in KNOWN:
        try:
            KNOWN[text] = load(path, env=env)
        except CefBridgeError as error:
            KNOWN[text] = error
    if isinstance(KNOWN[text], CefBridgeError):
        raise KNOWN[text]
    return KNOWN[text]


@pytest.mark.parametrize(
    ("module", "name", "other"),
    MUTATIONS,
    ids=[f"{module.__name__}.{name}" for module, name, _ in MUTATIONS],
)
def test_a_changed_rule_is_found(monkeypatch, module, name, other):
    monkeypatch.setattr(equality, "load", load_once)
    monkeypatch.setattr(module, name, other)
    split._split_data.cache_clear()  # noqa: SLF001 - what was found out before the change
    tally = Tally()
    compare(1, ROUNDS, tally, enough=1)
    assert tally.differences, tally
    # It is the mutation that was found, and no fault of the engine.
    monkeypatch.undo()
    split._split_data.cache_clear()  # noqa: SLF001 - as above
    found = tally.differences[0]
    assert found.both.reference(found.data) == found.native
