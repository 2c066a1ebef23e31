"""Whatever a file holds: a mapping, or problems with places, in words an operator knows."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cef_bridge.errors import MappingError
from cef_bridge.mapping.language import spec
from cef_bridge.mapping.language.nodes import MOST_DEPTH, read
from cef_bridge.mapping.language.reader import yaml_fields
from cef_bridge.mapping.load import load, problems

LINE = re.compile(r".+:[1-9]\d*:[1-9]\d* M0\d\d \S.*[.?…{~]")
PYTHON = re.compile(
    r"NoneType|\w+Error|\w+Exception|Traceback|__\w+__|<\w+ object|<class|\bdict\b|\btuple\b"
    r"|\bstr\b|\bint\b|\bbool\b|'list'|object has|msgspec|libyaml|self\.|codec|0x[0-9a-f]{6}"
)

SETTINGS = [
    key
    for struct in (spec.Mapping, spec.Rule, spec.Envelope, spec.Example)
    for key in yaml_fields(struct)
]
WORDS = st.sampled_from(
    [
        *SETTINGS,
        "act",
        "cs1",
        "cs1Label",
        "msg",
        "KubeArmorX",
        "dstt",
        "Action",
        "Labels",
        "event.kind",
        "log",
        "is",
        "ipv4",
        "file",
        "null",
        "~",
        "",
        "No",
        "1",
        "-1",
        "9" * 20,
        "1e999",
        "*",
        "a*",
        "${A}",
        "${",
        "kubearmor-cef",
        "m.yaml",
        "/",
        ".",
        "\x00",
        "\u2028",
        "é",
        "𝄞",
        "redact",
        "<<",
        "splunk",
        "sentinel",
        "qradar-leef",
        "dst",
        "c6a3",
        "shost",
        "externalId",
        "destination.ip",
        "PodName",
        "event.verb",
        "exec",
        "alert",
        "drop_fields",
        "Labels.\x1b[31m",
        "data.\u202e",
        "\x1b]0;x\x07",
        "# lint-ok M059 x",
        "# lint-ok",
    ]
)
TEXTS = WORDS | st.text(max_size=6)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=20,
)
SECTIONS = st.dictionaries(st.sampled_from(list(yaml_fields(spec.Mapping))), DATA, max_size=6)
TOKENS = st.lists(
    WORDS
    | st.sampled_from(
        [*list(":-,?[]{}#&*!|>'\"%@`\n\t "), "\n  ", "\n- ", ": ", "&a ", "*a", "---\n", "!!x "]
    ),
    max_size=40,
).map("".join)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile") / "m.yaml"


def check(path, data):
    path.write_bytes(data)
    try:
        mapping = load(path, env={})
    except MappingError as error:
        lines = str(error).split("\n")
    else:
        assert isinstance(mapping, spec.Mapping)
        lines = []
    lines += [str(problem) for problem in problems(path, env={})]
    given_text = data.decode("utf-8", "replace")
    for line in lines:
        assert LINE.fullmatch(line), line
        assert line.isprintable(), line
        for word in PYTHON.findall(line):
            assert word in given_text, line


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=60))
@example(data=b"\xff\xfe")
@example(data=b"\xef\xbb\xbf")
def test_random_bytes(path, data):
    check(path, data)


@settings(max_examples=100, deadline=None)
@given(text=TOKENS)
def test_random_yaml_tokens(path, text):
    check(path, text.encode("utf-8", "surrogatepass"))


@settings(max_examples=100, deadline=None)
@given(data=DATA | SECTIONS)
def test_random_data_under_the_names_of_settings(path, data):
    check(path, json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass"))


RULES = st.dictionaries(st.sampled_from(list(yaml_fields(spec.Rule))), DATA | TEXTS, max_size=4)


@settings(max_examples=100, deadline=None)
@given(
    rules=st.dictionaries(TEXTS, RULES | st.lists(RULES, max_size=3) | DATA, max_size=3),
    section=st.sampled_from(["extension", "header", "severity", "envelope"]),
)
def test_random_rules(path, rules, section):
    said = {"mapping": "m", section: list(rules.values()) if section == "severity" else rules}
    check(path, json.dumps(said, ensure_ascii=False).encode("utf-8", "surrogatepass"))


CONDITIONS = st.dictionaries(
    st.sampled_from(["event.kind", "event.verb", "event.class_id", "Type", "Operation", "PodName"]),
    WORDS | st.lists(WORDS, max_size=3) | st.sampled_from([{"is": "absent"}, {"is": "ipv4"}]),
    max_size=3,
)
ALMOST_RULES = WORDS | st.fixed_dictionaries(
    {},
    optional={
        "from": WORDS | st.lists(WORDS, max_size=3),
        "value": WORDS,
        "when": CONDITIONS,
        "table": st.dictionaries(WORDS, WORDS, max_size=3),
        "default": WORDS,
        "label": WORDS,
        "max_length": st.integers(0, 5000),
        "spread": WORDS,
    },
)
ALMOST_KEYS = st.dictionaries(
    st.sampled_from(["dst", "cs1", "cn1", "rt", "act", "shost", "c6a3", "externalId", "name"]),
    ALMOST_RULES | st.lists(ALMOST_RULES, max_size=3) | st.none(),
    max_size=4,
)
ALMOST = st.fixed_dictionaries(
    {"mapping": WORDS},
    optional={
        "extends": st.sampled_from(["splunk", "sentinel", "qradar-leef", "graylog", "arcsight"]),
        "extension": ALMOST_KEYS,
        "header": ALMOST_KEYS,
        "envelope": st.fixed_dictionaries(
            {},
            optional={
                "syslog_header": st.sampled_from(["none", "rfc3164", "rfc5424"]),
                "leading_key": WORDS | st.none(),
                "truncate_first": st.lists(WORDS, max_size=3),
                "defang": st.lists(WORDS, max_size=3),
                "cef_version": st.sampled_from(["0", "1"]),
                "ipv6": st.sampled_from(["direct", "custom"]),
                "hostname": ALMOST_RULES | st.none(),
                "facility": WORDS | ALMOST_RULES,
                "app_name": WORDS | ALMOST_RULES,
                "time_zone": WORDS | st.sampled_from(["local", "Europe/Berlin", "+01:00"]),
            },
        ),
        "drop_fields": st.lists(WORDS, max_size=2),
        "drop_events": st.lists(CONDITIONS, max_size=3),
    },
)


@settings(max_examples=100, deadline=None)
@given(said=ALMOST)
def test_mappings_that_are_almost_right(path, said):
    check(path, json.dumps(said, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_shipped_mapping_with_a_few_bytes_changed(path, data):
    text = bytearray(SHIPPED)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.sampled_from(
                [b"", b":", b"'", b'"', b"{", b"]", b"\n", b"\t", b"*", b"&a ", b"\xff", b"- "]
            )
        )
    check(path, bytes(text))


SHIPPED = b"""\
mapping: acme
cluster: ${CLUSTER:-x}
header:
  severity:
    - {value: 10, when: {Tags: ["MITRE_T1611*"]}}
    - {from: event.severity}
extension:
  cs2: {from: NamespaceName, label: K8sNamespace}
  outcome: {from: Result, table: {Passed: success, Removed: success}, else: failure}
  dst:
    - {from: remote.ip, when: {event.verb: connect, remote.ip: {is: ipv4}}}
    - {from: data.DestinationIP}
  KubeArmorArgs: {from: Source, via: redact}
  KubeArmorLabel: {spread: Labels, only: ["app*"], max: 20}
drop_fields: [Cwd, "EventData.*"]
drop_events:
  - {event.kind: log, NamespaceName: [kube-system, "monitoring-*"]}
envelope: {syslog_header: rfc5424, facility: local0, max_bytes: 8192, truncate_first: [KubeArmorLabels]}
examples:
  - event: {Type: MatchedPolicy, Operation: Process}
    expect: {act: Block, cs2: default}
"""


@pytest.mark.parametrize("depth", [MOST_DEPTH, MOST_DEPTH + 1])
def test_nesting_is_read_up_to_its_limit(depth):
    root, found = read(b"[" * depth + b"]" * depth, "m.yaml")
    assert bool(found) == (depth > MOST_DEPTH)
    assert root is not None or found
