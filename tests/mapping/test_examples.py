from __future__ import annotations

import pytest

from cef_bridge.errors import Location
from cef_bridge.mapping import examples
from cef_bridge.mapping.load import load


@pytest.fixture
def run(tmp_path):
    """Run the examples of a mapping given as text."""

    def run(text: str) -> list[examples.ExampleResult]:
        path = tmp_path / "acme.yaml"
        path.write_text(f"mapping: acme\ncluster: prod\n{text}")
        return examples.run(load(path))

    return run


BLOCK = "{Type: MatchedPolicy, Operation: File, Action: Block, Severity: '8', Resource: 'a=b|c'}"


def test_an_example_that_holds_has_no_differences(run, tmp_path):
    outcomes = run(f"""\
extension: {{act: {{from: Action}}}}
examples:
  - {{name: a block, event: {BLOCK}, expect: {{act: Block, cs1: null}}}}
""")
    assert outcomes == [
        examples.ExampleResult("a block", Location(str(tmp_path / "acme.yaml"), 5, 5), True, ())
    ]


def test_every_key_that_differs_is_told_with_what_was_expected_and_got(run):
    (outcome,) = run(f"""\
extension: {{act: {{from: Action}}, cat: {{from: Operation}}}}
examples:
  - {{event: {BLOCK}, expect: {{act: Allow, cs1: x, cat: null, KubeArmorType: MatchedPolicy}}}}
""")
    assert not outcome.passed
    assert outcome.differences == (
        ("act", "Allow", "Block"),
        ("cs1", "x", None),
        ("cat", None, "File"),
    )


def test_values_are_compared_as_a_siem_reads_them(run):
    """Escapes are gone again, and what a receiver cannot take has been replaced."""
    cef = "extension: {filePath: {from: Resource}}\n"
    leef = f"format: leef\n{cef}"
    example = f"examples: [{{event: {BLOCK}, expect: {{filePath: %s}}}}]\n"
    assert run(cef + example % "a=b|c")[0].passed
    assert run(leef + example % "a=b/c")[0].passed
    assert run(f"envelope: {{pipe: replace}}\n{cef}{example % 'a=b/c'}")[0].passed


def test_fields_of_the_header_are_named_with_header_before_them(run):
    (outcome,) = run(f"""\
extends: kubearmor-cef
examples:
  - event: {BLOCK}
    expect:
      header.device_vendor: KubeArmor
      header.device_version: unknown
      header.device_event_class_id: alert.host.file.other.block
      header.name: File activity blocked by policy
      header.severity: '8'
""")
    assert outcome.differences == ()


def test_leef_has_no_name_and_no_severity_in_its_header(run):
    (outcome,) = run(f"""\
format: leef
examples: [{{event: {BLOCK}, expect: {{header.name: null, header.severity: null}}}}]
""")
    assert outcome.passed


def test_an_event_that_is_dropped_must_be_expected_to_be(run):
    outcomes = run(f"""\
drop_events: [{{event.kind: alert}}]
examples:
  - {{event: {BLOCK}, expect: {{filtered: "true"}}}}
  - {{event: {BLOCK}, expect: {{act: null}}}}
  - {{event: {{Type: HostLog, Operation: File}}, expect: {{filtered: null}}}}
  - {{event: {{Type: HostLog, Operation: File}}, expect: {{filtered: "true"}}}}
""")
    assert [outcome.differences for outcome in outcomes] == [
        (),
        (("filtered", None, "true"),),
        (),
        (("filtered", "true", None),),
    ]


def test_an_event_may_be_pasted_from_any_exporter(run):
    outcomes = run("""\
extension: {cs2: {from: NamespaceName, label: Namespace}}
examples:
  - {event: {operation: File, namespaceName: shop}, expect: {cs2: shop}}
  - {event: {_source: {Operation: File, NamespaceName: shop}}, expect: {cs2: shop}}
  - {event: {Hostname: n, Detail: {Operation: File, NamespaceName: shop}}, expect: {cs2: shop}}
  - {event: {NamespaceName: shop}, expect: {cs2: shop}}
""")
    assert all(outcome.passed for outcome in outcomes), outcomes


def test_examples_are_not_inherited(run):
    assert run("extends: splunk\n") == []
