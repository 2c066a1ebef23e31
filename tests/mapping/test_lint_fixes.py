"""Fixes: each removes its problem and adds none, and what it does not concern stays as it was."""

from __future__ import annotations

import re
import tempfile
import textwrap
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_problems import CASES

from cef_bridge.cli.mapping import lint_fix
from cef_bridge.mapping.language import codes, fixes
from cef_bridge.mapping.lint import linter
from cef_bridge.mapping.load import check

ENV = {"EMPTY": "", "SET": "x"}

SOUND = """\
# Ours.
mapping: sound   # the name
extends: splunk
cluster: prod-eu

filters: [soc_lean]
header:
  severity: {from: event.severity}
extension:
  # who owns it
  KubeArmorTeam: {from: NamespaceName, table: {shop: retail, payments: fintech}, else: platform}
  cs5:
    - {from: Resource, when: {process.role: executed}, via: redact, label: CommandLine}
    - from: Source   # else
      via: [redact]
  fname: {from: 'file.path', via: "basename"}
  KubeArmorWhere: {template: "{NamespaceName}/{PodName}"}
  cn1:
    from: container.pid
    label: ContainerPID
  spt: null
envelope: {facility: local3, syslog_header: rfc5424, truncate_first: [KubeArmorLabels, cs5]}
drop_events:
  - {event.kind: log, event.verb: [read, socket]}
  - event.kind: log
    NamespaceName: {not: kube-system}
examples:
  - {event: {Type: MatchedPolicy, Operation: Process}, expect: {KubeArmorTeam: platform}}
"""
WORDS = [
    *("filters", "soc_lean", "header", "severity", "extension", "NamespaceName", "table", "else"),
    *("cs5", "Resource", "when", "process.role", "executed", "via", "redact", "label", "Source"),
    *("fname", "file.path", "basename", "template", "PodName", "container.pid", "envelope"),
    *("facility", "local3", "syslog_header", "rfc5424", "truncate_first", "KubeArmorLabels"),
    *("drop_events", "event.kind", "log", "event.verb", "socket", "not", "examples"),
]


def keys(problems):
    return Counter((problem.code, problem.message) for problem in problems)


def problems_of(path):
    return check([path], env=ENV).problems


def fixed(text: str) -> str:
    """Return a mapping as `mapping lint --fix` leaves it; doing it twice changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.yaml"
        path.write_text(text)
        lint_fix.fix(lambda: check([path]))
        once = path.read_text()
        before = path.stat()
        lint_fix.fix(lambda: check([path]))
        assert path.read_text() == once
        assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
        assert [it.name for it in path.parent.iterdir()] == ["sound.yaml"]
        return once


def test_the_sound_mapping_is_sound_and_stays_as_it_is(tmp_path):
    path = tmp_path / "sound.yaml"
    path.write_text(SOUND)
    assert problems_of(path) == []
    assert fixed(SOUND) == SOUND


# What a word that is right at last shows: it was not looked at before.
SHOWN_NOW = {
    "rule setting": "M004",
    "key": "M039",
    "key by its full name": "M039",
    "shed key": "M052",
    "class": "M051",
}


@pytest.mark.parametrize("name", CASES)
def test_each_fix_removes_its_problem_and_adds_none(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = CASES[name][0]
    data = text if isinstance(text, bytes) else text.encode()
    path = Path("m.yaml")
    path.write_bytes(data)
    found = problems_of(path)
    for problem in found:
        assert problem.fix is None or codes.CODES[problem.code].fix
        if problem.fix is None:
            continue
        after, made = fixes.applied(data, [problem])
        assert made == [problem]
        path.write_bytes(after)
        left = keys(problems_of(path))
        one = (problem.code, problem.message)
        assert left[one] < keys(found)[one]
        added = {code for code, _ in left - keys(found)}
        assert added <= {SHOWN_NOW.get(name)}


@pytest.mark.parametrize(
    "code", [it for it in codes.CODES.values() if it.fix], ids=lambda it: it.id
)
def test_a_page_that_says_what_a_fix_does_has_an_example_of_it(code, tmp_path):
    page = linter.page(code)
    assert f"\n\n`mapping lint --fix` {code.fix}\n\nBad:\n" in page
    body = textwrap.dedent(re.search(r"Bad:\n(.+?)\nGood:", page, re.DOTALL)[1]) + "\n"
    path = tmp_path / "page.yaml"
    path.write_text(body if "mapping:" in body else f"mapping: page\n{body}")
    found = [it for it in problems_of(path) if it.code == code.id and it.fix]
    assert found
    _, made = fixes.applied(path.read_bytes(), found[:1])
    assert made == found[:1]


def slips(word: str):
    """Return what fingers make of a word."""
    at = st.integers(0, len(word) - 1)
    dropped = at.map(lambda n: word[:n] + word[n + 1 :])
    doubled = at.map(lambda n: word[:n] + word[n] + word[n:])
    swapped = at.map(lambda n: word[:n] + word[n : n + 2][::-1] + word[n + 2 :])
    return st.one_of(dropped, doubled, swapped).filter(lambda it: it != word)


@st.composite
def slipped(draw):
    word = draw(st.sampled_from(WORDS))
    places = [
        found.start() for found in re.finditer(rf"(?<![\w.]){re.escape(word)}(?![\w.])", SOUND)
    ]
    at = draw(st.sampled_from(places))
    return word, SOUND[:at] + draw(slips(word)) + SOUND[at + len(word) :]


@given(slipped())
def test_a_slip_of_the_fingers_is_put_right_byte_by_byte(case):
    word, text = case
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.yaml"
        path.write_text(text)
        offered = [it for it in problems_of(path) if it.fix]
    if offered:
        assert fixed(text) == SOUND, word


HEAD = "mapping: m\ncluster: c\n"
LAYOUTS = {
    "flow, one of three": (
        "extension:\n  act: {from: Action, label: x, via: lower} # c\n",
        "extension:\n  act: {from: Action, via: lower} # c\n",
    ),
    "flow, the last": (
        "extension:\n  act: {from: Action , label: 'x' }\n",
        "extension:\n  act: {from: Action }\n",
    ),
    "flow, the first": (
        "extension:\n  act: {label: x, from: Action}\n",
        "extension:\n  act: {from: Action}\n",
    ),
    "flow over lines with comments": (
        "extension:\n  act: {from: Action, # why\n    label: x}\n",
        "extension:\n  act: {from: Action, # why\n    }\n",
    ),
    "block": (
        "extension:\n  act:\n    from: Action # why\n    label: x\n    # next\n    via: lower\n",
        "extension:\n  act:\n    from: Action # why\n    # next\n    via: lower\n",
    ),
    "block, the last line of the file": (
        "extension:\n  act:\n    from: Action\n    label: x",
        "extension:\n  act:\n    from: Action\n",
    ),
    "behind a dash": (
        "extension:\n  act:\n    - label: x\n      from: Action\n",
        "extension:\n  act:\n    - from: Action\n",
    ),
    "an added label in flow": (
        "extension:\n  cs2: {from: NamespaceName } # c\n",
        "extension:\n  cs2: {from: NamespaceName, label: K8sNamespace } # c\n",
    ),
    "an added label behind a comma": (
        "extension:\n  cs2: {from: NamespaceName, }\n",
        "extension:\n  cs2: {from: NamespaceName, label: K8sNamespace, }\n",
    ),
    "an added label in a block": (
        "extension:\n  cs2:\n    from:\n      - NamespaceName # c\n\n  # next\n  act: {from: Action}\n",
        (
            "extension:\n  cs2:\n    from:\n      - NamespaceName # c\n    label: K8sNamespace\n\n"
            "  # next\n  act: {from: Action}\n"
        ),
    ),
    "one label for a list of rules": (
        "extension:\n  cs2:\n    - {from: NamespaceName, when: {Type: x}}\n    - {from: HostName}\n",
        (
            "extension:\n  cs2:\n    - {from: NamespaceName, when: {Type: x}, label: K8sNamespace}\n"
            "    - {from: HostName}\n"
        ),
    ),
    "a value on a line of its own": (
        "extension:\n  act:\n    from:\n      Acton # c\n",
        "extension:\n  act:\n    from:\n      Action # c\n",
    ),
    "quotes stay": (
        'extension:\n  act: {from: \'Acton\', "via": "lowre"}\n',
        'extension:\n  act: {from: \'Action\', "via": "lower"}\n',
    ),
    "an anchor stays": (
        "extension:\n  act: {from: &a Acton}\n  KubeArmorAct: {from: *a}\n",
        "extension:\n  act: {from: &a Action}\n  KubeArmorAct: {from: *a}\n",
    ),
    "a template": (
        'extension:\n  KubeArmorX: {template: "a {Acton}: {Podname}"}\n',
        'extension:\n  KubeArmorX: {template: "a {Action}: {PodName}"}\n',
    ),
    "the same twice": (
        "extension:\n  act: {from: Action} # one\n  # two\n  act: {from: Action}\n  cat: {from: Type}\n",
        "extension:\n  act: {from: Action} # one\n  # two\n  cat: {from: Type}\n",
    ),
    "two rows of a table": (
        "extension:\n  act: {from: Action, table: {Block: b, BLOCK: b, Audit: a}}\n",
        "extension:\n  act: {from: Action, table: {Block: b, Audit: a}}\n",
    ),
    "an earlier name and today's": (
        "drop: [Cwd]\ndrop_fields: [Cwd]\n",
        "drop_fields: [Cwd]\n",
    ),
}
LEFT = {  # what nobody can put right for the writer
    "twice, and not the same": "extension:\n  act: {from: Action}\n  act: {value: x}\n",
    "as near to one as to another": "envelope: {facility: local9}\n",
    "the right name is there already": "extension:\n  act: {from: Action}\n  act: {from: Type}\n  actt: {from: Type}\n",
    "the label is another key's": (
        "extension:\n  cs1: {from: HostName, label: K8sNamespace}\n  cs2: {from: NamespaceName}\n"
    ),
    "a rule that is a text": "extension:\n  cs2: x\n",
    "a key that may be a slip": "extension:\n  cs7: {from: PodName, label: K8sPod}\n",
    "a value that stands elsewhere": (
        "extension:\n  cn1: &x {from: HostPID, label: A}\n  cn2: *x\n"
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("begin", ["", "\ufeff"], ids=["plain", "bom"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_fix_keeps_comments_quotes_and_layout(name, begin, newline, tmp_path):
    before, after = (
        (begin + HEAD + text).replace("\n", newline).encode() for text in LAYOUTS[name]
    )
    path = tmp_path / "m.yaml"
    path.write_bytes(before)
    lint_fix.fix(lambda: check([path]))
    assert path.read_bytes() == after


@pytest.mark.parametrize("name", LEFT)
def test_what_has_no_one_right_fix_is_left(name, tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(HEAD + LEFT[name])
    found = problems_of(path)
    lint_fix.fix(lambda: check([path]))
    assert path.read_text() == HEAD + LEFT[name]
    assert {it.code for it in found} - {"M048", "M049"}
