"""`mapping lint --fix` and `--watch` as somebody at a terminal uses them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import contextmanager

import commands
import pytest
from commands import COMMAND
from terminals import at_a_terminal, environment, open_terminal

PATIENCE = 60  # seconds

SLIPS = """\
mapping: slips # lint-ok M029 M049 for a test
extends: splunk
extension:
  cs2: {from: NamespceName, label: K8sNamespace} # who
  cn1: {from: container.pid}
  act: {from: Action, value: x}
"""
FIXED = SLIPS.replace("NamespceName", "NamespaceName").replace(
    "{from: container.pid}", "{from: container.pid, label: ContainerPID}"
)


def lint(folder, *words):
    return commands.run(
        [COMMAND, "mapping", "lint", *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
    )


def test_fix_says_what_it_changed_and_prints_what_is_left(tmp_path):
    path = tmp_path / "slips.yaml"
    path.write_text(SLIPS)
    path.chmod(0o640)
    done = lint(tmp_path, "--fix", "slips.yaml")
    assert path.read_text() == FIXED
    assert path.stat().st_mode & 0o777 == 0o640
    assert done.returncode == 2
    assert done.stdout == (
        'slips.yaml:6:23 M012 act has "from" and "value" in one rule. Keep one.\n'
    )
    assert done.stderr == (
        'slips.yaml:4:15 M008 fixed: "NamespceName" replaced by "NamespaceName"\n'
        'slips.yaml:5:3 M003 fixed: "label: ContainerPID" added\n'
        "2 problems fixed\n"
        "1 error, 0 warnings, 2 suppressed\n"
    )
    again = lint(tmp_path, "--fix", "slips.yaml")
    assert again.stderr == "1 error, 0 warnings, 2 suppressed\n"
    assert path.read_text() == FIXED


def test_fix_changes_a_parent_of_ones_own_and_a_test_file_but_no_shipped_mapping(tmp_path):
    (tmp_path / "slips.yaml").write_text(SLIPS)
    (tmp_path / "child.yaml").write_text(
        "mapping: child # lint-ok M029 M049 for a test\nextends: slips.yaml\n"
    )
    lint(tmp_path, "--fix", "child.yaml")
    assert (tmp_path / "slips.yaml").read_text() == FIXED
    (tmp_path / "slips.test.yaml").write_text("exmples:\n  - {event: {}, expect: {act: x}}\n")
    lint(tmp_path, "--fix", "slips.test.yaml")
    assert (tmp_path / "slips.test.yaml").read_text().startswith("examples:\n")
    done = lint(tmp_path, "--fix")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Name the mappings to fix" in done.stderr
    assert lint(tmp_path, "--fix", "splunk").returncode == 0


def test_a_suppressed_problem_is_not_fixed(tmp_path):
    text = SLIPS.replace("  act:", "  cs9x: null # lint-ok M028 on purpose\n  act:")
    (tmp_path / "slips.yaml").write_text(text)
    lint(tmp_path, "--fix", "slips.yaml")
    assert "cs9x: null # lint-ok" in (tmp_path / "slips.yaml").read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_told(tmp_path):
    path = tmp_path / "slips.yaml"
    path.write_text(SLIPS)
    path.chmod(0o400)
    done = lint(tmp_path, "--fix", "slips.yaml")
    assert done.returncode == 2
    assert "Permission denied" in done.stderr


def test_fix_is_in_colour_on_a_terminal(tmp_path):
    (tmp_path / "slips.yaml").write_text(SLIPS)
    seen = at_a_terminal("mapping", "lint", "--fix", "slips.yaml", cwd=tmp_path)
    assert "M008 \x1b[32m\x1b[1mfixed\x1b[0m: " in seen.raw


class Screen:
    """What stands on the terminal of a running command, waited for."""

    def __init__(self, ours: int) -> None:
        self._ours = ours
        self.text = ""

    def wait_for(self, text: str, times: int = 1) -> None:
        end = time.monotonic() + PATIENCE
        while self.text.count(text) < times:
            assert time.monotonic() < end, f"{text!r} did not come:\n{self.text}"
            if select.select([self._ours], [], [], 0.2)[0]:
                self.text += os.read(self._ours, 1 << 16).decode().replace("\r\n", "\n")


@contextmanager
def watching(folder, *words):
    ours, theirs = open_terminal()
    with commands.Popen(
        [COMMAND, "mapping", "lint", "--watch", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(NO_COLOR="1"),
        cwd=folder,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        screen = Screen(ours)
        try:
            yield process, screen
        finally:
            process.kill()
    os.close(ours)


def test_watch_checks_again_when_a_file_that_matters_changes_and_ends_with_130(tmp_path):
    (tmp_path / "base.yaml").write_text(
        "mapping: base\nextends: splunk\ncluster: c\n"
        "extension:\n  KubeArmorTeam: {from: NamespaceName, table: {file: teams.csv}}\n"
    )
    (tmp_path / "acme.yaml").write_text("mapping: acme\nextends: base.yaml\n")
    (tmp_path / "teams.csv").write_text("shop,retail\n")
    with watching(tmp_path, "acme.yaml") as (process, screen):
        screen.wait_for("acme.yaml:1:1 warning M049")
        screen.wait_for("Ctrl-C ends")
        # The mapping itself, replaced as editors do
        (tmp_path / "new").write_text("mapping: acme\nextends: base.yaml\nextnsion: {}\n")
        (tmp_path / "new").replace(tmp_path / "acme.yaml")
        screen.wait_for("acme.yaml changed at ")
        screen.wait_for("acme.yaml:3:1 error M001 ")
        screen.wait_for("Ctrl-C ends", 2)
        # A table
        (tmp_path / "teams.csv").write_text("shop,retail\nSHOP,other\n")
        screen.wait_for("teams.csv changed at ")
        screen.wait_for("teams.csv:2:1 error M007 ")
        screen.wait_for("Ctrl-C ends", 3)
        # A parent goes, and comes back
        (tmp_path / "base.yaml").rename(tmp_path / "away.txt")
        screen.wait_for("error M016 ")
        screen.wait_for("Ctrl-C ends", 4)
        (tmp_path / "teams.csv").write_text("shop,retail\n")
        (tmp_path / "acme.yaml").write_text("mapping: acme\nextends: base.yaml\n")
        (tmp_path / "away.txt").rename(tmp_path / "base.yaml")
        screen.wait_for("0 errors, 1 warning", 2)
        # A file of examples, which was not there before
        (tmp_path / "acme.test.yaml").write_text("examples: []\n")
        screen.wait_for("acme.test.yaml changed at ")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
    assert "Traceback" not in screen.text


def test_ctrl_c_ends_a_watch_that_found_errors_with_130_too(tmp_path):
    (tmp_path / "slips.yaml").write_text(SLIPS)
    with watching(tmp_path, "slips.yaml") as (process, screen):
        screen.wait_for("Ctrl-C ends")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130


def test_watch_and_fix_are_not_asked_for_at_once(tmp_path):
    (tmp_path / "slips.yaml").write_text(SLIPS)
    done = lint(tmp_path, "--fix", "--watch", "slips.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Keep one." in done.stderr
    assert (tmp_path / "slips.yaml").read_text() == SLIPS


def test_an_endless_watch_in_a_pipe_prints_at_once(tmp_path):
    (tmp_path / "slips.yaml").write_text(SLIPS)
    with commands.Popen(
        [COMMAND, "mapping", "lint", "--watch", "slips.yaml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    ) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
    assert first.startswith(b"slips.yaml:4:15 M008 ")
