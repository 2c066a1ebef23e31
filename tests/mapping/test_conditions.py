"""Conditions: `not`, numbers, texts that look like conditions, and events that are kept."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.kubearmor.derive import derive
from cef_bridge.mapping.language.condition_forms import form_of, meant_by, needs_text, number_of
from cef_bridge.mapping.language.dump import to_yaml
from cef_bridge.mapping.language.spec import Condition, Test
from cef_bridge.mapping.load import load, problems
from cef_bridge.mapping.program.compile import Program
from cef_bridge.mapping.program.conditions import holds

ALERT = {"Type": "MatchedPolicy", "Operation": "File", "Action": "Block", "Severity": "7"}
LOG = {"Type": "ContainerLog", "Operation": "File", "Result": "Passed"}
HEARTBEAT = {"Type": "SystemEvent", "Operation": "Heartbeat", "HostName": "n1"}


@pytest.fixture
def mapping(tmp_path):
    def put(text, name="m"):
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"mapping: {name}\ncluster: lab\n{text}")
        return str(path)

    return put


@pytest.fixture
def holds_for(mapping):
    """Return whether a condition, written in YAML, holds for some values of a field."""

    def ask(said, values, path="NamespaceName"):
        item = load(mapping(f"drop_events: [{{{path}: {said}}}]\n")).drop_events[0]
        return [holds(item[0])({path: value} if value is not None else {}) for value in values]

    return ask


def errors(path):
    return [it for it in problems(path) if it.severity == "error"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("shop", [True, False, False, False]),
        ("{not: shop}", [False, True, True, True]),
        ("{not: [shop, payments]}", [False, False, True, True]),
        ('{not: "pay*"}', [True, False, True, True]),
        ("{not: {is: present}}", [False, False, False, True]),
        ("{not: {is: absent}}", [True, True, True, False]),
        ("{not: {not: shop}}", [True, False, False, False]),
        ("{not: [{not: shop}, payments]}", [True, False, False, False]),
        ("[{not: shop}, shop]", [True, True, True, True]),
        ("[blog, {not: [shop, payments]}]", [False, False, True, True]),
    ],
)
def test_not_holds_where_its_condition_does_not(holds_for, said, expected):
    assert holds_for(said, ["shop", "payments", "blog", None]) == expected


def test_no_element_of_a_list_may_be_what_is_behind_a_not(holds_for):
    values = ["MITRE_T1059_shell,NIST", "PCI", None]
    assert holds_for('{not: "MITRE_*"}', values, "Tags") == [False, True, True]


def test_a_not_of_kubearmors_words_is_without_regard_to_case(holds_for):
    assert holds_for("{not: block}", ["Block", "Audit"], "Action") == [False, True]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("{min: 7}", ["7", 7, 7.0, 8, "10", "7.5", 2**64]),
        ("{max: 3}", ["3", 3, "-5", -1, "0"]),
        ("{min: 3, max: 7}", ["3", "7", 3, 7, 7.0, "5"]),
        (
            "{not: {min: 7}}",
            ["3", 3, "-5", -1, "0", "5", "abc", "", None, "٧", "1e3", " 7", "+7", "0x7", "7" * 31],
        ),
        ("{min: -5, max: -0.5}", ["-5", -1]),
    ],
)
def test_numbers_and_texts_that_are_numbers_are_compared_as_numbers(holds_for, said, expected):
    others = ["7", 7, 7.0, 8, "10", "7.5", 2**64, "3", 3, "-5", -1, "0", "5", "abc", "", None]
    values = [*others, "٧", "1e3", " 7", "+7", "0x7", "7" * 31]
    found = holds_for(said, values, "Severity")
    assert [value for value, held in zip(values, found, strict=True) if held] == [
        value for value in values if value in expected
    ]


@given(st.text(max_size=40))
def test_a_text_is_a_number_by_ascii_digits_alone(text):
    number = number_of(text)
    if number is not None:
        assert text.isascii()
        assert number == Decimal(text)


@given(st.integers(-(10**20), 10**20), st.integers(-(10**20), 10**20))
def test_large_numbers_are_compared_exactly(one, other):
    asks = holds(Condition("UID", (Test("range", least=str(one)),)))
    assert asks({"UID": other}) == (other >= one)
    assert asks({"UID": str(other)}) == (other >= one)


@pytest.mark.parametrize(
    ("path", "text", "meant"),
    [
        ("NamespaceName", "!shop", "{not: shop}"),
        ("NamespaceName", "!=shop", "{not: shop}"),
        ("NamespaceName", "! shop", "{not: shop}"),
        ("NamespaceName", "!shop*", "{not: shop*}"),
        ("Severity", "<4", "{max: 3}"),
        ("Severity", "<=4", "{max: 4}"),
        ("Severity", ">7", "{min: 8}"),
        ("Severity", ">= 7", "{min: 7}"),
        ("Severity", "7..9", "{min: 7, max: 9}"),
        ("destination.port", "1..1023", "{min: 1, max: 1023}"),
        ("NamespaceName", "/re/", 'the glob "*re*"'),
        ("NamespaceName", "/^kube-/", 'the glob "kube-*"'),
        ("NamespaceName", "/^kube-.*$/i", 'the glob "kube-*"'),
        ("PodName", "^web-", 'the glob "web-*"'),
        ("Resource", "/^\\/etc/", 'the glob "/etc*"'),
        ("PodName", "^kube-.*$", 'the glob "kube-*"'),
        ("NamespaceName", "m/^kube/", 'the glob "kube*"'),
        ("NamespaceName", "~web", 'the glob "*web*"'),
        ("NamespaceName", "=~ ^web", 'the glob "web*"'),
        ("PolicyName", "<>x", "{not: x}"),
        ("PolicyName", "not x", "{not: x}"),
        ("PolicyName", "==x", "x"),
        ("HostPID", "=1", "1"),
        ("HostPID", "\u22651", "{min: 1}"),
        ("HostPID", "=<1", "{max: 1}"),
        ("HostPID", "7 .. 9", "{min: 7, max: 9}"),
        ("HostPID", "1-1024", "{min: 1, max: 1024}"),
        ("Severity", "5-10", "{min: 5, max: 10}"),
        ("PolicyName", "p|q", "the list [p, q]"),
        ("NamespaceName", "shop, web", "the list [shop, web]"),
        ("PodName", "web-5-7", None),
        ("Labels", "app=shop,tier=web", None),
        ("Message", "nothing, or all", None),
        ("Message", "not allowed", None),
        ("Result", "= 7", None),
        ("NamespaceName", "shop", None),
        ("NamespaceName", "!", None),
        ("NamespaceName", "<none>", None),
        ("NamespaceName", "a..b", None),
        ("NamespaceName", "kube-*", None),
        ("Cwd", "/tmp/", None),
        ("Resource", "/usr/", None),
        ("Resource", "/etc/shadow", None),
        ("Result", "No such file or directory", None),
        ("Severity", "7", None),
    ],
)
def test_a_text_that_looks_like_a_condition_is_an_error_with_the_right_form(
    mapping, path, text, meant
):
    assert meant_by(path, text) == meant
    for said in ("{%s: '%s'}", "{%s: [x, '%s']}", "{%s: {not: '%s'}}"):
        found = errors(mapping(f"drop_events: [{said % (path, text)}]\n"))
        assert [it.code for it in found] == (["M072"] if meant else [])
        assert all(meant in it.message for it in found)


@pytest.mark.parametrize("text", ["!shop", ">=7", "/re/", "a*b", "7..9", "[x]"])
def test_such_a_text_can_be_meant(holds_for, text):
    assert holds_for(f"{{text: '{text}'}}", [text, "ab", "x", None]) == [True, False, False, False]


@pytest.mark.parametrize(
    "said",
    [
        "{min: seven}",
        "{min: 1e3}",
        "{min: 7, max: 3}",
        "{min: 7, is: integer}",
        "{nott: shop}",
        "{not: []}",
        "{not: }",
        "{}",
        "{is: ipv5}",
        "{text: }",
        "{text: [a]}",
    ],
)
def test_a_form_that_is_none_is_an_error(mapping, said):
    assert errors(mapping(f"drop_events: [{{event.kind: log, NamespaceName: {said}}}]\n"))


def test_what_a_fixed_field_never_is_is_an_error_behind_a_not_too(mapping):
    text = "drop_events: [{event.kind: {not: logs}}, {event.kind: {min: 3}}]\n"
    assert [it.code for it in errors(mapping(text))] == ["M032", "M032"]


FORMS = st.recursive(
    st.sampled_from(
        [
            *(Test("literal", text) for text in ("shop", "!shop", "a*b", ">=7", "7", "null")),
            *(Test("glob", "kube-*"), Test("is", "present"), Test("is", "ipv4")),
            *(Test("range", least="7"), Test("range", most="-0.5")),
            Test("range", least="1", most="1023"),
        ]
    ),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(
        lambda tests: Test("not", tests=tuple(tests))
    ),
    max_leaves=5,
)


@given(st.lists(FORMS, min_size=1, max_size=3))
def test_every_form_is_written_as_it_is_read(tmp_path_factory, tests):
    from cef_bridge.mapping.language import spec

    condition = Condition("PodName", tuple(tests))
    said = spec.Mapping(name="m", keep_events=((condition,),), cluster="lab")
    path = tmp_path_factory.getbasetemp() / "forms.yaml"
    path.write_text(to_yaml(said))
    (item,) = load(path).keep_events
    assert item[0].any_of == tuple(tests)
    assert all(form_of(test) for test in tests)
    assert all(
        needs_text(t.text) for t in tests if t.kind == "literal" and t.text in ("!shop", "a*b")
    )


def test_only_what_keep_events_names_is_written(mapping):
    path = mapping(
        "extends: splunk\nkeep_events: [{NamespaceName: shop}, {event.kind: alert, Severity: {min: 7}}]\n"
    )
    program = Program(load(path))
    kept = [
        not program.filtered(derive(event).fields)
        for event in (
            {**LOG, "NamespaceName": "shop"},
            LOG,
            {**LOG, "NamespaceName": "blog"},
            ALERT,
            {**ALERT, "Severity": "6"},
            {**ALERT, "Severity": "10"},
        )
    ]
    assert kept == [True, False, False, True, False, True]


def test_drop_events_takes_of_what_is_kept(mapping):
    path = mapping(
        "extends: splunk\n"
        "keep_events: [{NamespaceName: shop}]\n"
        "drop_events: [{event.kind: log, PodName: loud}]\n"
    )
    program = Program(load(path))
    shop = {**LOG, "NamespaceName": "shop"}
    assert not program.filtered(derive(shop).fields)
    assert program.filtered(derive({**shop, "PodName": "loud"}).fields)


def test_what_tells_of_withheld_and_lost_events_is_kept(mapping):
    program = Program(load(mapping("extends: splunk\nkeep_events: [{NamespaceName: shop}]\n")))
    assert not program.filtered(derive(HEARTBEAT).fields)
    dropped = mapping("extends: splunk\ndrop_events: [{NamespaceName: {not: shop}}]\n")
    assert Program(load(dropped)).filtered(derive(HEARTBEAT).fields)


def test_a_list_of_kept_events_without_an_alert_is_told(mapping):
    for text, told in (
        ("[{event.kind: log, NamespaceName: shop}]", ["M073"]),
        ("[{event.kind: log}, {event.kind: alert, NamespaceName: shop}]", []),
        ("[{NamespaceName: shop}]", []),
    ):
        path = mapping(f"keep_events: {text}\nextends: splunk\n")
        assert [it.code for it in problems(path) if it.code != "M049"] == told


def test_an_item_that_keeps_everything_is_an_error(mapping):
    (found,) = errors(mapping("keep_events: [{}]\n"))
    assert found.code == "M031"
    assert "every event is kept" in found.message
