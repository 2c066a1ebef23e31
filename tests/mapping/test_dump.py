from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cef_bridge.mapping.language import shipped, spec
from cef_bridge.mapping.language.dump import to_plain, to_yaml
from cef_bridge.mapping.language.values import test_of as make_test
from cef_bridge.mapping.load import load


def bare(value):
    """Return the value without places, and without what a merged mapping does not say again."""
    if isinstance(value, msgspec.Struct):
        fields = {name: bare(getattr(value, name)) for name in value.__struct_fields__}
        return {k: v for k, v in fields.items() if k not in ("at", "path", "extends")}
    if isinstance(value, tuple):
        return tuple(map(bare, value))
    if isinstance(value, dict):
        return {key: bare(inner) for key, inner in value.items()}
    return value


def loads_again(mapping, folder):
    path = folder / "again.yaml"
    path.write_text(to_yaml(mapping))
    again = load(path, env={})
    assert bare(again) == bare(mapping)
    assert list(again.extension) == list(mapping.extension)
    assert to_yaml(again) == to_yaml(mapping)


@pytest.mark.parametrize("name", shipped.names())
def test_a_shipped_mapping_written_out_is_the_same_mapping(name, tmp_path):
    loads_again(load(name, env={}), tmp_path)


def test_a_merged_mapping_is_written_in_full(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n")
    (tmp_path / "a.yaml").write_text("mapping: a\nextension: {act: {from: Action}, msg: x}\n")
    (tmp_path / "b.yaml").write_text(
        """\
mapping: b
extends: a.yaml
description: |
  Two
  lines.
cluster: "$${A} 10"
severity: [{value: 7, when: {HostIP: {is: ipv4}, Severity: ["1", "x*"]}}, 3]
extension:
  cs1: [{from: [Cwd, TTY], label: "No"}, "null"]
  cs2: {from: PodName, table: {file: t.csv}, else: "", via: [lower, upper], label: "1.0"}
drop_events: [{event.kind: log}]
envelope: {max_bytes: 1024, sequence: true, hostname: "~"}
examples:
  - {name: "12", event: {a: "1e5", b: 1e5, c: null, d: "null", e: [true, "true", {}]}, expect: {act: "", cs1: null, cs2: "~"}}
"""
    )
    mapping = load(tmp_path / "b.yaml")
    assert to_yaml(mapping) == (
        f"""\
mapping: b
format: cef
description: |
  Two
  lines.
cluster: $${{A}} 10
severity:
- {{value: 7, when: {{HostIP: {{is: ipv4}}, Severity: [1, x*]}}}}
- {{value: 3}}
extension:
  act: {{from: Action}}
  cs1:
  - {{from: [Cwd, TTY], label: 'No'}}
  - {{value: 'null', label: 'No'}}
  cs2: {{from: PodName, table: {{file: {tmp_path}/t.csv}}, else: '', via: [lower, upper], label: 1.0}}
  msg: {{value: x}}
drop_events:
- {{event.kind: log}}
envelope:
  hostname: {{value: '~'}}
  max_bytes: 1024
  sequence: true
examples:
- name: 12
  event: {{a: '1e5', b: 100000.0, c: null, d: 'null', e: [true, 'true', {{}}]}}
  expect: {{act: '', cs1: null, cs2: '~'}}
"""
    )
    loads_again(mapping, tmp_path)
    plain = to_plain(mapping)
    assert plain["envelope"] == {"hostname": {"value": "~"}, "max_bytes": 1024, "sequence": True}
    assert plain["extension"]["cs2"]["label"] == "1.0"
    assert plain["examples"][0]["event"]["e"] == [True, "true", {}]


# What a YAML file can hold: printable text.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufeff"), max_size=12
)
HARD = st.sampled_from(
    [
        "",
        "null",
        "~",
        "No",
        "<<",
        "=",
        "1",
        "1.0",
        "0x1",
        "1e5",
        "- a",
        "a: b",
        "#",
        "*x",
        "&x",
        "!x",
        "[",
        "{a",
        "a\nb",
        "a\n",
        " a ",
        "\t",
        "${A}",
        "$${A}",
        "'",
        '"',
        "%",
        "@",
        "2024-01-01",
        "1:30",
    ]
)
ANY_TEXT = TEXTS | HARD
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT | st.floats(-1e9, 1e9, allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
MAPPINGS = st.builds(
    spec.Mapping,
    name=ANY_TEXT.filter(bool),
    description=ANY_TEXT,
    cluster=ANY_TEXT.filter(bool),
    header=st.dictionaries(
        st.sampled_from(["name", "device_version"]),
        st.builds(spec.Rule, from_=st.just(("Cwd",)), default=ANY_TEXT).map(lambda rule: (rule,)),
    ),
    extension=st.dictionaries(
        ANY_TEXT.map(lambda text: "KubeArmorX" + "".join(c for c in text if c in "ab01")),
        st.lists(
            st.builds(
                spec.Rule,
                from_=st.just(("Cwd",)),
                table=st.none() | st.dictionaries(HARD, ANY_TEXT, min_size=2).map(spec.Table),
                when=st.lists(
                    st.builds(
                        spec.Condition,
                        path=st.just("TTY"),
                        any_of=st.lists(ANY_TEXT.map(make_test), min_size=1, max_size=3).map(tuple),
                    ),
                    max_size=1,
                ).map(tuple),
            ),
            min_size=1,
            max_size=2,
        ).map(tuple),
        max_size=3,
    ),
    examples=st.lists(
        st.builds(
            spec.Example,
            event=st.dictionaries(ANY_TEXT, JSON, max_size=3),
            expect=st.dictionaries(ANY_TEXT, st.none() | ANY_TEXT, max_size=3),
            name=ANY_TEXT,
        ),
        max_size=2,
    ).map(tuple),
)


@settings(max_examples=100, deadline=None)
@given(MAPPINGS)
def test_whatever_a_mapping_says_it_says_the_same_when_written_and_read(tmp_path_factory, mapping):
    loads_again(mapping, tmp_path_factory.getbasetemp())
