"""What a shell offers: asked of the command itself, and of real shells with the printed script."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import commands
import pytest
from commands import COMMAND

from cef_bridge.cli import _Group
from cef_bridge.mapping.language import shipped

BIN = Path(sys.executable).parent
ENV = {
    **os.environ,
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    "TERM": "dumb",
}
SHELL = {**ENV, "LC_ALL": "C.UTF-8"}


def offered(line: str, folder: Path) -> list[str]:
    """Return what bash is told to offer at the end of a line, as `type,word`."""
    words = line.split(" ")
    asked = {"_CEF_BRIDGE_COMPLETE": "bash_complete", "COMP_WORDS": line}
    done = commands.run(
        [COMMAND],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**ENV, **asked, "COMP_CWORD": str(len(words) - 1)},
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.fixture
def folder(tmp_path):
    for name in ("acme.yaml", "other.yml", "events.json", ".hidden.yaml"):
        (tmp_path / name).write_text("")
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "blue.yaml").write_text("")
    return tmp_path


def test_all_commands_and_their_options_are_offered(folder):
    assert offered("cef-bridge ", folder) == [f"plain,{name}" for name in _Group.table]
    assert offered("cef-bridge mapping sh", folder) == ["plain,show"]
    assert "plain,--syslog-header" in offered("cef-bridge convert --s", folder)
    assert offered("cef-bridge convert --syslog-header rfc3", folder) == ["plain,rfc3164"]
    assert offered("cef-bridge help conv", folder) == ["plain,convert"]
    assert offered("cef-bridge help mapping sh", folder) == ["plain,show"]
    assert offered("cef-bridge help convert ", folder) == [""]


@pytest.mark.parametrize(
    "before",
    [
        "convert -m ",
        "convert --mapping ",
        "forward -m ",
        "mapping show ",
        "mapping lint ",
        "mapping test ",
        "mapping diff ",
        "mapping diff splunk ",
        "mapping explain -m ",
        "mapping coverage -m ",
        "simulate -m ",
        "-v convert -m ",
    ],
)
def test_where_a_mapping_is_named_shipped_ones_and_files_are_offered(before, folder):
    known = [*shipped.names(), "acme.yaml", "other.yml"]
    assert offered(f"cef-bridge {before}", folder) == [f"plain,{name}" for name in known]
    assert offered(f"cef-bridge {before}spl", folder) == ["plain,splunk"]
    assert offered(f"cef-bridge {before}ac", folder) == ["plain,acme.yaml"]


def test_files_in_a_folder_are_offered_and_the_shell_goes_through_folders(folder):
    assert offered("cef-bridge convert -m team/", folder) == ["plain,team/blue.yaml"]
    assert offered("cef-bridge convert -m te", folder) == ["file,te"]
    assert offered("cef-bridge convert -m ./", folder) == ["file,./"]
    assert offered("cef-bridge convert -m nowhere/x", folder) == ["file,nowhere/x"]


def test_a_name_that_must_be_quoted_is_left_to_the_shell(folder):
    (folder / "team" / "a b.yaml").write_text("")
    assert offered("cef-bridge convert -m team/", folder) == ["file,team/"]


def test_to_offer_commands_none_of_them_is_imported():
    program = (
        "import sys; sys.argv = ['cef-bridge']\n"
        "from cef_bridge.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(sorted(m for m in sys.modules if m.startswith('cef_bridge.cli.')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={
            **ENV,
            "_CEF_BRIDGE_COMPLETE": "bash_complete",
            "COMP_WORDS": "cef-bridge c",
            "COMP_CWORD": "1",
        },
    )
    lines = done.stdout.splitlines()
    assert "plain,convert" in lines
    loaded = [
        f"cef_bridge.cli.{name}" for name in ("environment", "groups", "logs", "params", "version")
    ]
    assert lines[-1] == str(loaded)


def script(shell: str, folder: Path) -> Path:
    done = commands.run([COMMAND, "completion", shell], check=True, capture_output=True, timeout=60)
    path = folder / f"completion.{shell}"
    path.write_bytes(done.stdout)
    return path


def typed(shell: list[str], setup: str, keys: str, wanted: str, folder: Path) -> str:
    """Return what an interactive shell shows for some keys, read until `wanted` is there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        shell,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env={**SHELL, "HOME": str(folder), "PS1": "> "},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        os.write(ours, f"{setup}; echo rea''dy\n".encode())
        _until(ours, "ready")
        os.write(ours, keys.encode())
        return _until(ours, wanted)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _until(terminal: int, wanted: str) -> str:
    shown = b""
    end = time.monotonic() + 20
    while wanted.encode() not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 4096)
    return shown.decode(errors="replace")


def test_tab_in_bash_completes_the_name_of_a_mapping(folder):
    path = script("bash", folder)
    shell = ["bash", "--norc", "--noprofile", "-i"]
    shown = typed(shell, f"source {path}", "cef-bridge convert -m spl\t", "splunk ", folder)
    assert "cef-bridge convert -m splunk " in shown


def test_tab_in_bash_completes_a_path_through_folders(folder):
    path = script("bash", folder)
    shell = ["bash", "--norc", "--noprofile", "-i"]
    keys = "cef-bridge mapping show ./te\tb\t"
    shown = typed(shell, f"source {path}", keys, "blue.yaml ", folder)
    assert "cef-bridge mapping show ./team/blue.yaml " in shown


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_tab_in_zsh_completes_the_name_of_a_mapping(folder):
    path = script("zsh", folder)
    setup = f"autoload -U compinit; compinit -u -d {folder}/dump; source {path}"
    shown = typed(["zsh", "-f", "-i"], setup, "cef-bridge convert -m spl\t", "splunk", folder)
    assert "cef-bridge convert -m spl" in shown
    assert "splunk" in shown


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_completes_the_name_of_a_mapping(folder):
    path = script("fish", folder)
    asked = f"source {path}; complete -C 'cef-bridge convert -m spl'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", asked],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**SHELL, "HOME": str(folder)},
    )
    assert done.stdout.split() == ["splunk"]


def test_another_shell_is_wrong_use():
    done = commands.run(
        [COMMAND, "completion", "tcsh"], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "'bash', 'zsh', 'fish'" in done.stderr
