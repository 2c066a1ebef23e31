"""The severity: a child's rules stand before its parent's, and all that repeats it follows."""

from __future__ import annotations

import pytest

from cef_bridge.kubearmor.derive import derive
from cef_bridge.mapping.examples import written
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.language.dump import to_yaml
from cef_bridge.mapping.load import load, problems, replaced
from cef_bridge.mapping.program.compile import Program

ALERT = {"Type": "MatchedPolicy", "Operation": "File", "Action": "Block", "Severity": "3"}
IN_SHOP = {**ALERT, "NamespaceName": "shop"}
LOG = {"Type": "ContainerLog", "Operation": "File", "Result": "Passed", "NamespaceName": "shop"}
RAISE = "[{value: 10, when: {NamespaceName: shop, event.kind: alert}}]"


@pytest.fixture
def mapping(tmp_path):
    def put(text, name="m"):
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"mapping: {name}\n{text}")
        return str(path)

    return put


def severity(path, event):
    return written(Program(load(path)), event)["header.severity"]


def errors(path):
    return [it.message for it in problems(path) if it.severity == "error"]


def test_own_rules_change_only_the_events_that_they_are_about(mapping):
    path = mapping(f"extends: splunk\nseverity: {RAISE}\n")
    assert not errors(path)
    assert [severity(path, event) for event in (IN_SHOP, ALERT, LOG)] == ["10", "3", "1"]


def test_own_rules_stand_before_those_of_each_parent(mapping):
    mapping(f"extends: splunk\nseverity: {RAISE}\n", "parent")
    path = mapping("extends: ./parent.yaml\nseverity: {value: 9, when: {PodName: web-0}}\n")
    events = ({**IN_SHOP, "PodName": "web-0"}, IN_SHOP, ALERT, LOG)
    assert [severity(path, event) for event in events] == ["9", "10", "3", "1"]


def test_replacing_the_table_is_asked_for(mapping):
    path = mapping(
        "extends: splunk\nseverity: {replace: [{value: 8, when: {event.kind: alert}}, 2]}\n"
    )
    assert not errors(path)
    assert [severity(path, event) for event in (IN_SHOP, ALERT, LOG)] == ["8", "8", "2"]


def test_a_grandchild_adds_to_the_table_that_its_parent_replaced(mapping):
    mapping("extends: splunk\nseverity: {replace: [{value: 2}]}\n", "parent")
    path = mapping(f"extends: ./parent.yaml\nseverity: {RAISE}\n")
    assert [severity(path, event) for event in (IN_SHOP, ALERT)] == ["10", "2"]


@pytest.mark.parametrize(
    "text",
    [
        f"extends: splunk\nseverity: {{replace: {RAISE}}}\n",
        f"severity: {RAISE}\n",
        f"extends: splunk\nheader: {{severity: {RAISE}}}\n",
        "extends: splunk\nseverity: null\n",
        "extends: splunk\nheader: {severity: {from: Severity}}\n",
        "severity: [{from: Severity}, {value: 2, when: {event.kind: log}}]\n",
        'severity: [{value: 9, when: {PodName: "*"}}]\n',
    ],
)
def test_events_that_meet_no_rule_are_an_error(mapping, text):
    (message,) = errors(mapping(text))
    assert message.startswith("Some events meet no rule, and get 5: ")


@pytest.mark.parametrize(
    "text",
    [
        "severity: [{from: Severity}, {value: 2}]\n",
        "severity: [{from: Severity, when: {event.kind: alert}, default: 5}, {value: 2, when: {event.kind: [log, event]}}]\n",
        "severity: [{value: 9, when: {PodName: {is: present}}}, {value: 8, when: {PodName: {is: absent}}}]\n",
        "header: {severity: 4}\n",
        "extends: splunk\nheader: {severity: [{value: 9, when: {Enforcer: BPFLSM}}, {from: event.severity}]}\n",
        "extends: splunk\n",
        "format: cef\n",
    ],
)  # fmt: skip
def test_a_table_that_is_about_every_event_is_none(mapping, text):
    assert not errors(mapping(text))


def test_a_faulty_envelope_is_told_and_nothing_else_happens(mapping):
    path = mapping(f"extends: splunk\nseverity: {RAISE}\nenvelope: {{defang: [C]}}\n")
    (message,) = errors(path)
    assert "cannot be broken up" in message


def test_what_show_prints_has_the_whole_table(mapping):
    path = mapping(f"extends: splunk\ncluster: lab\nseverity: {RAISE}\n")
    again = mapping(to_yaml(load(path)).partition("\n")[2], "again")
    assert [severity(again, event) for event in (IN_SHOP, ALERT, LOG)] == ["10", "3", "1"]


def test_only_a_replaced_table_stands_behind_ones_own(mapping):
    added = mapping(f"extends: splunk\nseverity: {RAISE}\n", "added")
    instead = mapping(f"extends: splunk\nseverity: {{replace: {RAISE}}}\n", "instead")
    assert ("severity", "severity") not in replaced(added)
    assert len(replaced(instead)["severity", "severity"]) > 10


REPEATS = {
    "splunk": ("KubeArmorSeverity", "KubeArmorEventId", "KubeArmorEventName"),
    "qradar-leef": ("sev", None, "eventName"),
}
HEADERS = ("severity", "device_event_class_id", "name")


@pytest.mark.parametrize("parent", shipped.names())
@pytest.mark.parametrize(
    "own",
    [
        "header: {severity: {value: 9}, name: {value: Seen | here}, device_event_class_id: {from: Operation}}\n",
        "header: {severity: [{from: Severity}, {value: 2}], name: {from: Message, default: none}}\n",
        'header: {severity: {from: event.severity, table: {"3": 8}, else: 4}, name: {from: event.name, via: upper}}\n',
        f"severity: {RAISE}\n",
    ],
)  # fmt: skip
def test_what_repeats_the_header_follows_it(mapping, parent, own):
    path = mapping(f"extends: {parent}\n{own}")
    program = Program(load(path))
    for event in (IN_SHOP, ALERT, {**LOG, "Message": "a" * 600}, {**ALERT, "Message": "x\\y"}):
        got = written(program, event)
        rated = program.evaluate(derive(dict(event))).severity
        for field, key in zip(HEADERS, REPEATS.get(parent, ()), strict=False):
            if key is not None:
                meant = str(rated) if field == "severity" else got.get(f"header.{field}")
                assert got[key] == (meant or got[key])


def test_a_sentence_of_ones_own_in_the_header_stands_in_each_key(mapping):
    path = mapping("extends: splunk\nheader: {name: {from: Message}, severity: {value: 9}}\n")
    got = written(Program(load(path)), {**ALERT, "Message": "Shadow file read"})
    assert got["KubeArmorEventName"] == got["header.name"] == "Shadow file read"
    assert got["KubeArmorSeverity"] == got["header.severity"] == "9"
    assert got["KubeArmorEventId"] == "alert.host.file.other.block"


def test_conditions_on_the_severity_ask_for_the_one_in_the_line(mapping):
    path = mapping(
        "extends: splunk\n"
        "header: {severity: [{value: 9, when: {NamespaceName: shop}}, {value: 2}]}\n"
        'extension: {KubeArmorPage: {value: "1", when: {event.severity: "9"}}}\n'
        'drop_events: [{event.severity: "2"}]\n'
    )
    program = Program(load(path))
    assert written(program, IN_SHOP)["KubeArmorPage"] == "1"
    assert written(program, ALERT) == {"filtered": "true"}


def test_conditions_on_the_class_ask_for_the_event_itself(mapping):
    path = mapping(
        "extends: splunk\n"
        "header: {device_event_class_id: {value: own}}\n"
        'extension: {KubeArmorPage: {value: "1", when: {event.class_id: "alert.*"}}}\n'
    )
    got = written(Program(load(path)), ALERT)
    assert got["KubeArmorPage"] == "1"
    assert got["KubeArmorEventId"] == got["header.device_event_class_id"] == "own"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("extends: splunk\nextension: {KubeArmorSeverity: {from: Severity}}\n", "KubeArmorSeverity"),
        ("extends: splunk\nextension: {KubeArmorEventName: fixed}\n", "KubeArmorEventName"),
        ("extends: qradar-leef\nextension: {sev: [{value: 9, when: {PodName: x}}, {from: event.severity}]}\n", "sev"),
        ("extends: kubearmor-cef\nextension: {KubeArmorSeverity: {value: 3}}\n", "KubeArmorSeverity"),
    ],
)  # fmt: skip
def test_a_key_that_repeats_the_header_and_says_something_else_is_an_error(mapping, text, key):
    (message,) = errors(mapping(text))
    assert message.startswith(f"{key} repeats the header's ")


def test_a_key_may_repeat_the_header_in_other_words_or_not_at_all(mapping):
    text = 'extension: {KubeArmorSeverity: {from: event.severity, table: {"10": top}, else: low}, KubeArmorEventName: null}\n'
    assert not errors(mapping(f"extends: splunk\n{text}"))
