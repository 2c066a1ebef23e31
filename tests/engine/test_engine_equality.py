"""The engine writes what the reference writes: mappings and events made up, and those of KubeArmor."""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

import pytest
from equality import Both, Tally, compare, samples

from cef_bridge.engine import native as engine
from cef_bridge.mapping.language.shipped import names
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter

sys.path.append(str(Path(__file__).parent.parent.parent / "benchmarks"))
import datasets

pytestmark = pytest.mark.skipif(engine.load() is None, reason=f"no engine: {engine.status()}")

SECONDS = float(os.environ.get("CEF_BRIDGE_FUZZ_SECONDS", "60"))
SEED = int(os.environ.get("CEF_BRIDGE_FUZZ_SEED", random.SystemRandom().randrange(2**32)))
DATA = Path(__file__).parent.parent / "data"


def test_made_up_mappings_and_events():
    tally = Tally()
    compare(SEED, SECONDS, tally)
    first = tally.differences[0] if tally.differences else ""
    assert not first, f"CEF_BRIDGE_FUZZ_SEED={SEED} repeats this\n{tally}\n{first}"
    assert tally.lines > tally.left > 0, tally


@pytest.mark.parametrize("name", names())
def test_every_shipped_mapping(name):
    both = Both(Converter(load(name), syslog_header="rfc5424"))
    lines = [line for path in sorted(DATA.iterdir()) for line in path.read_bytes().split(b"\n")]
    lines += [compact(event) for event in samples()]
    done = [(line, found) for line in lines if (found := both.native(line)) is not None]
    assert len(done) > len(lines) / 2
    for line, found in done:
        assert found == both.reference(line), line


def compact(event: dict[str, object]) -> bytes:
    return datasets.line(event).removesuffix(b"\n")


def docker(line: bytes) -> bytes:
    text = line.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'{"log":"%b\\n","stream":"stdout","time":"2026-02-11T08:15:42.118273111Z"}' % text


def cri(line: bytes) -> bytes:
    return b"2026-02-11T08:15:42.118273111Z stdout F " + line


def log_file(line: bytes) -> bytes:
    return json.dumps(in_camel_case(json.loads(line))).encode()


def in_camel_case(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {key[:1].lower() + key[1:]: in_camel_case(each) for key, each in value.items()}


@pytest.mark.parametrize("name", datasets.SETS)
@pytest.mark.parametrize("wrap", [bytes, docker, cri, log_file])
def test_no_line_of_the_benchmarks_leaves_the_engine(name, wrap):
    both = Both(Converter(load("kubearmor-cef")))
    for event in datasets.SETS[name].make(150):
        line = wrap(compact(event))
        found = both.native(line)
        assert found is not None, line
        assert found == both.reference(line)


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        (b'{"type":"containerlog","OPERATION":"File","updatedTime":"2026-07-01T09:00:00Z"}', True),
        (b'{"Type":"ContainerLog","hostname":"n1","owner":{"ref":"Pod","NAME":"a","x":1}}', True),
        # Words of many logs: nothing beside them is KubeArmor's alone.
        (b'{"operation":"process","message":"x"}', False),
        (b'{"type":"message","message":"x"}', False),
        # A name in two spellings, of which one has to get another name.
        (b'{"Type":"ContainerLog","hostName":"n1","HostName":"n2"}', False),
        (b'{"Type":"ContainerLog","Owner":{"Ref":"a","ref":"b"}}', False),
        (b'{"Type":"ContainerLog","Owner":{"Ref":"a"},"owner":{"ref":"b"}}', False),
        # Beside the object that they are of.
        (b'{"Type":"ContainerLog","ownerRef":"Pod"}', False),
        (b'{"Type":"ContainerLog","owner.ref":"Pod"}', False),
    ],
)
def test_names_in_another_spelling_stay_where_it_is_certain_what_they_are(line, stays):
    both = Both(Converter(load("kubearmor-cef")))
    found = both.native(line)
    assert (found is not None) == stays
    assert found in (None, both.reference(line))


ALERT = {
    "Type": "MatchedPolicy",
    "Operation": "File",
    "HostName": "n1",
    "Owner": {"Ref": "Deployment", "Name": "shop", "Namespace": "shop"},
    "EventData": {"": "\x7f", "Flags": "O_RDONLY", "\u00c9nd": "x"},
    "ATags": ["\u017fT1059::1", "mitre"],
    "Resource": "/etc/shadow",
    "Result": "Permission denied",
    "Action": "Block",
    "UpdatedTime": "2026-07-01T09:00:00.000001Z",
    "KubeArmorVersion": "1.6\\",
}
MADE = {
    "a map as a field": {"extension": {"ownOwner": {"from": "Owner"}}},
    "a map spread, its part asked": {
        "extension": {"KubeArmorOwner": {"spread": "Owner"}},
        "keep_events": [{"Owner.Name": ["*"]}],
    },
    "a key of spread that is the rule's own": {
        "extension": {
            "KubeArmorData": {"spread": "EventData"},
            "KubeArmorSuspicious": {"from": "event.suspicious"},
        }
    },
    "letters of other scripts, a backslash in a header": {
        "extension": {"cat": {"from": "Operation"}}
    },
}


@pytest.mark.parametrize("form", ["cef", "leef"])
@pytest.mark.parametrize("made", MADE)
def test_what_random_mappings_once_found(made, form, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(json.dumps({"mapping": "own", "format": form, **MADE[made]}))
    both = Both(Converter(load(path)))
    native = both.native(compact(ALERT))
    assert native in (None, both.reference(compact(ALERT)))
    assert (native is None) == ("spread, its" in made)
