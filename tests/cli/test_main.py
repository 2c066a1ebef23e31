"""The command line as a whole: what starts, what it loads, and how it ends."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import click
import commands
import pytest
from commands import COMMAND
from running import DATA

from cef_bridge import __version__, cli
from cef_bridge.engine import native as engine
from cef_bridge.errors import CefBridgeError, Location, MappingError, Problem, UsageError

HEAVY = {"ctypes", "msgspec", "orjson", "rich", "yaml", "zstandard"}
# What convert needs for some inputs, outputs and mappings only, or where Python does the work.
SELDOM = {
    *("_bz2", "_hashlib", "_lzma", "concurrent.futures", "logging", "rich", "secrets", "zoneinfo"),
    *("zstandard", "cef_bridge.cli.staged", "cef_bridge.cli.state", "cef_bridge.convert.parallel"),
    *("cef_bridge.mapping.language.dump", "cef_bridge.mapping.lint.across"),
    *("cef_bridge.objects.writer", "cef_bridge.siems.registry"),
}


needs_engine = pytest.mark.skipif(engine.load() is None, reason="there is no native engine here")


def command(*words: str, **options) -> subprocess.CompletedProcess[str]:
    return commands.run(
        [COMMAND, *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        **options,
    )


@pytest.mark.parametrize(("word", "needed"), [("--version", {"ctypes"}), ("--help", set())])
def test_to_say_its_version_it_loads_nothing_that_only_commands_need(word, needed):
    program = (
        "import sys; sys.argv = ['cef-bridge', *sys.argv[1:]]\n"
        "from cef_bridge.cli import main\n"
        "try: main()\n"
        f"except SystemExit as end: print(end.code, sorted({HEAVY - needed} & sys.modules.keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, word],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "0 []"


@needs_engine
@pytest.mark.parametrize("words", [(), ("-m", "sentinel")])
def test_convert_loads_nothing_and_compiles_no_pattern_that_plain_lines_do_not_need(
    words,
):
    program = (
        "import re, sys; sys.argv = ['cef-bridge', *sys.argv[1:]]\n"
        "from cef_bridge import casing\n"
        "from cef_bridge.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code)\n"
        f"print(sorted({SELDOM} & sys.modules.keys()))\n"
        "from cef_bridge.kubearmor import signs\n"
        "from cef_bridge.lines import message, text\n"
        "from cef_bridge.mapping.language import redaction\n"
        "from cef_bridge.sources.records import spans\n"
        "made = (casing._lower_table, casing._upper_table, message._control, redaction._passes,\n"
        "        signs._names, spans._whole, text._harmful, text._suspicious)\n"
        "print([it.__name__ for it in made if it.cache_info().currsize])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "convert", *words, DATA / "seed.ndjson"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    *messages, code, loaded, made = done.stdout.splitlines()
    assert (len(messages), code, loaded, made) == (9, "0", "[]", "[]")


def test_the_version_is_that_of_the_package_and_names_the_engine():
    done = command("--version", env={**os.environ, "CEF_BRIDGE_ENGINE": "python"})
    said = f"cef-bridge, version {__version__}\nengine: python (CEF_BRIDGE_ENGINE=python)\n"
    assert (done.returncode, done.stdout) == (0, said)


def test_an_engine_that_is_none_is_wrong_use_and_the_version_is_said_all_the_same():
    done = command("--version", env={**os.environ, "CEF_BRIDGE_ENGINE": "rust"})
    assert (done.returncode, done.stdout) == (2, f"cef-bridge, version {__version__}\n")
    said = 'CEF_BRIDGE_ENGINE "rust" is unknown. Expected auto, native, python or both.'
    assert done.stderr == f"cef-bridge: {said}\n"


def test_the_help_names_every_command():
    shown = command("--help").stdout
    for name in ("convert", "demo", "mapping", "parse"):
        assert f"\n  {name} " in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["konvert"], 'There is no command "konvert". Did you mean "convert"?'),
        (["mapping", "tset"], 'There is no command "tset". Did you mean "test"?'),
        (["mapping", "coverage", "--min", "abc"], "'abc' is not a valid number."),
        (["convert", "-j", "abc"], "'abc' is not a valid whole number."),
        (["convert", "--nope"], "No such option"),
        (["convert", "no/such/file"], "no/such/file: no such file or folder"),
        (["convert", "-m", "splnuk", "/dev/null"], 'Did you mean "splunk"?'),
        (["mapping", "show", "no/such.yaml"], "no/such.yaml"),
        (["parse", "no/such/file"], "no/such/file"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_is_wrong(words, said):
    done = command(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def ends(monkeypatch, capsys, error: BaseException, *words: str) -> tuple[int, str]:
    """Return exit code and stderr of a run in which a command raises an error."""

    @click.command("fails")
    def fails() -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["cef-bridge", *words, "fails"])
    monkeypatch.setattr(cli._Group, "get_command", lambda *_: fails)  # noqa: SLF001 - a command that fails is needed
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code, capsys.readouterr().err


def test_an_internal_error_is_told_without_a_traceback(monkeypatch, capsys):
    code, said = ends(monkeypatch, capsys, KeyError("secret of the program"))
    assert code == 1
    assert said.startswith("cef-bridge: an error inside the program ended this run.")
    assert "Traceback" not in said
    assert "secret of the program" not in said


def test_debug_shows_where_an_internal_error_arose(monkeypatch, capsys):
    with pytest.raises(KeyError):
        ends(monkeypatch, capsys, KeyError("here"), "--debug")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (CefBridgeError("the disk is full."), 1, "cef-bridge: the disk is full.\n"),
        (UsageError("name a file."), 2, "cef-bridge: name a file.\n"),
        (
            MappingError([Problem(Location("a.yaml", 9, 3), "M003", "cs2 has no label.")]),
            2,
            "a.yaml:9:3 M003 cs2 has no label.\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            1,
            "cef-bridge: cannot write to standard output: No space left on device\n",
        ),
        (KeyboardInterrupt(), 130, "\n"),  # after the ^C of the terminal
        (click.exceptions.Abort(), 130, ""),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, BaseException) else "",
)
def test_an_error_becomes_its_exit_code_and_a_sentence(monkeypatch, capsys, error, code, said):
    assert ends(monkeypatch, capsys, error) == (code, said)


def test_a_command_that_prints_says_when_it_cannot():
    done = subprocess.run(
        ["bash", "-c", '"$0" mapping list >&-', COMMAND], check=False, capture_output=True
    )
    said = b"cef-bridge: standard output is closed, and nothing can be printed.\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.parametrize(
    "words",
    [["convert"], ["demo"], ["mapping"], ["parse"], ["mapping", "lint"], ["mapping", "test"]],
    ids=" ".join,
)
def test_every_command_has_help(words):
    done = command(*words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: cef-bridge {' '.join(words)} ")


@pytest.mark.parametrize(
    "words",
    [["demo"], ["mapping", "class-ids", "--json"], ["mapping", "show", "splunk"]],
    ids=" ".join,
)
def test_a_reader_that_goes_away_ends_a_command_without_a_traceback(words):
    ours, theirs = os.pipe()
    with commands.Popen([COMMAND, *words], stdout=theirs, stderr=subprocess.PIPE) as process:
        os.close(theirs)
        os.close(ours)
        said = process.stderr.read().decode()
    assert "Traceback" not in said
    assert "error inside the program" not in said


@pytest.mark.parametrize("place", ["before", "behind"])
def test_json_logs_make_every_line_on_stderr_a_record(place):
    words = ["convert", "no/such"]
    option = ["--log-format", "json"]
    done = command(*(option + words if place == "before" else words + option))
    assert done.returncode == 2
    (record,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert record["level"] == "error"
    assert record["message"] == "cef-bridge: no/such: no such file or folder"


def test_verbose_shows_what_was_passed_over_as_noise(tmp_path):
    (tmp_path / "a.log").write_text("hello\n")
    done = command("convert", "-v", "a.log", cwd=tmp_path)
    assert done.stderr.splitlines()[0] == "DEBUG a.log:1 no event: b'hello'"


def test_a_log_format_that_is_none_is_wrong_use():
    done = command("--log-format", "xml")
    said = 'cef-bridge: Invalid --log-format "xml". Expected text or json.\n'
    assert (done.returncode, done.stderr) == (2, said)
