from __future__ import annotations

import shutil

import msgspec
import pytest

from cef_bridge.errors import MappingError, UsageError
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.language.spec import NOWHERE, Condition, Envelope, Rule, Table, Test
from cef_bridge.mapping.load import load, load_text, problems


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def put(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return put


def without_places(rules):
    return tuple(
        msgspec.structs.replace(
            rule,
            at=NOWHERE,
            when=tuple(msgspec.structs.replace(condition, at=NOWHERE) for condition in rule.when),
        )
        for rule in rules
    )


def test_every_form_of_a_rule_is_read(write):
    write("teams.csv", "\ufeffdefault,blue\n\nkube-system, red \n")
    write(
        "m.yaml",
        """\
mapping: m
extension:
  act: Block
  cs2: {from: NamespaceName, label: K8sNamespace}
  outcome: {from: [Result, Action], table: {Passed: success, No: 1.10}, else: failure}
  dst:
    - {from: remote.ip, when: {event.verb: [connect, "acc*"], remote.ip: {is: [ipv4, present]}}}
    - 192.0.2.1
  KubeArmorTeam: {from: NamespaceName, table: {file: teams.csv}, default: unknown, max_length: 8}
  KubeArmorArgs: {from: Source, via: [first_word, redact]}
  KubeArmorLabel: {spread: Labels, only: "app*", max: 20}
""",
    )
    extension = {key: without_places(rules) for key, rules in load("m.yaml").extension.items()}
    assert extension == {
        "act": (Rule(value="Block"),),
        "cs2": (Rule(from_=("NamespaceName",), label="K8sNamespace"),),
        "outcome": (
            Rule(
                from_=("Result", "Action"),
                table=Table({"Passed": "success", "No": "1.10"}),
                else_="failure",
            ),
        ),
        "dst": (
            Rule(
                from_=("remote.ip",),
                when=(
                    Condition("event.verb", (Test("literal", "connect"), Test("glob", "acc*"))),
                    Condition("remote.ip", (Test("is", "ipv4"), Test("is", "present"))),
                ),
            ),
            Rule(value="192.0.2.1"),
        ),
        "KubeArmorTeam": (
            Rule(
                from_=("NamespaceName",),
                table=Table({"default": "blue", "kube-system": "red"}, "teams.csv"),
                default="unknown",
                max_length=8,
            ),
        ),
        "KubeArmorArgs": (Rule(from_=("Source",), via=("first_word", "redact")),),
        "KubeArmorLabel": (Rule(spread="Labels", only=("app*",), max=20),),
    }


def test_a_place_is_that_of_the_key_or_of_the_list_item(write):
    write("m.yaml", "mapping: m\nextension:\n  act: x\n  cat:\n    - {from: Type}\n    - y\n")
    extension = load("m.yaml").extension
    assert [str(rule.at) for rules in extension.values() for rule in rules] == [
        "m.yaml:3:3",
        "m.yaml:5:7",
        "m.yaml:6:7",
    ]


def test_yaml_types_of_scalars_do_not_count(write):
    write(
        "m.yaml",
        "mapping: 1.10\ncluster: No\nextension: {act: 10:30, cat: 0x1F, msg: 2024-01-01}\n",
    )
    mapping = load("m.yaml")
    values = [rules[0].value for rules in mapping.extension.values()]
    assert (mapping.name, mapping.cluster, values) == (
        "1.10",
        "No",
        ["10:30", "0x1F", "2024-01-01"],
    )


def test_a_child_replaces_rules_whole_and_lists_whole_and_the_rest_is_inherited(write):
    write(
        "parent.yaml",
        """\
mapping: parent
description: Not the child's.
cluster: prod
header: {name: {from: event.name}, severity: {from: event.severity}}
severity: [{value: 3}]
extension:
  act: {from: Action, via: lower}
  cs1: {from: PolicyName, label: PolicyName}
  cat: {from: Operation}
  msg: {from: Message}
unmapped: drop
drop_fields: [Cwd, TTY]
drop_events: [{Operation: File}]
filters: [soc_lean]
envelope: {facility: local3, max_bytes: 1024, truncate_first: [KubeArmorLabels]}
examples: [{event: {}, expect: {act: null}}]
""",
    )
    write(
        "child.yaml",
        """\
mapping: child
extends: parent.yaml
header: {severity: {value: 5}}
extension:
  KubeArmorTeam: blue
  act: {from: Action}
  cs1: null
  fname: {from: file.path}
drop_fields: [Labels]
filters:
envelope: {facility: local4, truncate_first: []}
""",
    )
    mapping = load("child.yaml")
    assert mapping.name == "child"
    assert mapping.description == ""
    assert mapping.extends == ("parent.yaml",)
    assert mapping.cluster == "prod"
    assert list(mapping.header) == ["name", "severity"]
    assert without_places(mapping.header["severity"]) == (Rule(value="5"),)
    assert without_places(mapping.severity) == (Rule(value="3"),)
    assert list(mapping.extension) == ["act", "cat", "KubeArmorTeam", "fname", "msg"]
    assert without_places(mapping.extension["act"]) == (Rule(from_=("Action",)),)
    assert mapping.unmapped == "drop"
    assert mapping.drop_fields == ("Labels",)
    assert len(mapping.drop_events) == 1
    assert mapping.filters == ()
    facility = without_places(mapping.envelope.facility)
    assert facility == (Rule(value="local4"),)
    assert msgspec.structs.replace(mapping.envelope, facility=facility) == Envelope(
        facility=facility, max_bytes=1024
    )
    assert mapping.examples == ()
    assert mapping.path == "child.yaml"


def test_new_keys_without_msg_stand_last_and_msg_keeps_its_place_when_replaced(write):
    write("a.yaml", "mapping: a\nextension: {act: x, msg: y}\n")
    write("b.yaml", "mapping: b\nextends: a.yaml\nextension: {msg: z, cat: c}\n")
    write("c.yaml", "mapping: c\nextends: a.yaml\nextension: {msg: null, cat: c}\n")
    assert list(load("b.yaml").extension) == ["act", "cat", "msg"]
    assert list(load("c.yaml").extension) == ["act", "cat"]


def test_a_chain_of_three_is_followed_with_paths_relative_to_each_file(write):
    write("base/base.yaml", "mapping: base\nformat: leef\nextension: {cat: x}\n")
    write("base/t.csv", "a,3\n")
    write(
        "base/mid.yaml",
        "mapping: mid\nextends: base.yaml\n"
        "extension: {sev: {from: Severity, table: {file: t.csv}}}\n",
    )
    write("top/top.yaml", "mapping: top\nextends: ../base/mid.yaml\n")
    mapping = load("top/top.yaml")
    assert mapping.format == "leef"
    assert mapping.extends == ("../base/mid.yaml", "base.yaml")
    assert list(mapping.extension) == ["cat", "sev"]
    assert mapping.extension["sev"][0].table == Table({"a": "3"}, "top/../base/t.csv")


def test_problems_of_all_files_come_in_one_run_the_child_first(write):
    write("a.yaml", "mapping: a\nextension: {act: {from: Acton}}\n")
    write("b.yaml", "mapping: b\ncluster: c\nextends: a.yaml\nextension: {cs1: x}\n")
    write("b.test.yaml", "")
    assert [str(problem) for problem in problems("b.yaml")] == [
        'b.yaml:4:13 M003 cs1 has no label. Add "label: TEXT".',
        (
            "a.yaml:1:1 M048 Without externalId an event that is sent again counts twice. "
            'Write "externalId: {from: event.id}".'
        ),
        'a.yaml:2:25 M008 No event has a field "Acton". Did you mean "Action"?',
    ]


def test_a_circle_is_told_and_ends(write):
    write("a.yaml", "mapping: a\nextends: b.yaml\n")
    write("b.yaml", "mapping: b\nextends: ./a.yaml\n")
    with pytest.raises(MappingError) as error:
        load("a.yaml")
    assert str(error.value) == (
        "b.yaml:2:10 M017 ./a.yaml extends this one: they go round in a circle. Remove one extends."
    )


def test_a_mapping_extends_only_its_own_format(write):
    write("a.yaml", "mapping: a\nformat: leef\n")
    write("b.yaml", "mapping: b\nextends: a.yaml\nformat: cef\n")
    with pytest.raises(MappingError) as error:
        load("b.yaml")
    assert str(error.value) == (
        "b.yaml:3:1 M018 The parent writes leef, this one cef. Extend a mapping of the same format."
    )


def test_a_label_is_said_once_for_all_rules_of_a_key(write):
    write(
        "m.yaml",
        "mapping: m\nextension:\n  cs1: [{from: PolicyName}, {value: none, label: Policy}]\n",
    )
    assert [rule.label for rule in load("m.yaml").extension["cs1"]] == ["Policy", "Policy"]


def test_a_childs_label_does_not_clash_with_that_of_a_rule_it_replaces_or_removes(write):
    write(
        "a.yaml",
        "mapping: a\nextension: {cs1: {from: PodName, label: A}, cs2: {from: Cwd, label: B}, "
        "externalId: {from: event.id}}\n",
    )
    write(
        "b.yaml",
        "mapping: b\ncluster: c\nextends: a.yaml\n"
        "extension: {cs1: null, cs2: {from: Cwd, label: C}, cs3: {from: TTY, label: A}, "
        "cs4: {from: Type, label: B}}\n",
    )
    write("b.test.yaml", "")
    # That the label of cs2 is another one now is a warning of its own.
    assert [problem.code for problem in problems("b.yaml")] == ["M033"]
    write(
        "b.yaml",
        "mapping: b\ncluster: c\nextends: a.yaml\nextension: {cs3: {from: TTY, label: A}}\n",
    )
    assert [str(problem) for problem in problems("b.yaml")] == [
        'b.yaml:4:30 M026 cs1 has the label "A" already. Choose another one for cs3.'
    ]


def test_variables_are_filled_in_in_cluster_header_and_envelope_only(write):
    write(
        "m.yaml",
        """\
mapping: m
description: ${A}
cluster: ${A}-${B:-b}-${C:-}-$${A}-$A
header: {device_version: {value: "${A}"}, name: {from: event.name, default: "${B:-x}"}}
extension: {act: "${A}"}
envelope: {facility: "${F}", max_bytes: "${M:-2048}", hostname: "${A}"}
""",
    )
    mapping = load("m.yaml", env={"A": "one", "F": "local5"})
    assert mapping.description == "${A}"
    assert mapping.cluster == "one-b--${A}-$A"
    assert mapping.header["device_version"][0].value == "one"
    assert mapping.header["name"][0].default == "x"
    assert mapping.extension["act"][0].value == "${A}"
    assert mapping.envelope.facility[0].value == "local5"
    assert mapping.envelope.max_bytes == 2048
    assert mapping.envelope.hostname[0].value == "one"


def test_a_variable_set_to_nothing_takes_the_default(write):
    write("m.yaml", "mapping: m\ncluster: ${A:-b}\n")
    assert load("m.yaml", env={"A": ""}).cluster == "b"
    write("m.yaml", "mapping: m\ncluster: ${A}\n")
    assert load("m.yaml", env={"A": ""}).cluster is None


def test_events_of_examples_keep_the_types_of_json_and_expectations_are_texts(write):
    write(
        "m.yaml",
        """\
mapping: m
examples:
  - name: first
    event: {HostPID: 12, f: 1.5, e: 1e3, t: true, n: null, e2: "", q: "12", a: No, b: 10:30, z: 007, l: [1, x], o: {k: -1}}
    expect: {spid: 12, cs1: null, cs2: "null", cs3: ""}
""",
    )
    (example,) = load("m.yaml").examples
    assert example.name == "first"
    assert str(example.at) == "m.yaml:3:5"
    assert example.event == {
        "HostPID": 12,
        "f": 1.5,
        "e": 1000.0,
        "t": True,
        "n": None,
        "e2": "",
        "q": "12",
        "a": "No",
        "b": "10:30",
        "z": "007",
        "l": [1, "x"],
        "o": {"k": -1},
    }
    assert example.expect == {"spid": "12", "cs1": None, "cs2": "null", "cs3": ""}


def test_drop_events_are_any_of_items_and_all_of_conditions(write):
    write(
        "m.yaml",
        "mapping: m\ndrop_events:\n  - {event.kind: log, NamespaceName: [kube-system, 'mon-*']}\n"
        "  - {HostName: {is: absent}}\n",
    )
    first, second = load("m.yaml").drop_events
    assert [(condition.path, condition.any_of) for condition in first] == [
        ("event.kind", (Test("literal", "log"),)),
        ("NamespaceName", (Test("literal", "kube-system"), Test("glob", "mon-*"))),
    ]
    assert second[0].any_of == (Test("is", "absent"),)


def test_empty_sections_say_nothing_and_an_empty_setting_is_the_default(write):
    write("a.yaml", "mapping: a\ncluster: c\nunmapped: drop\nextension: {act: x}\n")
    write("b.yaml", "mapping: b\nextends: a.yaml\nextension:\nenvelope:\nunmapped:\ncluster: ~\n")
    mapping = load("b.yaml")
    assert (list(mapping.extension), mapping.unmapped, mapping.cluster) == (["act"], "keep", None)


@pytest.mark.parametrize("name", shipped.names())
def test_shipped_mappings_are_without_fault(name):
    assert problems(name, env={}) == []
    assert load(name, env={}).name == name


def test_a_shipped_name_means_the_same_whatever_files_are_there(write):
    assert load("kubearmor-cef").name == "kubearmor-cef"
    write("m.yaml", "mapping: m\ncluster: c\nextends: kubearmor-cef\n")
    assert load("m.yaml").extends == ("kubearmor-cef",)
    write("kubearmor-cef", "mapping: mine\n")
    assert load("kubearmor-cef").name == "kubearmor-cef"
    assert load("./kubearmor-cef").name == "mine"
    write("own", "mapping: mine\n")
    assert load("own").name == "mine"


def test_what_is_to_be_run_is_refused_for_the_errors_that_a_check_finds(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        "mapping: own\nextends: splunk\nextension:\n  cs9x: {from: Source, via: basenam}\n"
    )
    with pytest.raises(MappingError) as error:
        load(path)
    found = [problem for problem in problems(path) if problem.severity == "error"]
    assert list(error.value.problems) == found != []


def test_a_shipped_mapping_that_was_changed_is_checked_when_it_is_run(tmp_path, monkeypatch):
    for name in shipped.names():
        shutil.copy(shipped.path(name), tmp_path)
    base = tmp_path / "kubearmor-cef.yaml"
    base.write_text(base.read_text().replace("via: basename", "via: basenam"))
    monkeypatch.setattr(shipped, "folder", lambda: tmp_path)
    with pytest.raises(MappingError, match="basenam"):
        load("splunk")


def test_a_text_is_a_mapping_like_a_file_of_that_name(write):
    text = "mapping: m\nextends: splunk\nextension: {cs2: null}\n"
    write("m.yaml", text)
    assert load_text(text, "m.yaml") == load("m.yaml")
    assert (
        "cs2" not in load_text("extends: splunk\nmapping: m\nextension: {cs2: null}", "x").extension
    )


def test_problems_of_a_text_are_at_places_in_what_it_is_called():
    with pytest.raises(MappingError) as caught:
        load_text("mapping: m\nextension:\n  dst: {form: x}\n  zzz\n", "editor")
    assert str(caught.value).startswith("editor:")
    with pytest.raises(MappingError) as caught:
        load_text("mapping: m\nextends: splnk\n", "editor")
    assert str(caught.value.problems[0].at) == "editor:2:10"
    with pytest.raises(MappingError, match=r"^editor:1:1 M\d+ .*larger than 1 MiB"):
        load_text("#" * (1 << 20) + "\nmapping: m\n", "editor")
    with pytest.raises(UsageError, match="needs a name"):
        load_text("mapping: m\n", "")


def test_a_text_writes_no_slots_file(write, tmp_path):
    text = "mapping: m\nextends: splunk\nextension: {cs6: null, Team: {from: Owner.Name, slot: auto}}\n"
    with pytest.raises(MappingError, match=r"m\.yaml is no file"):
        load_text(text, "m.yaml")
    assert [*tmp_path.iterdir()] == []
    write("m.slots.yaml", "Team: cs6\n")
    assert load_text(text, "m.yaml").extension["cs6"][0].label == "Team"
