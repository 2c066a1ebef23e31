"""Where the lint rules about meaning speak, and where they are silent: whole lines are in
test_problems.py, a bad and a good example of each in its page.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.kubearmor.classes import catalogue
from cef_bridge.kubearmor.fields import DERIVED, RAW
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.lint import fits
from cef_bridge.mapping.load import check, load, problems

INCOMPLETE = {"M029", "M048", "M049"}


@pytest.fixture
def codes(tmp_path, monkeypatch):
    """Return a function that gives the codes of a mapping's text, what a whole one needs aside."""
    monkeypatch.chdir(tmp_path)

    def of(text, name="m.yaml", but=INCOMPLETE):
        (tmp_path / name).write_text(text if "mapping:" in text else f"mapping: m\n{text}")
        return sorted(problem.code for problem in problems(name) if problem.code not in but)

    return of


def rules(body, extends=""):
    parent = f"extends: {extends}\n" if extends else ""
    return f"{parent}extension:\n  {body}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Labels
        (rules("cs2: {from: HostName, label: K8sNamespace}", "splunk"), []),
        (rules("c6a1: {from: local.ip, label: Device IPv6 Address}"), []),
        (rules("c6a1: {from: local.ip, label: Own IPv6 Address}"), ["M034"]),
        (rules("c6a2: {from: source.ip, label: SourceIPv6}", "kubearmor-cef"), []),
        (rules("c6a2: {from: source.ip, label: SourceIPv6}", "graylog"), ["M033"]),
        (rules("cs7: {from: Cwd}", "splunk"), ["M002"]),
        (rules("cs3: {from: PodName, label: source}", "splunk"), ["M033", "M061"]),
        (rules("cn3: {from: HostPID, label: source}"), []),
        (rules("cn3: {from: HostPID, label: deviceAction}"), ["M061"]),
        (rules("cn3: {from: HostPID, label: KubeArmorX}\n  KubeArmorX: {value: y}"), ["M061"]),
        # Constants
        (rules("cn1: {value: -1, label: N}"), []),
        (rules("dst: 2001:db8::7", "splunk"), []),
        (rules("dst: 2001:db8::7", "kubearmor-cef"), ["M035"]),
        (rules("KubeArmorX: {value: " + "x" * 5000 + "}"), []),
        (rules("app: '" + "  x" + " " * 40 + "'"), []),
        ("format: leef\nextension: {sev: 0}\n", ["M035"]),
        ("format: leef\nextension: {sev: 10, severityWord: high}\n", []),
        ("header: {device_vendor: Acme}\nextension: {spriv: flags, cat: workload}\n", []),
        (rules("deviceDirection: {from: network.direction, table: {a: x, b: y, c: z}}"), ["M035"]),
        ("format: leef\nheader: {device_event_class_id: " + "x" * 256 + "}\n", ["M035"]),
        ("header: {device_event_class_id: " + "x" * 256 + "}\n", []),
        # Types
        (rules("cn1: {from: Severity, label: N}"), []),
        (rules("cn1: {from: [data.fd, Labels.port, user.id], label: N}"), []),
        (rules("cn1: {from: PodName, table: {a: 1}, else: 2, label: N}"), []),
        (rules("cn1: {from: PodName, when: {PodName: {is: integer}}, label: N}"), []),
        (rules("cn1: {from: PodName, when: {PodName: {is: present}}, label: N}"), ["M036"]),
        (rules("end: {from: [event.time, Timestamp]}"), []),
        (rules("dvc: {from: HostName, when: {HostName: {is: ipv4}}}"), []),
        (rules("dmac: {from: HostIP}"), ["M036"]),
        (rules("deviceDirection: {from: network.direction}"), ["M036"]),
        # Lengths
        (rules("act: {from: ContainerID, max_length: 12}"), []),
        (rules("act: {from: ContainerID, max_length: 64}"), ["M037", "M038"]),
        (rules("act: {from: ContainerImage, via: strip_digest}"), []),
        (rules("externalId: {from: event.id}"), []),
        (rules("threatActor: {from: file.hash}"), ["M037"]),
        (rules("dvchost: {from: HostName}"), []),
        # Addresses
        (rules("dvc: {from: HostIP, when: {HostIP: {is: ipv4}}}"), []),
        (rules("dvc: {from: HostIP}"), ["M039"]),
        (rules("dvc: {from: HostIP}\n  KubeArmorNode: {from: HostIP}"), []),
        (rules("dst: {from: destination.ip}", "elastic"), []),
        ("envelope: {cef_version: 1}\n" + rules("dst: {from: destination.ip}"), []),
        ("format: leef\n" + rules("dst: {from: destination.ip}"), []),
        (rules("c6a2: null\n  src: {from: source.ip}", "kubearmor-cef"), ["M039", "M039"]),
        ("envelope: {ipv6: direct}\n" + rules("c6a3: null", "kubearmor-cef"), []),
        # Hosts
        (rules("dhost: {from: [remote.host, destination.ip]}", "splunk"), []),
        (rules("sntdom: {from: Owner.Namespace}"), ["M041"]),
        (rules("shost: {from: PodName, table: {a: b}}"), []),
        # The header
        ("header: {name: {from: PolicyName, table: {a: b}, else: c}}\n", []),
        ("header: {device_event_class_id: {from: [event.class_id, PolicyName]}}\n", ["M047"]),
        ("header: {severity: [{from: Severity}, 3]}\n", []),
        ("header: {severity: {from: Severity}}\n", ["M070"]),
        ("header: {device_version: {from: KubeArmorVersion}, name: {from: Operation}}\n", []),
        # What is dropped
        (rules("KubeArmorX: {from: Owner.Name}\ndrop: [Owner]"), ["M060"]),
        (rules("KubeArmorX: {from: Owner.Name, default: x}\ndrop: [Owner]"), []),
        (rules("KubeArmorX: {spread: Labels}\ndrop: ['Lab*']"), ["M060"]),
        ("extends: splunk\ndrop: [PolicyName, Tags]\n", []),
        # Rules that never win
        (rules("act: [{from: [Action, Result]}, {from: Action}]"), ["M027"]),
        (rules("act: [{from: [Result, Action]}, {from: Action}]"), []),
        (rules("act: [{from: Action, table: {a: b}}, {from: Action}]"), []),
        (
            rules("act: [{from: Action, via: lower, when: {Type: x}}, {from: Action, via: lower}]"),
            [],
        ),
        (rules("act: [{from: Action, via: lower}, {from: Action}]"), []),
        (
            rules("act: [{from: Action, when: {UID: 0}}, {from: Action, when: {PID: 1, UID: 0}}]"),
            ["M027"],
        ),
        # Seconds
        (rules("rt: {from: Timestamp}"), ["M069"]),
        (rules("rt: {from: Timestamp}", "splunk"), []),
        ("format: leef\nextension: {devTime: {from: Timestamp}}\n", []),
        # Shedding
        (
            "envelope: {leading_key: KubeArmorFormat, truncate_first: [KubeArmorFormat, KubeArmorCwd]}\n",
            [],
        ),
        ("unmapped: drop\nenvelope: {truncate_first: [KubeArmorCwd]}\n", ["M052"]),
        (
            "envelope: {truncate_first: [KubeArmorLabelApp]}\n"
            + rules("KubeArmorLabel: {spread: Labels}"),
            [],
        ),
        # Settings of the other format
        ("envelope: {ipv6: direct, pipe: replace, cef_version: 0}\n", []),
        ('format: leef\nenvelope: {delimiter: ";"}\n', []),
        # Receivers
        ("extends: arcsight\nenvelope: {cef_version: 1}\n", []),
        ("extends: qradar-leef\nenvelope: {max_bytes: 4096}\n", []),
        ("extends: qradar-leef\nenvelope: {max_bytes: 4097}\n", ["M045"]),
        ("extends: elastic\nenvelope: {syslog_header: rfc3164}\n", []),
        ("extends: sentinel\nenvelope: {facility: local7}\n", []),
        ("extends: qradar\nenvelope: {hostname: {from: [cluster, HostName]}}\n", []),
        ("extends: qradar\nenvelope: {hostname: one-source}\n", []),
        ("extends: splunk\nenvelope: {defang: ['EF:', 'LEEF']}\n", []),
        ("extends: splunk\nenvelope: {defang: []}\n", ["M043"]),
        ("extends: graylog\nenvelope: {defang: ['CEF:0']}\n", ["M043"]),
        ("extends: graylog\nenvelope: {defang: ['EF:']}\n", []),
        ("extends: splunk\nenvelope: {syslog_header: none}\nextension: {rt: null}\n", []),
        ("extends: splunk\nextension: {KubeArmorEventName: null}\n", []),
        ("extends: sentinel\nextension: {devicePayloadId: null}\n", ["M046"]),
    ],
)
def test_a_rule_speaks_where_it_should_and_is_silent_elsewhere(text, expected, codes):
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("NamespaceName: kube-system", ["M051"]),
        ('event.kind: "*"', ["M051"]),
        ("Severity: ['1', '2']", ["M051"]),
        ("event.verb: exec, event.disposition: audit", ["M051"]),
        ("Type: '*Policy'", ["M051"]),
        ("Operation: [AlertThreshold, File]", ["M051"]),
        ("event.kind: log, NamespaceName: kube-system", []),
        ("event.kind: alert, PolicyName: noisy", []),
        ("event.kind: [alert, log], PodName: noisy", []),
        ("Type: MatchedHostPolicy, HostName: lab", []),
        ("Type: ContainerLog", []),
        ("type: x", ["M008", "M051"]),
        ("Type: [containerlog, HostLog], Operation: File", []),
        ("EventType: Log", []),
        ("event.disposition: [passed, failed], Resource: '/proc/*'", []),
        ("event.class_id: 'log.*'", []),
        ("Operation: AlertThreshold", []),
    ],
)
def test_what_may_drop_an_alert_says_so(item, expected, codes):
    assert codes(f"drop_events:\n  - {{{item}}}\n") == expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ("event.verb: exec, event.operation: file", ["M050"]),
        ("event.verb: exec, event.operation: [file, process]", []),
        ("event.kind: log, event.disposition: block", ["M050"]),
        ("event.kind: event, event.verb: throttle, event.scope: host", []),
        ("event.verb: heartbeat, event.scope: container", ["M050"]),
        ("process.role: tracer, event.verb: exec", ["M050"]),
        ("event.class_id: 'alert.container.proces.*'", ["M050"]),
        ("event.class_id: 'alert.container.process.*'", []),
        ("event.verb: {is: absent}", ["M050"]),
        ("event.verb: {is: present}, event.kind: log", []),
        ("event.verb: exce, event.operation: file", ["M032"]),
        ("event.verb: exec, Operation: File", []),
    ],
)
def test_conditions_that_no_event_meets_are_told(conditions, expected, codes):
    assert codes(rules(f"act: {{value: x, when: {{{conditions}}}}}")) == expected


PARTS = ("event.kind", "event.scope", "event.operation", "event.verb", "event.disposition")
VALUES = {
    path: sorted({row.class_id.split(".")[index] for row in catalogue()})
    for index, path in enumerate(PARTS)
}


@given(st.dictionaries(st.sampled_from(PARTS), st.integers(0), min_size=2))
def test_conditions_are_told_exactly_when_no_class_id_meets_them(tmp_path_factory, chosen):
    asked = {path: VALUES[path][number % len(VALUES[path])] for path, number in chosen.items()}
    path = tmp_path_factory.getbasetemp() / "together.yaml"
    written = ", ".join(f"{name}: {value}" for name, value in asked.items())
    path.write_text(f"mapping: m\nextension: {{act: {{value: x, when: {{{written}}}}}}}\n")
    met = any(
        all(row.class_id.split(".")[PARTS.index(name)] == value for name, value in asked.items())
        for row in catalogue()
    )
    assert ("M050" in {problem.code for problem in problems(path)}) is not met


def test_every_field_of_a_known_length_or_kind_is_a_field():
    known = {*RAW, *DERIVED}
    assert set(fits.LENGTHS) <= known
    for _, paths in fits.FILLS.values():
        assert paths <= known
    assert known >= fits.ANYTHING


def test_a_mapping_of_ones_own_may_have_a_shipped_ones_name_and_is_for_its_receiver(codes):
    text = "mapping: splunk\nformat: cef\nextension: {rt: {from: event.time}}\n"
    assert codes(text, "./splunk.yaml") == ["M042", "M043", "M045", "M046", "M046"]


def test_what_a_parent_says_is_told_there_and_not_again_in_the_child(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(
        "mapping: p\nextends: graylog\nenvelope: {syslog_header: rfc5424}\n"
    )
    (tmp_path / "c.yaml").write_text("mapping: c\nextends: p.yaml\ncluster: c\n")
    (tmp_path / "c.test.yaml").write_text("")
    assert [str(problem.at) for problem in problems("c.yaml")] == ["p.yaml:3:12"]
    (tmp_path / "c.yaml").write_text(
        "mapping: c\nextends: p.yaml\ncluster: c\nenvelope: {syslog_header: rfc3164}\n"
    )
    assert [str(problem.at) for problem in problems("c.yaml")] == ["p.yaml:3:12"]


def test_a_mapping_says_the_events_id_or_is_told(codes):
    assert codes("format: leef\n", but=()) == ["M029", "M048", "M049"]
    assert codes("format: leef\nextension: {eventId: {from: event.id}}\n", but=()) == [
        "M029",
        "M049",
    ]
    assert codes("extends: splunk\nextension: {externalId: null}\n", but={"M029", "M049"}) == [
        "M048"
    ]
    assert codes("extends: no-such-mapping\n", but={"M029", "M049"}) == ["M016"]


@pytest.mark.parametrize("beside", ["m.test.yaml", "m.more.test.yaml", "m.a.b.test.yaml"])
def test_a_file_of_tests_beside_a_mapping_counts_as_its_examples(beside, codes, tmp_path):
    assert codes("extends: splunk\n", but={"M029"}) == ["M049"]
    (tmp_path / "mm.test.yaml").write_text("")
    assert codes("extends: splunk\n", but={"M029"}) == ["M049"]
    (tmp_path / beside).write_text("")
    assert codes("extends: splunk\n", but={"M029"}) == []


def test_a_file_of_tests_counts_for_the_mapping_with_the_longest_name_only(codes, tmp_path):
    (tmp_path / "m.eu.test.yaml").write_text("")
    assert codes("extends: splunk\n", but={"M029"}) == []
    (tmp_path / "m.eu.yaml").write_text("mapping: eu\nextends: splunk\n")
    assert codes("extends: splunk\n", but={"M029"}) == ["M049"]
    assert codes("extends: splunk\n", "m.eu.yaml", but={"M029"}) == []


def test_the_name_of_a_mapping_is_no_pattern_of_test_files(codes, tmp_path):
    (tmp_path / "m1.test.yaml").write_text("")
    assert codes("extends: splunk\n", "m[1].yaml", but={"M029"}) == ["M049"]


def test_a_wrong_example_is_not_a_missing_one(codes):
    assert codes("examples: [{event: {Type: x}}]\n", but={"M029", "M048"}) == ["M023"]


def test_what_a_mapping_lacks_is_not_told_of_what_is_none(codes):
    assert codes("mapping: 1\nmapping: 2\n", but=()) == ["M007", "M029", "M048", "M049"]
    assert codes("- 'mapping:'\n", but=()) == ["M005"]


def test_a_warning_of_the_new_rules_stops_no_mapping(codes, tmp_path):
    text = "mapping: m\nextends: splunk\nenvelope: {syslog_header: rfc3164}\nextension: {act: Action}\n"
    assert codes(text) == ["M042", "M059"]
    assert load(tmp_path / "m.yaml").name == "m"


def test_shipped_mappings_checked_in_one_run_have_nothing_against_each_other():
    assert check(shipped.names()) == ([], [])
