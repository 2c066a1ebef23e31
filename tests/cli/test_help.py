"""The help of every command: examples that work, groups, and `help` and `version` as commands."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import stat
from pathlib import Path

import click
import commands
import pytest
from commands import COMMAND

import cef_bridge
from cef_bridge.cli import _Group, _root
from cef_bridge.cli.examples import EXAMPLES
from cef_bridge.cli.groups import LazyGroup

SAMPLES = Path(cef_bridge.__file__).with_name("samples") / "events.ndjson"


def every_command(group: click.Command, name: str, parent: click.Context | None = None):
    """Yield each command with a context of its own."""
    context = click.Context(group, parent, name, terminal_width=80)
    yield group, context
    if isinstance(group, click.Group):
        for each in group.list_commands(context):
            yield from every_command(group.get_command(context, each), each, context)


COMMANDS = {
    context.command_path: (it, context) for it, context in every_command(_root, "cef-bridge")
}
LINES = [(path, line) for path, lines in EXAMPLES.items() for line in lines]


def parts(line: str) -> list[list[str]]:
    """Return the words of each command of a pipeline, without what redirects their output."""
    found: list[list[str]] = [[]]
    words = iter(shlex.split(line))
    for word in words:
        if word == "|":
            found.append([])
        elif word == ">":
            next(words)
        else:
            found[-1].append(word)
    return found


def ran(*words: str, cwd: Path | None = None, **variables: str):
    return commands.run(
        [COMMAND, *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **variables},
    )


@pytest.mark.parametrize("path", COMMANDS)
def test_every_help_has_examples_and_fits_80_columns(path):
    command, context = COMMANDS[path]
    shown = command.get_help(context)
    after = shown.partition("\nExamples:\n")[2].splitlines()
    lines = [row.strip() for row in after if row.startswith(f"  {path}")]
    assert lines
    assert lines == list(EXAMPLES[path])[: len(lines)]
    # Names of choices have no place where they can be parted
    long = [row for row in shown.splitlines() if len(row) > 80 and "|" not in row]
    assert long == []
    assert "WHOLE NUMBER" not in shown
    assert "None" not in shown


def test_no_command_has_examples_that_does_not_exist():
    assert EXAMPLES.keys() == COMMANDS.keys()


@pytest.mark.parametrize(("path", "line"), LINES, ids=[line for _, line in LINES])
def test_an_example_is_of_its_command_and_has_options_that_exist(prepared, monkeypatch, path, line):
    monkeypatch.chdir(prepared)
    group = isinstance(COMMANDS[path][0], click.Group)
    assert any(" ".join(words).startswith(path) for words in parts(line))
    for words in parts(line):
        known = [it for it in COMMANDS if words[: len(it.split())] == it.split()]
        longest = max(known, key=len)
        assert longest != "cef-bridge"
        assert longest == path or group or len(parts(line)) > 1
        command, _ = COMMANDS[longest]
        rest = words[len(longest.split()) :]
        with contextlib.suppress(click.exceptions.Exit):  # --explain prints, and is done
            command.make_context(longest, rest)  # raises what it does not know


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with the files that examples name."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copy(SAMPLES, folder / "events.ndjson")
    (folder / "log").mkdir()
    shutil.copy(SAMPLES, folder / "log" / "kubearmor.log")
    (folder / "mappings").mkdir()
    for words in (
        ["convert", "events.ndjson", "-o", "out.cef"],
        ["mapping", "new", "acme", "--extends", "splunk", "--from", "events.ndjson"],
        [
            *("config", "new", "--from", "events.ndjson", "--to", "tcp://127.0.0.1:1"),
            *("--queue", "queues", "--metrics", "127.0.0.1:0", "-o", "forward.yaml"),
        ],
    ):
        done = ran(*words, cwd=folder)
        assert done.returncode == 0, done.stderr
    # A queue with messages, as nobody listens there, and with a dead letter
    torn = '{"Type":"MatchedPolicy","Operation":\n'
    (folder / "torn.ndjson").write_text(SAMPLES.read_text() + torn)
    words = ["--from", "torn.ndjson", "--to", "tcp://127.0.0.1:1", "--queue", "queue", "--once"]
    assert ran("forward", *words, "--timeout", "1s", cwd=folder).returncode in {1, 3}
    return folder


SILENT = re.compile("lint|config check")  # nothing on stdout: nothing is wrong
NETWORK = (
    "s3://",
    "cef-bridge forward",
    "cef-bridge receive",
    "replay /var",
    "demo",
    " top ",
    "cef-bridge studio",
)


@pytest.mark.parametrize(
    "line", [line for _, line in LINES if not any(word in line for word in NETWORK)]
)
def test_an_example_runs(prepared, tmp_path, line):
    folder = tmp_path / "copy"
    shutil.copytree(prepared, folder)
    if line.startswith("cef-bridge mapping new acme --extends"):
        (folder / "acme.yaml").unlink()
    if line.startswith("cef-bridge config new"):
        (folder / "forward.yaml").unlink()
    line = re.sub("/(?:var/lib|srv)/cef-bridge", "queue", line).replace("/etc/cef-bridge/", "")
    path = f"{Path(COMMAND).parent}:{os.environ['PATH']}"
    done = commands.run(
        ["bash", "-o", "pipefail", "-c", line],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PATH": path},
    )
    # 3: it ran and found something, such as differences
    assert done.returncode in {0, 3}, done.stderr
    redirected = re.search(r"> (\S+)$", line)
    assert done.stdout or redirected or " -o " in line or "new" in line or SILENT.search(line)
    if redirected:
        file = folder / redirected[1]
        assert stat.S_ISREG(file.stat().st_mode)
        assert file.stat().st_size


def test_a_command_has_its_examples_whatever_the_program_is_started_as():
    context = click.Context(_root, info_name="python -m something")
    command = _root.get_command(context, "convert")
    shown = command.get_help(click.Context(command, context, "convert"))
    assert f"Examples:\n  {EXAMPLES['cef-bridge convert'][0]}\n" in shown
    assert "CEF_BRIDGE_CONVERT_" in shown


def test_commands_are_listed_under_headings():
    shown = ran("--help").stdout
    headings = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert headings == ["Options", "Daily work", "Mappings and SIEMs", "Tools", "Examples"]
    daily = shown.partition("Daily work:\n")[2].partition("\n\n")[0]
    assert [row.split()[0] for row in daily.splitlines()][:2] == ["forward", "convert"]


def test_a_row_of_the_table_says_where_a_command_is_listed():
    assert all(len(row) == 3 for row in _Group.table.values())

    class One(LazyGroup):
        package = "no.such"
        table = {"a": ("a", "About a.", "First"), "b": ("b", "About b.")}  # noqa: RUF012

    group = One("x")
    shown = group.get_help(click.Context(group, info_name="x"))
    assert "First:\n  a  About a.\n" in shown
    assert "Commands:\n  b  About b." in shown


@pytest.mark.parametrize("words", [[], ["forward"], ["mapping", "new"], ["queue", "status"]])
def test_help_prints_what_the_option_prints(words):
    assert ran("help", *words).stdout == ran(*words, "--help").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["convrt"], 'There is no command "convrt". Did you mean "convert"?'),
        (["mapping", "tset"], 'There is no command "tset". Did you mean "test"?'),
        (["queue", "stat"], 'There is no command "stat". Did you mean "status"?'),
        (["version", "x"], "cef-bridge version has no commands."),
    ],
)
def test_help_of_a_command_that_does_not_exist_says_what_may_be_meant(words, said):
    done = ran("help", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_the_version_is_a_command_and_two_options():
    shown = ran("version").stdout
    assert shown.startswith(f"cef-bridge, version {cef_bridge.__version__}\nengine: ")
    assert ran("-V").stdout == ran("--version").stdout == shown
