"""A mapping that is edited: its text means what the file would mean, and nothing is written."""

from __future__ import annotations

import pytest

from cef_bridge.errors import MappingError
from cef_bridge.mapping import load
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.language.dump import to_yaml
from cef_bridge.mapping.lint.suggestions import suggested
from cef_bridge.mapping.texts import MappingTexts
from cef_bridge.siems.registry import SIEMS

TEXT = """\
mapping: acme
extends: base.yaml
cluster: x
extension:
  act: {from: Action}
  shost: {from: PodName}
  nope: {from: NamespceName}
"""
BASE = "mapping: base\nextends: splunk\nextension:\n  act: null\n  foo: {from: PodName}\n"


@pytest.fixture
def path(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path / "acme.yaml"


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("NamespceName", "PodName"), "", "a: [", "mapping: b\n"])  # fmt: skip
def test_a_text_has_the_problems_of_the_file(path, text):
    texts = MappingTexts(str(path))
    found = [texts.check(text), texts.check(text)]  # the second time its parents are known
    path.write_text(text)
    assert found == [load.check([path])] * 2


def test_a_text_amounts_to_what_the_file_does(path):
    text = TEXT.replace("NamespceName", "PodName")
    opened = MappingTexts(str(path)).opened(text)
    path.write_text(text)
    assert to_yaml(opened.mapping) == to_yaml(load.load(path))
    assert opened.replaced == load.replaced(path)
    assert {"foo", "cs1"} <= opened.inherited
    assert "act" not in opened.inherited


def test_errors_of_parents_are_errors(path):
    (path.parent / "base.yaml").write_text("mapping: base\nextends: acme.yaml\n")
    with pytest.raises(MappingError, match="circle"):
        MappingTexts(str(path)).opened("mapping: acme\nextends: base.yaml\n")
    with pytest.raises(MappingError, match="cannot be read: No such file"):
        MappingTexts(str(path)).opened("mapping: acme\nextends: none.yaml\n")


def test_a_shipped_mapping_is_judged_as_one():
    for name in shipped.names():
        file = shipped.path(name)
        texts = MappingTexts(str(file))
        assert texts.is_shipped
        assert texts.check(file.read_text()).problems == []


def test_a_new_name_gets_a_slot_and_no_file(path):
    text = "mapping: acme\nextends: splunk\nextension: {cs6: null, Team: {from: Labels.a, slot: auto}}\n"
    path.write_text(text)
    opened = MappingTexts(str(path)).opened(text)
    assert opened.mapping.extension["cs6"][0].label == "Team"
    assert sorted(it.name for it in path.parent.iterdir()) == ["acme.yaml", "base.yaml"]


def test_what_a_text_says_of_itself_is_known_without_its_being_right(path):
    about = MappingTexts(str(path)).about(TEXT)
    assert about.names == ("acme", "base", "splunk", "kubearmor-cef")
    assert about.format == "cef"
    assert MappingTexts(str(path)).about("a: [").names == ()


def test_each_setting_that_a_siem_does_not_get_on_with_is_suggested_to_be_changed(path):
    """The sentence of a pitfall says a setting, and that cures it."""
    wrong = {
        "cef_version": '"1"',
        "defang": '["x"]',
        "facility": "auth",
        "framing": "octet-counting",
        "hostname": "{from: HostName}",
        "ipv6": "direct",
        "leading_key": "null",
        "max_bytes": "60000",
        "pipe": "keep",
        "syslog_header": "rfc5424",
    }
    suggestions = 0
    for siem in SIEMS.values():
        for pitfall in siem.settings:
            for value in (wrong[pitfall.setting], "none", "rfc3164"):
                parent = pitfall.mapping or siem.mappings[0]
                text = (
                    f"mapping: acme\nextends: {parent}\nenvelope: {{{pitfall.setting}: {value}}}\n"
                )
                texts = MappingTexts(str(path))
                own = [it for it in texts.check(text).problems if pitfall.reason in it.message]
                for problem, found in suggested(text, own).items():
                    edit = found.edit
                    after = text[: edit.start] + edit.text + text[edit.end :]
                    assert pitfall.reason not in {it.message for it in texts.check(after).problems}
                    assert problem.message == pitfall.reason
                    suggestions += 1
    assert suggestions > 12
