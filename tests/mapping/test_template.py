"""Templates: a text with fields in braces, and what becomes of the fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.kubearmor.derive import derive
from cef_bridge.lines import FORMATS
from cef_bridge.mapping.examples import written
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.language.dump import to_yaml
from cef_bridge.mapping.language.template import parse, renamed
from cef_bridge.mapping.load import load, problems
from cef_bridge.mapping.program.compile import Program
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.mapping.program.rules import filler
from cef_bridge.workbench.coverage import Coverage
from cef_bridge.workbench.explain import explain

EVENT = {
    "Type": "MatchedPolicy",
    "Operation": "File",
    "Action": "Block",
    "NamespaceName": "shop",
    "PodName": "web-0",
    "HostName": "n1",
    "Cwd": "/srv",
    "Labels": "app=web,tier=front",
    "HostPID": 7,
    "Severity": "7",
}


@pytest.fixture
def load_text(tmp_path):
    def put(text):
        path = tmp_path / "m.yaml"
        path.write_text(f"mapping: m\ncluster: lab\n{text}")
        return load(path)

    return put


def value(mapping, event=EVENT, key="KubeArmorX"):
    return written(Program(mapping), dict(event)).get(key)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{NamespaceName}/{PodName}", "shop/web-0"),
        ("pod {PodName}", "pod web-0"),
        ("{PodName}", "web-0"),
        ("{ PodName }", "web-0"),
        ("{Labels.app}@{HostPID}", "web@7"),
        ("{{{PodName}}}", "{web-0}"),
        ("{{PodName}} is {PodName}", "{PodName} is web-0"),
        ("{event.verb} by {process.role}", "other by actor"),
        ("{PodName}{PodName}", "web-0web-0"),
        ("{NamespaceName}/{ContainerName}", None),
        ("{Labels.owner}", None),
    ],
)
def test_fields_stand_in_the_place_of_their_braces(load_text, template, expected):
    mapping = load_text(f"extension: {{KubeArmorX: {{template: '{template}'}}}}\n")
    assert value(mapping) == expected


def test_the_next_rule_has_its_turn_where_a_field_is_not_there(load_text):
    rules = '[{template: "{NamespaceName}/{ContainerName}"}, {template: "{NamespaceName}/{PodName}"}, {from: HostName}]'
    mapping = load_text(f"extension: {{KubeArmorX: {rules}}}\n")
    assert value(mapping) == "shop/web-0"
    assert value(mapping, {"Type": "HostLog", "Operation": "File", "HostName": "n1"}) == "n1"


def test_a_template_has_the_other_settings_of_a_rule(load_text):
    mapping = load_text(
        "extension:\n"
        '  KubeArmorX: {template: "{NamespaceName}/{PodName}", via: upper, max_length: 8, when: {event.kind: alert}}\n'
        '  KubeArmorY: {template: "{NamespaceName}/{PodName}", table: {shop/web-0: first}, else: other}\n'
        '  cs1: {template: "{NamespaceName}/{PodName}", label: Place}\n'
    )
    got = written(Program(mapping), dict(EVENT))
    assert (got["KubeArmorX"], got["KubeArmorY"]) == ("SHOP/WEB", "first")
    assert (got["cs1"], got["cs1Label"]) == ("shop/web-0", "Place")


def test_templates_stand_in_the_header_the_severity_and_the_host_name_too(load_text):
    mapping = load_text(
        "extends: splunk\n"
        'header: {name: {template: "{event.name} in {NamespaceName}"}}\n'
        'severity: [{template: "{Severity}", when: {event.kind: alert}}]\n'
        'envelope: {hostname: {template: "{cluster}-{HostName}"}}\n'
    )
    got = written(Program(mapping), dict(EVENT))
    assert got["header.name"] == got["KubeArmorEventName"]
    assert got["header.name"].endswith(" in shop")
    assert got["header.severity"] == "7"
    line = Converter(mapping, syslog_header="rfc5424").convert(dict(EVENT)).message
    assert " lab-n1 kubearmor " in line


def test_a_template_repeats_the_header_as_well(load_text):
    mapping = load_text(
        "extends: splunk\n"
        "header: {severity: {value: 9}}\n"
        'extension: {KubeArmorX: {template: "{event.severity} of 10 {{}}"}}\n'
    )
    assert value(mapping) == "9 of 10 {}"


def test_what_a_template_joins_stands_elsewhere_too(load_text):
    mapping = load_text('unmapped: keep\nextension: {KubeArmorX: {template: "{PodName} {Cwd}"}}\n')
    got = written(Program(mapping), dict(EVENT))
    assert (got["KubeArmorPodName"], got["KubeArmorCwd"]) == ("web-0", "/srv")


def test_what_is_redacted_in_a_template_stands_nowhere_as_it_was(load_text):
    mapping = load_text(
        'unmapped: keep\nextension: {KubeArmorX: {template: "{Cwd} {Source}", via: redact}}\n'
    )
    got = written(Program(mapping), {**EVENT, "Source": "tool --password=hunter2"})
    assert "hunter2" not in str(got)
    assert got["KubeArmorX"] == "/srv tool --password=***"


@pytest.mark.parametrize("drop", ["PodName", "Labels"])
def test_what_is_dropped_stands_in_no_template(load_text, drop):
    mapping = load_text(
        f"drop: [{drop}]\n"
        'extension: {KubeArmorX: {template: "{NamespaceName} {PodName} {Labels.app}"}, KubeArmorY: {from: Cwd}}\n'
        "# lint-ok M060 a test\n"
    )
    got = written(Program(mapping), dict(EVENT))
    assert "KubeArmorX" not in got


HOSTILE = st.lists(
    st.sampled_from([*"CEF:0|LEEF =\\^\t\n\r\x00\x1b\u202e\ud800{}", "a", "CEF:", "0|a"]),
    max_size=12,
).map("".join)


@pytest.fixture(scope="module")
def joining(tmp_path_factory):
    """Each shipped mapping with a key that joins two fields, compiled."""
    programs = {}
    for name in shipped.names():
        path = tmp_path_factory.mktemp("joining") / "m.yaml"
        rule = '{template: "{Cwd}{TTY}", via: {replace: ["a", "F:0"]}}'
        path.write_text(f"mapping: m\nextends: {name}\nextension: {{KubeArmorX: {rule}}}\n")
        programs[name] = Program(load(path))
    return programs


@given(one=HOSTILE, two=HOSTILE, name=st.sampled_from(shipped.names()))
def test_no_texts_that_are_joined_forge_anything(joining, one, two, name):
    program, key = joining[name], "KubeArmorX"
    mapping = program.mapping
    plain = {**EVENT, "Cwd": "x", "TTY": "y"}
    hostile = {**EVENT, "Cwd": one, "TTY": two}
    before = set(written(program, plain)) | {key}
    after = written(program, hostile)
    assert set(after) - {key, "KubeArmorSuspicious", "suspicious"} <= before
    for needle in mapping.envelope.defang:
        assert needle not in after.get(key, "")
    output = program.evaluate(derive(dict(hostile)))
    (hit,) = [it for it in output.hits if it.key == key] or [None]
    if hit is not None:
        assert program.format.neutral(hit.text) == hit.text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{PodName", 'It has a single "{". Write {{ for a brace, or {PodName}.'),
        ("PodName}", 'It has a single "}". Write }} for a brace, or {PodName}.'),
        ("{}", "It has braces without a field between them."),
        ("{ }/x", "It has braces without a field between them."),
        ("PodName", 'It has no field in braces, such as {PodName}. For a constant write "value".'),
        ("{{PodName}}", "It has no field in braces"),
        ("{PodNam}", 'No event has a field "PodNam". Did you mean "PodName"?'),
        ("{Cwd}" * 17, "It has 17 fields. Expected 16 at most."),
    ],
)
def test_a_faulty_template_is_told(tmp_path, template, message):
    path = tmp_path / "m.yaml"
    path.write_text(f"mapping: m\nextension: {{KubeArmorX: {{template: '{template}'}}}}\n")
    (found,) = [it.message for it in problems(path) if it.severity == "error"]
    assert message in found


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ('KubeArmorX: {template: "{PodName}", from: Cwd}', ["M012"]),
        ('KubeArmorX: {template: "{PodName}", default: x}', ["M013"]),
        ('KubeArmorX: "{NamespaceName}/{PodName}"', ["M059"]),
        ('KubeArmorX: "{a}/{b}"', []),
        ('shost: {template: "{PodName}.{NamespaceName}"}', ["M041", "M041"]),
        ('reason: {template: "{ContainerImage} {Labels}"}', ["M037"]),
        ('Team: {template: "{PodName}-{HostPID}", slot: auto}', []),
    ],
)
def test_lint_knows_templates(tmp_path, text, codes):
    path = tmp_path / "m.yaml"
    path.write_text(
        f"mapping: m\ncluster: lab\nextension:\n  externalId: {{from: event.id}}\n  {text}\n"
    )
    assert [it.code for it in problems(path) if it.code != "M049"] == codes


def test_a_template_is_written_as_it_is_read(load_text, tmp_path):
    text = "extension: {KubeArmorX: {template: '{{{PodName}}}: {Labels.app}'}}\n"
    mapping = load_text(text)
    (tmp_path / "again.yaml").write_text(to_yaml(mapping))
    again = load(tmp_path / "again.yaml").extension["KubeArmorX"][0]
    assert again.template == mapping.extension["KubeArmorX"][0].template
    assert renamed("{{a}} {b}", {"b": "c"}) == "{{a}} {c}"


@given(st.text(st.sampled_from("{}ab ."), max_size=20))
def test_every_text_is_a_template_or_is_told_to_be_none(text):
    found = parse(text)
    assert found.wrong or found.paths
    assert parse(renamed(text, {})).parts == tuple(p for p in _joined(found.parts))


def _joined(parts):
    """Yield parts with neighbouring texts as one, as they are read again."""
    text = ""
    for part in parts:
        if part.path:
            if text:
                yield parse("x")[0][0]._replace(text=text)
            text = ""
            yield part
        else:
            text += part.text
    if text:
        yield parse("x")[0][0]._replace(text=text)


def test_explain_shows_what_was_joined_and_why_not(load_text):
    mapping = load_text(
        "unmapped: keep\nextension:\n"
        '  KubeArmorX: {template: "{NamespaceName}/{PodName}", via: {after: "/"}}\n'
        '  KubeArmorY: {template: "{NamespaceName}/{ContainerName}"}\n'
    )
    shown = explain(Converter(mapping), dict(EVENT))
    row = next(row for row in shown.rows if row.key == "KubeArmorX")
    assert row.path == "{NamespaceName}/{PodName}"
    assert row.sources == ("NamespaceName", "PodName")
    assert row.steps == ('template: "shop/web-0"', 'via after "/": "web-0"')
    (why,) = next(it.why for it in shown.unwritten if it.key == "KubeArmorY")
    assert why.why == "ContainerName not there"


def test_coverage_counts_the_fields_of_a_template_as_mapped(load_text):
    mapping = load_text(
        'unmapped: drop\nextension: {KubeArmorX: {template: "{NamespaceName}/{PodName}"}}\n'
    )
    coverage = Coverage(Converter(mapping))
    coverage.count(coverage.examine(dict(EVENT), ""), 3)
    rows = {row.path: row for row in coverage.fields()}
    assert rows["NamespaceName"].keys == rows["PodName"].keys == ("KubeArmorX",)
    assert rows["NamespaceName"].fates == rows["PodName"].fates == {"partial": 3}


def test_a_filler_is_linear_and_asks_nothing_twice():
    fill = filler("{A}-{B}")
    assert fill({"A": 1.0, "B": ["x", "y"]}) == "1-x,y"
    assert fill({"A": "", "B": "x"}) is None
    assert FORMATS
