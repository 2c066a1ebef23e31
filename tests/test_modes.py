"""Every file and folder that the program makes has the mode of docs/security.md, even under umask 0."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
from commands import COMMAND
from test_claims import said_mode

if TYPE_CHECKING:
    from pathlib import Path

CUT = '{"Operation":"File","Resource":"/etc/pass\n'
ALERT = {"Type": "MatchedPolicy", "Operation": "Process", "Resource": "mysql --password=x"}


@pytest.fixture
def here(tmp_path):
    """Return a folder with events, one of them cut, where nothing else is."""
    events = [json.dumps({**ALERT, "PID": number}) for number in range(50)]
    (tmp_path / "events.log").write_text("\n".join(events) + "\n" + CUT, "utf-8")
    return tmp_path


def run(command: str, folder: Path, *, codes: tuple[int, ...] = (0,)) -> None:
    """Run a command under umask 0."""
    done = subprocess.run(
        [COMMAND, *shlex.split(command)],
        cwd=folder,
        umask=0,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    assert done.returncode in codes, done.stderr


def modes(folder: Path) -> dict[str, str]:
    """Return the mode of everything that was made in a folder."""
    return {
        str(path.relative_to(folder)): f"{stat.S_IMODE(path.lstat().st_mode):04o}"
        for path in sorted(folder.rglob("*"))
        if path.name != "events.log"
    }


def test_queues_and_the_folders_that_are_made_for_them_are_their_owners(here):
    run(
        f"forward --from events.log --to file://{here}/sent.cef --queue deep/er/q --once",
        here,
        codes=(0, 3),
    )
    found = modes(here)
    assert found.pop("sent.cef") == said_mode("`file:///`")
    folders = {found.pop(name) for name in ("deep", "deep/er", "deep/er/q")}
    assert folders == {said_mode("folder of `--queue`")}
    assert "deep/er/q/file-sent.cef.queue" in found
    assert set(found.values()) == {said_mode("`NAME.queue`")}


@pytest.mark.parametrize("checkpoint", ["", "--checkpoint point.json"])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_rejects_reports_and_checkpoints_are_their_owners(here, checkpoint, packed):
    run(
        f"convert events.log -o out.cef{packed} --rejects bad.jsonl{packed} --report report.json {checkpoint}",
        here,
        codes=(3,),
    )
    found = modes(here)
    assert found.pop(f"out.cef{packed}") == "0666"  # by umask
    assert {f"bad.jsonl{packed}", "report.json"} <= found.keys()
    assert set(found.values()) == {"0600"}
    assert said_mode("`convert --rejects`") == said_mode("`convert --checkpoint`") == "0600"


def test_what_receive_writes_is_its_owners(here):
    run("receive --listen udp://127.0.0.1:0 -o received.cef --timeout 0.1", here, codes=(0, 1, 3))
    assert modes(here) == {"received.cef": said_mode("`receive -o`")}


def test_dead_letters_and_what_is_beside_a_damaged_queue_are_their_owners(here):
    once = f"forward --from events.log --to file://{here}/sent.cef --queue q --once"
    run(once, here, codes=(0, 3))
    run("deadletter list q", here)
    run("deadletter replay q --all", here)
    queue = here / "q" / "file-sent.cef.queue"
    with queue.open("r+b") as file:
        file.seek(20_000)
        file.write(b"\xff" * 60_000)
    run(once, here, codes=(0, 3))
    found = {name: mode for name, mode in modes(here).items() if name.startswith("q/")}
    assert any(".damaged-" in name for name in found)
    assert set(found.values()) == {"0600"}


def test_configurations_and_mappings_hold_no_secret_and_follow_the_umask(here):
    run("config new --from events.log --to tcp://127.0.0.1:514 --siem splunk -o forward.yaml", here)
    run("mapping new own --extends splunk", here)
    assert set(modes(here).values()) == {"0666"}
