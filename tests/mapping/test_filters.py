from __future__ import annotations

import pytest

from cef_bridge.kubearmor.classes import catalogue
from cef_bridge.mapping.language.filters import DESCRIPTIONS, FILTERS

KEPT = {"exec", "connect", "accept", "dns", "write", "create", "delete"}


def texts(item, path):
    return {test.text for condition in item if condition.path == path for test in condition.any_of}


@pytest.mark.parametrize("name", FILTERS)
def test_no_filter_touches_anything_but_logs(name):
    assert FILTERS[name]
    assert name in DESCRIPTIONS
    for item in FILTERS[name]:
        assert texts(item, "event.kind") == {"log"}


def test_soc_lean_drops_every_verb_of_logs_that_it_does_not_keep():
    """A verb that the classes get and the filter forgets would flood whoever switched it on."""
    verbs = {row.class_id.split(".")[3] for row in catalogue() if row.class_id.startswith("log.")}
    by_verb = FILTERS["soc_lean"][0]
    assert texts(by_verb, "event.verb") == verbs - KEPT


def test_soc_lean_keeps_what_was_denied():
    for item in FILTERS["soc_lean"]:
        assert texts(item, "event.disposition") == {"passed", "failed"}
