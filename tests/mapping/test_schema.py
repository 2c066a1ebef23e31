"""The JSON Schema of mappings, with a validator that is not ours: what `load` takes is valid."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import jsonschema
import pytest
import test_problems
import test_slots
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cef_bridge.kubearmor import fields
from cef_bridge.mapping.language import shipped, spec
from cef_bridge.mapping.language.filters import FILTERS
from cef_bridge.mapping.language.reader import earlier_names, yaml_fields
from cef_bridge.mapping.language.schema import schema
from cef_bridge.mapping.language.transforms import TRANSFORMS
from cef_bridge.mapping.lint.linter import RULES
from cef_bridge.mapping.load import problems

ROOT = Path(__file__).parents[2]
SCHEMA = schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


class Core(yaml.SafeLoader):
    """YAML 1.2's core schema, by which editors tell texts from numbers: `No` is a text there."""


Core.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    Core.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first)
    )


def typed(text: str, loader: type = yaml.SafeLoader) -> object:
    """Return what an editor makes of a file: JSON. Days and times are texts there."""
    said = yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
    return json.loads(json.dumps(said, default=str))


def faults(text: str) -> list[str]:
    """Return what the schema does not take of a text, by either version of YAML."""
    return [
        f"{loader.__name__} {error.json_path}: {error.message[:200]}"
        for loader in (yaml.SafeLoader, Core)
        for error in VALIDATOR.iter_errors(typed(text, loader))
    ]


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_types_are_no_texts_that_msgspec_has_to_compile_first():
    structs = (spec.Mapping, spec.Envelope, spec.Rule, spec.Example, spec.Condition, spec.Test)
    texts = {
        (struct.__name__, name)
        for struct in structs
        for name, kind in struct.__annotations__.items()
        if isinstance(kind, str)
    }
    assert texts == {("Test", "tests")}  # it holds its like


def test_it_has_every_setting_and_nothing_else():
    defs = SCHEMA["$defs"]
    for found, declared in (
        (SCHEMA, spec.Mapping),
        (defs["rule"], spec.Rule),
        (defs["rule_with_variables"], spec.Rule),
        (SCHEMA["properties"]["envelope"]["anyOf"][0], spec.Envelope),
        (defs["example"], spec.Example),
    ):
        known = found["properties"].items()
        assert [name for name, said in known if "deprecated" not in said] == list(
            yaml_fields(declared)
        )
        earlier = {name for name, said in known if said.get("deprecated")}
        assert earlier == set(earlier_names(declared))
        assert found["additionalProperties"] is False


def test_every_setting_says_what_it_means():
    rule, envelope = SCHEMA["$defs"]["rule"], SCHEMA["properties"]["envelope"]["anyOf"][0]
    for said in (SCHEMA, rule, envelope):
        for name, row in said["properties"].items():
            assert row.get("description") or name in ("envelope", "examples"), name


def test_an_editor_can_complete_fields_keys_transforms_and_filters():
    defs = SCHEMA["$defs"]
    assert defs["field"]["anyOf"][0]["enum"] == [*fields.RAW, *fields.DERIVED]
    assert defs["transform"]["anyOf"][0]["enum"] == [
        name for name, it in TRANSFORMS.items() if not it.arguments
    ]
    assert len(defs["transform"]["anyOf"]) == 1 + sum(
        bool(it.arguments) for it in TRANSFORMS.values()
    )
    assert defs["filter"]["enum"] == list(FILTERS)
    keys = SCHEMA["properties"]["extension"]["anyOf"][0]["properties"]
    assert {"act", "cs1", "msg", "devTime"} <= set(keys)
    assert not {"cs1Label", "ahost"} & set(keys)  # written with cs1, filled by receivers
    assert keys["act"]["description"] == "What the device did about it"


# --- What the loader takes ----------------------------------------------------------------------

ELSEWHERE = {"M014", "M015", "M016"}
"""Other files and the environment, of which a schema of one file knows nothing."""


@pytest.mark.parametrize("name", shipped.names())
def test_a_shipped_mapping_is_valid(name):
    assert faults(shipped.path(name).read_text()) == []


def blocks(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    # A page of lint may show several files in one block; what stands beside a mapping is none.
    files = [
        file for block in found for file in re.split(r"^(?=# \S+\.yaml)", block, flags=re.MULTILINE)
    ]
    found = [file for file in files if not re.match(r"# \S+\.slots\.yaml", file)]
    return [block for block in found if re.match(r"(# (?!broken).*\n)*mapping:", block)]


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOWN = [(page.name, block) for page in PAGES for block in blocks(page)]


@pytest.mark.parametrize(("page", "block"), SHOWN, ids=lambda it: it[:20])
def test_a_mapping_in_the_docs_is_valid(page, block):
    assert faults(block) == [], page


def test_the_docs_show_mappings():
    assert len(SHOWN) > 10
    assert {"README.md", "mapping-language.md", "mapping-values.md", "receivers.md"} <= {
        page for page, _ in SHOWN
    }


@pytest.mark.parametrize("code", RULES, ids=lambda it: it.id)
def test_what_a_lint_rule_calls_good_is_valid(code):
    good = (RULES[code].__doc__ or "").partition("Good:\n")[2]
    name = "" if "mapping:" in good else "mapping: page\n"
    assert faults(name + re.sub(r"^ {8}", "", good, flags=re.MULTILINE)) == []


def texts_of_tests() -> list[str]:
    """Return all mappings that tests hold: texts that begin as one does."""
    found = {
        node.value: None
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.match(r"mapping: ", node.value)
    }
    cases = [
        case[0] for table in (test_problems.CASES, test_slots.CASES) for case in table.values()
    ]
    return [*found, *(text for text in cases if isinstance(text, str))]


def is_taken(text: str, folder: Path) -> bool:
    path = folder / "m.yaml"
    path.write_text(text, encoding="utf-8")
    errors = [it for it in problems(path) if it.severity == "error"]
    # A file that cannot be read at all is told at its beginning.
    return all(it.code in ELSEWHERE and it.at[1:] != (1, 1) for it in errors)


def test_every_mapping_of_the_tests_that_is_taken_is_valid(tmp_path):
    (tmp_path / "teams.csv").write_text("a,b\n")
    taken = [text for text in texts_of_tests() if is_taken(text, tmp_path)]
    assert len(taken) > 60
    assert [(text, faults(text)) for text in taken if faults(text)] == []


@pytest.mark.parametrize(
    "body",
    [
        "extension: {act: Block, cat: 10, msg: yes, cs1: null}",
        "extension: {act: [Block, {from: Action}, 10:30, 2024-01-01]}",
        "extension: {reason: {value: No, when: {HostPID: 12, TTY: {is: [present, ipv4]}}}}",
        "extension: {reason: {from: Labels.app, table: {1: 2, yes: no, file: x}, else: 1.10}}",
        "extension: {reason: {from: AvailabilityZone, max_length: '20'}}",
        "extension:\nenvelope:\nunmapped:\ndrop:\nexamples:\ncluster: ~",
        "header: {severity: {from: event.severity, via: '${V:-upper}', max_length: '${L:-5}'}}",
        "envelope: {max_bytes: '${B:-2048}', sequence: '${Q:-yes}', facility: '${F:-local3}'}",
        "envelope: {facility: [{value: local3, when: {HostName: a}}, local4], app_name: {from: Type}}",
        "envelope: {facility: {from: Labels.f, default: '${F:-local3}'}, time_zone: +01:00}",
        "envelope: {sequence: Off, leef_version: 1.0, hostname: node-1, truncate_first: KubeArmorX}",
        "envelope: {sequence: 'TRUE', framing: '${F:-lf}', delimiter: '^'}",
        "drop_events: {event.kind: log}",
        "drop_events: [{event.kind: [log, 'a*'], HostName: {is: absent}}]\ndrop: Cwd\nfilters: soc_lean",
        "extends: [kubearmor-cef]",
        "extension: {Team: [{from: Labels.team}, {value: none, slot: auto}]}",
        "examples: {event: {a: [1, {b: ~}]}, expect: {act: ~, cs1: 5, header.name: yes}, name: 7}",
    ],
)
def test_what_people_write_without_quotes_is_valid(body, tmp_path):
    text = f"mapping: 1.10\n{body}\n"
    assert is_taken(text.replace("'^'", "x5E"), tmp_path)
    assert faults(text) == []


NAMES = st.sampled_from(["Action", "Labels.app", "HostPID", "Resource", "AvailabilityZone"])
TEXTS = st.sampled_from(["x", "", "10", "No", "a: b", "*", "2024-01-01", "~"]) | st.integers(0, 20)
TESTS = TEXTS | st.fixed_dictionaries({"is": st.sampled_from(spec.IS_CLASSES)})
ONE_OR_MORE = {
    "from": NAMES | st.lists(NAMES, min_size=1, max_size=3),
    "via": st.sampled_from(list(TRANSFORMS)) | st.lists(st.sampled_from(list(TRANSFORMS))),
}
WHEN = st.dictionaries(NAMES, TESTS | st.lists(TESTS, min_size=1, max_size=3), max_size=2)
FROM = st.fixed_dictionaries(
    {"from": ONE_OR_MORE["from"]},
    optional={
        "via": ONE_OR_MORE["via"],
        "when": WHEN,
        "default": TEXTS,
        "table": st.dictionaries(TEXTS.map(str), TEXTS, max_size=3),
        "max_length": st.integers(1, 99) | st.integers(1, 99).map(str),
        "slot": st.just("auto"),
    },
)
RULE = TEXTS | FROM | st.fixed_dictionaries({"value": TEXTS}, optional={"when": WHEN})
ODD = st.none() | st.lists(TEXTS, max_size=2) | st.dictionaries(TEXTS.map(str), TEXTS, max_size=2)
RULES_ = RULE | st.lists(RULE, min_size=1, max_size=3) | ODD
MAPPINGS = st.fixed_dictionaries(
    {"mapping": st.just("m") | TEXTS},
    optional={
        "extension": st.dictionaries(
            st.sampled_from(["act", "reason", "KubeArmorX", "Team", "msg"]), RULES_, max_size=3
        ),
        "header": st.dictionaries(st.sampled_from(spec.HEADER_FIELDS[:5]), RULES_, max_size=2),
        "drop_fields": NAMES | st.lists(NAMES) | ODD,
        "drop_events": WHEN | st.lists(WHEN, max_size=2) | ODD,
        "cluster": TEXTS | ODD,
        "envelope": st.dictionaries(
            st.sampled_from(list(yaml_fields(spec.Envelope))), RULES_ | st.integers(), max_size=2
        ),
        "examples": ODD
        | st.lists(st.fixed_dictionaries({"event": ODD, "expect": ODD}), max_size=2),
    },
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("schema")


@settings(max_examples=150, deadline=None)
@given(said=MAPPINGS)
def test_whatever_the_loader_takes_is_valid(said, folder):
    text = json.dumps(said)
    assume(is_taken(text, folder))
    assert faults(text) == []


# --- What the schema refuses ---------------------------------------------------------------------

SHAPE = {"M001", "M005", "M010", "M011", "M012", "M023", "M031"}
"""Unknown settings, wrong types, names of what there is a list of, what is missing."""


SHAPELESS = [
    name
    for name, (_, expected) in test_problems.CASES.items()
    if {line.split()[1] for line in expected.splitlines()} <= SHAPE
    and name != "list as a key"  # which JSON cannot say
]


@pytest.mark.parametrize("name", SHAPELESS)
def test_what_is_wrong_by_its_shape_is_refused(name):
    text, _ = test_problems.CASES[name]
    assert faults(text)


@pytest.mark.parametrize(
    "body",
    [
        "format: cfe",
        "unmapped: kep",
        "envelope: {framing: lines}",
        "envelope: {sequence: perhaps}",
        "envelope: {max_bytes: 100}",
        "envelope: {max_bytes: many}",
        "envelope: {facility: local9}",
        "header: {severty: 5}",
        "filters: [soc_lan]",
        "extension: {act: {from: Action, via: basenam}}",
        "extension: {act: {from: Action, slot: 5}}",
        "extension: {'a b': x}",
        "extension: {act: {from: Action, when: {Action: {is: ipv5}}}}",
        "extension: {act: {from: Action, value: x}}",
        "extension: {act: {}}",
        "extension: {act: []}",
        "extension: {act: {from: ~}}",
        "extension: {act: {from: Action, table: [a, b]}}",
        "extends: [splunk, sentinel]",
        "drop_events: [{}]",
        "examples: [{event: {}}]",
    ],
)
def test_what_no_mapping_may_say_is_refused(body, tmp_path):
    text = f"mapping: m\n{body}\n"
    assert not is_taken(text, tmp_path)
    assert faults(text)
