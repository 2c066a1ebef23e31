"""`cef-bridge doctor` as a command: its sentence, its table, its JSON, its exit codes."""

from __future__ import annotations

import json

import commands
import pytest
from looking import Collector, closed_port, event, write
from running import COMMAND, plain
from terminals import at_a_terminal
from transcripts import ROOT


def doctor(*words: object, cwd=None):
    done = commands.run(
        [COMMAND, "doctor", *map(str, words)],
        cwd=cwd,
        check=False,
        capture_output=True,
        timeout=120,
    )
    return done.returncode, done.stdout.decode(), plain(done.stderr.decode())


@pytest.fixture
def log(tmp_path):
    return write(tmp_path / "k.log", event())


def test_all_fine_is_0_and_says_so(log, tmp_path):
    with Collector() as collector:
        to = f"tcp://127.0.0.1:{collector.port}"
        code, out, err = doctor("--from", log, "--to", to, "-m", "splunk", "--queue", tmp_path)
    assert (code, err) == (0, "")
    assert out.startswith("Everything works: 17 checks, no problem found.\n\nstatus     where ")


def test_a_broken_link_is_3_and_the_first_one_is_named(log):
    port = closed_port()
    code, out, err = doctor(
        "--from", log, "--to", f"tcp://127.0.0.1:{port}?name=soc", "-m", "splunk"
    )
    assert (code, err) == (3, "")
    first, _, table = out.partition("\n\n")
    assert first == (
        f"Destination soc gets nothing: cannot reach 127.0.0.1:{port}: nothing listens there. "
        "Start the collector, or correct the port."
    )
    (line,) = [line for line in table.splitlines() if line.startswith("problem ")]
    assert line.endswith("nothing listens there. Start the collector, or correct the port.")


def test_json_has_the_answer_and_each_check(log):
    to = f"tcp://127.0.0.1:{closed_port()}?name=soc"
    code, out, _ = doctor("--from", log, "--to", to, "-m", "splunk", "--json")
    said = json.loads(out)
    assert code == 3
    assert (said["ok"], said["answer"].startswith("Destination soc gets nothing: ")) == (
        False,
        True,
    )
    broken = [each for each in said["checks"] if each["status"] == "problem"]
    assert [(each["stage"], each["where"]) for each in broken] == [
        ("destination", "destination soc")
    ]
    assert broken[0]["advice"] == "Start the collector, or correct the port."
    assert broken[0].keys() == {"stage", "where", "check", "status", "text", "advice"}


def test_an_invalid_config_is_2_with_all_its_problems(tmp_path):
    write(tmp_path / "f.yaml", "quue: x", "sources: '-'", "destinations: tpc://x")
    code, out, err = doctor("--config", "f.yaml", cwd=tmp_path)
    assert (code, err) == (2, "")
    assert out.startswith(
        'The config cannot be used: Unknown setting "quue". Did you mean "queue"?\n'
    )
    assert out.count("\nproblem ") == 2
    code, out, _ = doctor("--config", "f.yaml", "--json", cwd=tmp_path)
    assert [each["check"] for each in json.loads(out)["checks"]] == ["F001", "F010"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "cef-bridge: no source given. Add --from, or --config FILE.\n"),
        (["--config", "x", "--to", "-", "-m", "splunk"], "with --config the file sets it: remove --to, --mapping."),
        (["--from", "-", "--to", "-", "--timeout", "soon"], '"soon". Expected a duration from 0.5s to 10m.'),
        (["--from", "kafka:/b/t", "--to", "-"], "Write kafka://b/t"),
    ],
)  # fmt: skip
def test_wrong_use_is_2(words, said):
    code, _, err = doctor(*words)
    assert code == 2
    assert said in err


def test_the_example_with_two_siems_gets_an_answer():
    code, out, err = doctor("--config", "examples/two-siems.yaml", "--timeout", "5s", cwd=ROOT)
    assert (code, err) == (3, "")
    assert out.startswith("Source kubearmor://127.0.0.1:32767 brings nothing: ")
    for name in ("splunk", "qradar", "archive"):
        assert f"destination {name} " in out


def test_a_warning_of_the_config_is_one_of_the_doctor(log, tmp_path):
    lines = ["queue: q", "sources: k.log", "destinations:"]
    lines += [
        "  - {to: 'file:///dev/null', name: a, mapping: splunk, when: [{event.kind: alert}, {Zonk: x}]}"
    ]
    code, out, _ = doctor("--config", write(tmp_path / "f.yaml", *lines))
    assert code == 3
    assert '"Zonk" is no field that this version knows.' in out
    assert log.exists()


def test_a_terminal_shows_rows_below_what_they_are_about_and_within_its_width(log):
    to = f"tcp://127.0.0.1:{closed_port()}?name=soc"
    words = ["--from", log, "--to", to, "-m", "splunk"]
    plain_text = at_a_terminal("doctor", *words, NO_COLOR="1").raw
    assert "\x1b" not in plain_text
    assert plain_text.count("\ndestination soc\n  ok         mapping ") == 1
    assert plain_text.count("\ndestination soc\n") == 1
    _, _, table = plain_text.partition("\n\n")
    assert max(map(len, table.splitlines())) < 80 + len(str(log))
    sentence = plain_text.partition("\n\n")[0].splitlines()
    assert len(sentence) == 2
    assert max(map(len, sentence)) < 80
    assert "\x1b[31m  problem  \x1b[0m" in at_a_terminal("doctor", *words).raw
