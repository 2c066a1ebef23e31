"""`forward` before it runs: options become a config, and `--check` says what would not work."""

from __future__ import annotations

import commands
import pytest
from running import COMMAND, plain
from transcripts import ROOT

from cef_bridge.delivery import schemes


def forward(*words: str, cwd=None):
    done = commands.run(
        [COMMAND, "forward", *words], cwd=cwd, check=False, capture_output=True, timeout=60
    )
    return done.returncode, done.stdout.decode(), plain(done.stderr.decode())


def test_a_check_of_what_works_prints_nothing_but_what_was_looked_at(tmp_path):
    done = forward("--from", "-", "--to", "-", "--queue", "q", "--check", cwd=tmp_path)
    assert done == (0, "", "1 source, 1 destination: 0 errors, 0 warnings\n")
    assert list(tmp_path.iterdir()) == []


def test_a_check_prints_all_findings_and_errors_make_it_fail(tmp_path):
    words = ["--from", "-", "-m", "splunk", "--check"]
    out = f"file://{tmp_path}/none/x?name=a"
    assert forward(*words, "--to", out, "--to", "tls://127.0.0.1?verify=no") == (
        2,
        f"error: destination a: the folder {tmp_path}/none is not there. Make it.\nwarning: destination tls-127.0.0.1-6514: verify=no: another machine can pose as the server. Name its CA with ca=.\n",
        "1 source, 2 destinations: 1 error, 1 warning\n",
    )


def test_warnings_alone_do_not_make_a_check_fail(tmp_path):
    code, out, _ = forward("--from", f"{tmp_path}/a.log", "--to", "-", "--check")
    assert (code, out.count("warning: ")) == (0, 1)


def test_the_example_with_two_siems_passes_its_check():
    code, out, err = forward("--config", "examples/two-siems.yaml", "--check", cwd=ROOT)
    assert (code, out, err) == (0, "", "1 source, 3 destinations: 0 errors, 0 warnings\n")


def test_problems_of_a_config_file_are_printed_with_their_places(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("sources: '-'\ndestinatons: '-'\n", encoding="utf-8")
    assert forward("--config", "f.yaml", "--check", cwd=tmp_path) == (
        2,
        "",
        'f.yaml:1:1 F005 "destinations" is missing. Add "destinations:" with a list.\nf.yaml:2:1 F001 Unknown setting "destinatons". Did you mean "destinations"?\n',
    )


def test_a_problem_of_a_config_file_hides_nothing_that_a_check_finds(tmp_path):
    (tmp_path / "f.yaml").write_text(
        "quue: q\nsources: '-'\ndestinations: {to: 'file:///none/x', mapping: splnk, name: a}\n"
    )
    assert forward("--config", "f.yaml", "--check", cwd=tmp_path) == (
        2,
        "error: destination a: the folder /none is not there. Make it.\n",
        'f.yaml:1:1 F001 Unknown setting "quue". Did you mean "queue"?\nf.yaml:3:20 F010 There is no shipped mapping "splnk". Did you mean "splunk"? Name a file of your own with its path.\n',
    )


def test_a_field_that_no_version_knows_is_a_warning_with_its_place(tmp_path):
    (tmp_path / "f.yaml").write_text("sources: '-'\ndestinations: {to: '-', when: {Zonk: a}}\n")
    assert forward("--config", "f.yaml", "--check", cwd=tmp_path) == (
        0,
        'warning: f.yaml:2:32: M009 "Zonk" is no field that this version knows. Check that events have it.\n',
        "1 source, 1 destination: 0 errors, 1 warning\n",
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "cef-bridge: no source given. Add --from, or --config FILE.\nno destination given. Add --to, or --config FILE.\n"),
        (["--from", "-", "--to", "-", "--timeout", "5"], "cef-bridge: --timeout does nothing without --once.\n"),
        (["--from", "-", "--to", "-", "--from-end"], "cef-bridge: --from-end has no effect: no --from names a file.\n"),
        (["--from", "kubearmor://r", "--to", "-", "--once"], "cef-bridge: --once ends when all inputs are read, and kubearmor://r:32767 has no end. Add --timeout.\n"),
        (["--from", "-", "--to", "-", "--metrics", "9464"], 'cef-bridge: --metrics: "9464" has no port. Expected HOST:PORT.\n'),
        (["--from", "-", "--to", "tpc://h", "-m", "splnk"], f'cef-bridge: --to "tpc://h": This is no destination. Did you mean "tcp"? Expected {schemes.FORMS} .\n--mapping: There is no shipped mapping "splnk". Did you mean "splunk"? Name a file of your own with its path.\n'),
        (["--config", "examples/two-siems.yaml", "--to", "-", "-m", "splunk"], "cef-bridge: with --config the file sets it: remove --to, --mapping.\n"),
        (["--config", "examples/two-siems.yaml", "--metrics", "x"], 'cef-bridge: --metrics: "x" has no port. Expected HOST:PORT.\n'),
    ],
)  # fmt: skip
def test_wrong_use_is_said_in_a_sentence_and_ends_with_2(words, said):
    assert forward(*words, "--check", cwd=ROOT) == (2, "", said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--grace", "soon"], '"soon". Expected a duration from 0s to 1d.'),
        (["--heartbeat", "0"], '"0". Expected a duration from 1s to 1d.'),
        (["--queue-limit", "1K"], '"1K". Expected a size from 1M to 1024T.'),
        (["--when-full", "dropp"], "'dropp' is not one of 'block', 'drop_telemetry_first', 'drop_oldest', 'drop_newest'."),
    ],
)  # fmt: skip
def test_an_option_is_read_as_the_setting_of_the_file_is(words, said):
    code, _, err = forward("--from", "-", "--to", "-", *words, "--check")
    assert code == 2
    assert said in err


def test_options_of_the_process_stand_over_the_file(tmp_path):
    (tmp_path / "q").write_text("", encoding="utf-8")
    words = ["--config", "examples/two-siems.yaml", "--queue", f"{tmp_path}/q", "--check"]
    assert forward(*words, cwd=ROOT)[1] == f"error: queue: {tmp_path}/q is not a folder.\n"
