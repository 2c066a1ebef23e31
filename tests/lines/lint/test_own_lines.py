"""Our own lines: every shipped mapping, over every event of tests/data, is clean for its receiver."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from transcripts import ROOT

from cef_bridge.cli.convert import command as convert
from cef_bridge.lines.lint.codes import STANDARD
from cef_bridge.lines.lint.linter import Linter
from cef_bridge.mapping.language.shipped import names
from cef_bridge.mapping.load import load
from cef_bridge.siems.registry import SIEMS

DATA = sorted(str(path) for path in (ROOT / "tests" / "data").iterdir() if path.is_file())

# SC4S stands before the add-on, and has its mapping: the first SIEM that names one is asked.
READ_BY = dict.fromkeys(names(), STANDARD) | {
    mapping: siem.name for siem in reversed(SIEMS.values()) for mapping in siem.mappings
}


@pytest.fixture(scope="module", params=sorted(READ_BY))
def written(request, tmp_path_factory):
    header = load(request.param).envelope.syslog_header
    path = tmp_path_factory.mktemp("own") / "lines"
    words = ["-m", request.param, "--syslog-header", header, "--no-progress", "-o", str(path)]
    CliRunner().invoke(convert, [*words, *DATA])
    lines = path.read_text().split("\n")[:-1]
    assert len(lines) > 200
    return request.param, lines


def test_a_shipped_mapping_has_no_fault_for_its_receiver(written):
    mapping, lines = written
    linter = Linter(READ_BY[mapping])
    assert [(line, faults) for line in lines if (faults := linter.lint(line))] == []


def test_a_shipped_mapping_has_no_error_for_anybody(written):
    _, lines = written
    linter = Linter()
    errors = [it for line in lines for it in linter.lint(line) if it.code.severity == "error"]
    assert errors == []
