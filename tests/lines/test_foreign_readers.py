"""Readers that are not ours must see the same keys and values; none may see a forged one.

The expressions are those of the receivers' own files, named at each; where a receiver is known
to deviate from the standard the test says how, so that a change of ours shows up here.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess

import pycef
import pytest
from hostile_text import FRAGMENTS, extensions, headers
from hypothesis import given

from cef_bridge.lines import Cef, Header, Leef

HEADER = Header(
    "KubeArmor", "KubeArmor", "1.4.3", "alert.host.process.block", "Blocked by policy", "5"
)
NODE = "<134>1 2023-08-23T18:05:48.301798Z node-1 kubearmor - - - "
# They rename a slot by its label; the names are compared for all other keys.
SLOTS = {"cs1", "cs1Label"}

# splunk-connect-for-syslog, package/shared/pylib/parser_cef.py
SC4S_PAIRS = re.compile(r"([^=\s]+)=((?:\\=|[^=])+)(?:\s|$)")
# splunk-connect-for-syslog, package/shared/conf.d/conflib/syslog/app-syslog-cef.conf
SC4S_MESSAGE = re.compile(r"^(?P<preamble>(?!-)[a-zA-Z-\/0-9\.]+).*(?P<message>CEF:0.*)")
# splunk-add-on-for-cef, package/default/transforms.conf: _header, _ext, _fields
ADDON_HEADER = re.compile(
    r"CEF:(\d+)\|([^\|]*)\|([^\|]*)\|([^\|]*)\|([^\|]*)\|([^\|]*)\|([^\|]*)\|"
)
ADDON_EXT = re.compile(r"CEF:0\|[^\|]*\|[^\|]*\|[^\|]*\|[^\|]*\|[^\|]*\|[^\|]*\| ?(.*)")
ADDON_FIELDS = re.compile(r"(?:^| )(?P<key>[^=]*)=(?! )(?P<value>.+?)(?=(?: [^ ]*(?<!\\)=|$))")


def written(extension):
    """Return the pairs as they stand on the wire: most receivers of Splunk never un-escape."""
    writer = Cef()
    _, values = writer.normalise(HEADER, extension)
    return {name: writer.escape(text) for name, text in values.items()}


@given(extensions)
def test_pycef_reads_the_same_pairs(extension):
    extension = {name: text for name, text in extension.items() if name not in SLOTS}
    read = pycef.parse(NODE + Cef().render(HEADER, extension))
    assert read["DeviceEventClassID"] == HEADER.device_event_class_id
    assert read["Severity"] == "5"
    own = {
        "DeviceVendor",
        "DeviceProduct",
        "DeviceVersion",
        "DeviceEventClassID",
        "Name",
        "DeviceName",
    }
    own |= {"Severity", "DeviceSeverity", "CEFVersion"}
    assert {name: text for name, text in read.items() if name not in own} == written(extension)


@given(headers, extensions)
def test_sc4s_splits_header_and_pairs_as_meant(header, extension):
    line = Cef().render(header, extension)
    # csv-parser(columns(8) delimiters("|") flags(greedy, drop-invalid)) without escapes
    columns = line.split("|", 7)
    normal, _ = Cef().normalise(header, extension)
    assert columns[:7] == ["CEF:0", *(field.replace("\\", "\\\\") for field in normal)]
    assert dict(SC4S_PAIRS.findall(columns[7])) == written(extension)


@given(headers, extensions)
def test_the_splunk_add_on_sees_the_header_and_all_pairs_but_the_first(header, extension):
    extension = {"KubeArmorFormat": "1", **extension}
    line = NODE + Cef().render(header, extension)
    found = ADDON_HEADER.search(line)
    normal, _ = Cef().normalise(header, extension)
    assert list(found.groups()) == ["0", *(field.replace("\\", "\\\\") for field in normal)]
    if "=" not in line[: found.end()]:  # it takes what stands before the first `=` for a key
        pairs = {pair["key"]: pair["value"] for pair in ADDON_FIELDS.finditer(line)}
        _lost, *names = pairs
        assert {name: pairs[name] for name in names} == {
            name: text for name, text in written(extension).items() if name != "KubeArmorFormat"
        }
    assert ADDON_EXT.search(line)[1] == line[found.end() :]


@given(headers, extensions)
def test_sc4s_greedy_search_finds_our_message_and_not_one_in_an_argument(header, extension):
    line = Cef(defang=("CEF:0", "LEEF:")).render(header, extension)
    assert SC4S_MESSAGE.match(f"node-1 {line}")["message"] == line


def test_without_break_up_sc4s_would_take_the_forged_message():
    line = Cef().render(HEADER, {"msg": "CEF:0|a|b|c|d|e|1|"})
    assert SC4S_MESSAGE.match(f"node-1 {line}")["message"] == "CEF:0|a|b|c|d|e|1|"


@given(headers, extensions)
def test_sc4s_reads_leef_attributes_as_meant(header, extension):
    # splunk-connect-for-syslog, package/shared/pylib/parser_leef.py: the last piece is the event
    structure = Leef().render(header, extension).split("|")
    separator, event = structure[5], structure[-1]
    pairs = dict(pair.split("=", 1) for pair in event.split(separator)) if event else {}
    assert pairs == Leef().normalise(header, extension)[1]


@pytest.fixture(scope="module")
def lognormalizer(tmp_path_factory):
    """Run liblognorm's CEF parser, rsyslog's, over lines; give back one object a line."""
    binary = shutil.which("lognormalizer")
    if binary is None:
        pytest.skip("lognormalizer is not installed (Debian: liblognorm-utils)")
    rules = tmp_path_factory.mktemp("rules") / "cef.rulebase"
    rules.write_text("version=2\nrule=:%f:cef%\n")

    def read(lines):
        done = subprocess.run(
            [binary, "-r", rules, "-e", "json"], input="\n".join(lines) + "\n",
            capture_output=True, text=True, check=True, encoding="utf-8",
        )  # fmt: skip
        return [json.loads(line) for line in done.stdout.split("\n") if line]

    return read


def hostile_events(count):
    """Make events of an attacker's text; the same ones in each run."""
    dice = random.Random(20231123)  # noqa: S311 - repeatable, not secret
    names = ["act", "msg", "cs1", "externalId", "filePath", "KubeArmorX", "reason"]
    for _ in range(count):
        texts = ("".join(dice.choices(FRAGMENTS, k=dice.randint(1, 8))) for _ in names)
        values = dict(zip(dice.sample(names, len(names)), texts, strict=True))
        yield HEADER, {"KubeArmorFormat": "1", **values}


def test_liblognorm_reads_every_hostile_event_the_same(lognormalizer):
    events = list(hostile_events(1500))
    read = lognormalizer([Cef().render(*event) for event in events])
    assert len(read) == len(events)
    for event, answer in zip(events, read, strict=True):
        header, values = Cef().normalise(*event)
        assert list(answer) == ["f"], answer
        assert answer["f"]["SignatureID"] == header.device_event_class_id
        names = [*answer["f"]["Extensions"]]
        # 2.0.6 loses the first letter of the first key when no space stands before it: one more
        # reason for a first key that says nothing.
        assert names[0] in ("ubeArmorFormat", "KubeArmorFormat")
        assert {name: answer["f"]["Extensions"][name] for name in names[1:]} == {
            name: text for name, text in values.items() if name != "KubeArmorFormat"
        }
