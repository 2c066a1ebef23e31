"""The pack for ArcSight: its filters fire, and its mapping cures what ArcSight lacks."""

from __future__ import annotations

import csv
import io

import logger_query
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_conditions import conditions_on, holds

from cef_bridge.content import rule_files, shipped_rules, trial
from cef_bridge.content.conditions import FieldMatch, Wildcard
from cef_bridge.content.packs import registry
from cef_bridge.content.packs.arcsight import logger
from cef_bridge.content.packs.arcsight.additional_data import additional_keys
from cef_bridge.content.packs.pack_content import PackContent
from cef_bridge.content.receivers import receivers
from cef_bridge.content.sigma import RuleConversionError
from cef_bridge.lines.dictionary import CEF_KEYS
from cef_bridge.mapping.load import load
from cef_bridge.siems.class_id_rows import rows

FILES, _ = rule_files.read(shipped_rules.rules())
FULL_NAMES = {
    *(it.full_name for it in CEF_KEYS.values()),
    *("deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name"),
}


@pytest.fixture(scope="module")
def pack():
    (built,) = registry.build(("arcsight",))
    return built.folders["arcsight"]


@pytest.fixture(scope="module")
def mapping(pack, tmp_path_factory):
    """The pack's mapping, as somebody saves it."""
    path = tmp_path_factory.mktemp("pack") / "arcsight-rules.yaml"
    path.write_bytes(pack["arcsight-rules.yaml"])
    return path


@pytest.fixture(scope="module")
def cured(mapping):
    return receivers(mapping, ("arcsight",))[0]


@pytest.mark.parametrize("rule", FILES, ids=lambda it: it.name)
def test_with_the_packs_mapping_a_rule_needs_no_additional_data(cured, rule):
    (found,) = trial.run([rule], [cured])
    assert (found.result, found.made) == (trial.FIRES, ())


def test_without_it_some_rules_need_additional_data_and_the_pack_says_which(pack):
    verdicts = trial.run(FILES, receivers(None, ("arcsight",)))
    needed = {name for it in verdicts for name in it.made}
    listed = list(csv.DictReader(io.StringIO(pack["additional-data.csv"].decode())))
    assert needed
    assert {it["additional_data"] for it in listed} == needed
    assert {it["event_field"] for it in listed} <= FULL_NAMES


def test_a_field_for_additional_data_is_not_one_that_the_mapping_fills(cured):
    content = PackContent(receivers(None, ("arcsight",))[0], FILES)
    instead = [it.instead for it in additional_keys(content)]
    assert len({*instead}) == len(instead)
    assert not {*instead} & load("arcsight").extension.keys()
    assert {*instead} <= cured.mapping.extension.keys()


@pytest.mark.parametrize("rule", FILES, ids=lambda it: it.name)
def test_a_filter_fires_on_the_events_of_its_rule_and_on_no_others(pack, cured, rule):
    names = [path for path in pack if path.startswith(f"filters/{rule.name}")]
    filters = [logger_query.read(pack[it].decode())[0] for it in names]
    assert len(filters) == (2 if rule.name == "denied-then-done" else 1)
    for test in rule.tests:
        events = [cured.row(event).fields for event in test.events]
        counts = [sum(bool(condition(it)) for it in events) for condition in filters]
        if test.fires:
            assert all(counts), test.name
        elif "correlation" not in rule.main:
            assert counts == [0], test.name


def test_every_field_of_a_filter_is_one_of_the_standard(pack):
    for path, data in pack.items():
        if path.startswith("filters/"):
            assert {*logger_query.read(data.decode())[1]} <= FULL_NAMES, path


def test_no_rule_is_missing_for_arcsight(pack):
    listed = list(csv.DictReader(io.StringIO(pack["rules.csv"].decode())))
    assert [it["rule"] for it in listed] == [it.name for it in FILES]
    assert all(f"`{it.name}`" in pack["README.md"].decode() for it in FILES)


def test_the_categoriser_has_every_class_id_once(pack):
    lines = list(csv.reader(io.StringIO(pack["categorizer/kubearmor/kubearmor.csv"].decode())))
    assert lines[0][0] == "event.deviceEventClassId"
    assert all(name.startswith("set.event.category") for name in lines[0][1:])
    assert sorted(it[0] for it in lines[1:]) == sorted(it.class_id for it in rows())


@pytest.mark.parametrize(
    "query", ["a = b", 'a LIKE "x"', 'a = "x" b = "y"', '(a = "x"', 'NOT a = "x"', 'a = "x\\n"', 'OR = "x"']
)  # fmt: skip
def test_the_grammar_of_searches_is_strict(query):
    with pytest.raises(ValueError, match=r"expected|no token|left over"):
        logger_query.read(query)


_TEXT = st.text(st.sampled_from("abAB%_'\\\"()[].*^$ ?"), max_size=4)
_ANY = st.just(Wildcard.TEXT)
_PARTS = st.one_of(
    st.tuples(_TEXT),
    st.tuples(_TEXT, _ANY),
    st.tuples(_ANY, _TEXT),
    st.tuples(_ANY, _TEXT, _ANY),
    st.tuples(_ANY),
)


def matches(match, event):
    if match.field not in event:
        return False
    value, text = event[match.field].lower(), "".join(match.texts).lower()
    at = value.find(text)
    if match.opens_before and match.opens_behind:
        return at >= 0
    if match.opens_before:
        return value.endswith(text)
    return value.startswith(text) if match.opens_behind else value == text


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_condition_means_in_logger_what_it_means_in_the_rule(data):
    some = st.builds(FieldMatch, st.sampled_from(["name", "KubeArmorX"]), _PARTS)
    condition = data.draw(conditions_on(some))
    event = data.draw(st.dictionaries(st.sampled_from(["name", "KubeArmorX"]), _TEXT))
    # A key that became a field is asked for by the field's name.
    text = logger.query(condition, {"KubeArmorX": "requestContext"})
    there = {("requestContext" if key == "KubeArmorX" else key): it for key, it in event.items()}
    assert logger_query.read(text)[0](there) == holds(condition, lambda it: matches(it, event))


def test_a_wildcard_inside_a_text_is_refused():
    match = FieldMatch("name", ("a", Wildcard.TEXT, "b"))
    with pytest.raises(RuleConversionError, match="wildcard inside"):
        logger.query(match, {})


def test_the_same_input_makes_the_same_bytes_for_arcsight(pack):
    (again,) = registry.build(("arcsight",))
    assert again.folders["arcsight"] == pack
