"""The pack for Graylog: its pipeline rules mark what the rules fire at, and its entities are Graylog's."""

from __future__ import annotations

import json
import re
import uuid

import graylog_rules
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import validate
from made_conditions import conditions_on, holds

from cef_bridge.content import rule_files, shipped_rules
from cef_bridge.content.conditions import FieldMatch, Wildcard
from cef_bridge.content.packs import registry
from cef_bridge.content.packs.graylog import content_pack, rule_language
from cef_bridge.content.packs.pack_content import PackContent
from cef_bridge.content.receivers import receivers

FILES, _ = rule_files.read(shipped_rules.rules())


@pytest.fixture(scope="module")
def content():
    return PackContent(receivers(None, ("graylog",))[0], FILES)


@pytest.fixture(scope="module")
def pack():
    (built,) = registry.build(("graylog",))
    return built.folders["graylog"]


@pytest.fixture(scope="module")
def made(pack):
    return json.loads(pack["content-pack.json"])


def of_kind(made, kind):
    return [it["data"] for it in made["entities"] if it["type"]["name"] == kind]


def marks_of(content, rules, event):
    """Return the fields that the pipeline sets for an event, as the CEF input reads it."""
    message = content.store.row(event).fields
    fired = [fields for _, condition, fields in rules if condition(message)]
    return {name for fields in fired for name in fields}


@pytest.mark.parametrize("name", [it.name for it in FILES])
def test_the_pipeline_marks_what_the_rule_fires_at_and_nothing_else(content, made, name):
    rules = [graylog_rules.read(it["source"]["@value"]) for it in of_kind(made, "pipeline_rule")]
    rule = next(it for it in content.rules if it.name == name)
    fields = [content_pack.field_of(rule, it) for it in rule.singles]
    for test in rule.verdict.rule.tests:
        marks = [marks_of(content, rules, event) for event in test.events]
        counts = [sum(field in it for it in marks) for field in fields]
        least = rule.correlation.at_least if rule.correlation else 1
        # Of an order and of a time span the definition knows less than the rule: see the README.
        if test.fires:
            assert all(it >= least for it in counts), test.name
        elif rule.correlation is None:
            assert counts == [0], test.name


def test_no_rule_is_missing_in_pipeline_and_definitions(made, pack):
    rules = [graylog_rules.read(it["source"]["@value"]) for it in of_kind(made, "pipeline_rule")]
    (pipeline,) = of_kind(made, "pipeline")
    assert graylog_rules.stages(pipeline["source"]["@value"]) == {0: [it[0] for it in rules]}
    titles = [it["title"]["@value"] for it in of_kind(made, "event_definition")]
    assert titles == [f"KubeArmor: {it.main['title']}" for it in FILES]
    marks = {name for _, _, fields in rules for name in fields}
    for it in of_kind(made, "event_definition"):
        asked = re.findall(r"_exists_:(\w+)", it["config"]["query"]["@value"])
        assert asked
        assert set(asked) <= marks
        assert {each["field"] for each in it["config"]["series"]} <= {*asked}
    texts = {path: data.decode() for path, data in pack.items() if path.endswith(".rule")}
    assert sorted(texts.values()) == sorted(
        it["source"]["@value"] for it in of_kind(made, "pipeline_rule")
    )
    assert all(f"`{it.name}`" in pack["README.md"].decode() for it in FILES)


def test_the_groups_of_a_definition_are_fields_of_the_input(content, made):
    row = content.store.row(FILES[0].tests[0].events[0])
    wanted = {"K8sNamespace", "K8sPod", "filePath"}
    groups = {g for it in of_kind(made, "event_definition") for g in it["config"]["group_by"]}
    assert groups == wanted
    assert {"K8sNamespace", "K8sPod"} <= row.fields.keys()


# Entities as org.graylog2.contentpacks.model.entities and org.graylog.events.contentpack.entities
# have them; a value is a reference with its type.
def value(kind, **more):
    return {
        "type": "object",
        "properties": {"@type": {"const": kind}, "@value": more},
        "required": ["@type", "@value"],
        "additionalProperties": False,
    }


def entity(**properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TEXT, BOOLEAN = value("string", type="string"), value("boolean", type="boolean")
EMPTY = {"type": "array", "maxItems": 0}
EXPRESSION = {
    "anyOf": [
        {"type": "null"},
        {
            "type": "object",
            "properties": {"expr": {"enum": ["&&", ">=", "number-ref", "number"]}},
            "required": ["expr"],
        },
    ]
}
DATA = {
    "stream": entity(
        title=TEXT,
        description=TEXT,
        disabled=BOOLEAN,
        matching_type=value("string", enum=["AND", "OR"]),
        stream_rules={
            "type": "array",
            "items": entity(
                type=value("string", enum=["EXACT", "REGEX", "PRESENCE", "CONTAINS"]),
                field=TEXT,
                value=TEXT,
                inverted=BOOLEAN,
                description=TEXT,
            ),
        },
        alert_conditions=EMPTY,
        alarm_callbacks=EMPTY,
        outputs=EMPTY,
        default_stream=BOOLEAN,
        remove_matches=BOOLEAN,
    ),
    "pipeline_rule": entity(title=TEXT, description=TEXT, source=TEXT),
    "pipeline": entity(
        title=TEXT,
        description=TEXT,
        source=TEXT,
        connected_streams={"type": "array", "items": TEXT, "minItems": 1},
    ),
    "event_definition": entity(
        title=TEXT,
        description=TEXT,
        remediation_steps=TEXT,
        priority=value("integer", enum=[1, 2, 3]),
        alert=BOOLEAN,
        config=entity(
            type={"const": "aggregation-v1"},
            query=TEXT,
            query_parameters=EMPTY,
            filters=EMPTY,
            streams={"type": "array", "items": {"type": "string"}, "minItems": 1},
            group_by={"type": "array", "items": {"type": "string"}},
            search_within_ms={"type": "integer", "minimum": 1},
            execute_every_ms={"type": "integer", "minimum": 1},
            use_cron_scheduling={"const": False},
            event_limit={"type": "integer"},
            series={
                "type": "array",
                "items": entity(
                    id={"type": "string"}, type={"const": "count"}, field={"type": "string"}
                ),
            },
            conditions=entity(expression=EXPRESSION),
        ),
        field_spec={"type": "object"},
        key_spec={"type": "array"},
        notification_settings=entity(
            grace_period_ms={"type": "integer"}, backlog_size={"type": "integer"}
        ),
        notifications=EMPTY,
        storage={"type": "array"},
        is_scheduled=BOOLEAN,
    ),
}


def test_the_content_pack_has_the_form_of_graylogs_entities(made):
    assert made.keys() == {
        *("v", "id", "rev", "name", "summary", "description", "vendor", "url", "parameters"),
        "entities",
    }
    assert made["v"] == "1"
    ids = [it["id"] for it in made["entities"]]
    assert len({*ids}) == len(ids)
    for it in made["entities"]:
        uuid.UUID(it["id"])
        assert it["type"]["version"] == "1"
        assert [each["type"] for each in it["constraints"]] == ["server-version"]
        validate(it["data"], DATA[it["type"]["name"]])
    streams = {it["id"] for it in made["entities"] if it["type"]["name"] == "stream"}
    (pipeline,) = of_kind(made, "pipeline")
    assert {it["@value"] for it in pipeline["connected_streams"]} <= streams
    for it in of_kind(made, "event_definition"):
        assert set(it["config"]["streams"]) <= streams


@pytest.mark.parametrize(
    "text",
    [
        'rule "a" when contains("a", "b", true, true) then end',
        'rule "a" when nosuch("a") then end',
        'rule "a" when to_string($message.a b) == "x" then end',
        'rule "a" when to_string($message.a) == "x\\q" then end',
        'rule "a" when (to_string($message.a) == "x" then end',
        'rule "a" when to_string($message.a) == "x" then set_field("a", "b") end',
    ],
)
def test_the_grammar_of_rules_is_strict(text):
    with pytest.raises(ValueError, match=r"expected|arguments|no token|left over"):
        graylog_rules.read(text)


_CHARS = st.sampled_from("abAB%_'\\\"()[].*^$ ?\t")
_PARTS = st.lists(
    st.one_of(st.text(_CHARS, min_size=1, max_size=4), st.sampled_from(list(Wildcard))), max_size=4
)


def matches(match, message):
    if match.is_any:
        return match.field in message
    return re.search("(?is)" + match.regex, message.get(match.field, "")) is not None


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_condition_means_in_graylog_what_it_means_in_the_rule(data):
    some = st.builds(FieldMatch, st.sampled_from(["a", "b.c-d"]), _PARTS.map(tuple))
    condition = data.draw(conditions_on(some))
    names = data.draw(st.sets(st.sampled_from(["a", "b.c-d"])))
    message = {name: data.draw(st.text(_CHARS, max_size=6)) for name in sorted(names)}
    text = rule_language.rule('n "\\', condition, "f", "v")
    name, found, fields = graylog_rules.read(text)
    assert (name, fields) == ('n "\\', {"f": "v"})
    assert found(message) == holds(condition, lambda it: matches(it, message))


def test_the_same_input_makes_the_same_bytes_for_graylog(pack):
    (again,) = registry.build(("graylog",))
    assert again.folders["graylog"] == pack
