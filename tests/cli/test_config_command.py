"""`cef-bridge config`: what it writes, and that its check is forward's."""

from __future__ import annotations

import commands
from running import COMMAND, plain


def config(*words: str, cwd):
    done = commands.run(
        [COMMAND, "config", *words], cwd=cwd, check=False, capture_output=True, timeout=60
    )
    return done.returncode, done.stdout.decode(), plain(done.stderr.decode())


def test_a_new_config_passes_the_check_when_the_files_that_it_misses_are_there(tmp_path):
    (tmp_path / "k.log").write_text("")
    words = ["--from", "k.log", "--to", "splunk-hec://127.0.0.1?token=file:t&tls=no"]
    words += ["--to", "file:///tmp/x.cef", "--queue", "q", "--siem", "splunk"]
    code, out, err = config("new", *words, "-o", "f.yaml", cwd=tmp_path)
    assert (code, out) == (0, "")
    assert err == (
        "f.yaml: 1 source, 2 destinations\n"
        f"missing: {tmp_path}/t. Create it, or correct the setting.\n"
        "Next: cef-bridge config check f.yaml\n"
    )
    code, out, _ = config("check", "f.yaml", cwd=tmp_path)
    assert code == 2
    assert f"cannot read the token from {tmp_path}/t" in out
    (tmp_path / "t").write_text("secret")
    code, out, err = config("check", "f.yaml", cwd=tmp_path)
    assert (code, err) == (0, "1 source, 2 destinations: 0 errors, 1 warning\n")
    assert "tls=no: the token can be read on the way" in out


def test_a_file_is_overwritten_only_by_force(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("mine")
    words = ["new", "--from", "-", "--to", "-", "-o", "f.yaml"]
    code, out, err = config(*words, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err == "cef-bridge: f.yaml already exists. Name another file, or add --force.\n"
    assert path.read_text() == "mine"
    assert config(*words, "--force", cwd=tmp_path)[0] == 0
    assert "destinations:" in path.read_text()


def test_without_a_file_the_config_alone_is_on_standard_output(tmp_path):
    code, out, err = config("new", "--from", "-", "--to", "udp://siem", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out.startswith("# Config of cef-bridge forward.")
    assert "  - to: udp://siem\n" in out
