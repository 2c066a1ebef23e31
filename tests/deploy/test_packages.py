"""The parts of the packages agree with each other. `deploy/packages/try.sh` installs and runs the packages."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution

import click
import pytest
from test_image_files import pinned
from transcripts import ROOT

from cef_bridge.cli import _root

FOLDER = ROOT / "deploy" / "packages"
RELEASE = ROOT / "deploy" / "release"
sys.path.append(str(RELEASE))
import libraries  # noqa: E402 - a script of deploy/
import licenses  # noqa: E402

LICENSES = re.compile(
    r"MIT( License)?|(3-Clause )?BSD( License|-[23]-Clause)?|Apache(-2.0| Software License)|PSF-2.0|MPL-2.0|ISC"
)
"""Those that may be shipped beside Apache-2.0, unchanged, with their texts."""


@pytest.mark.parametrize("name", ["cef-bridge", "after-install.sh"])
def test_the_command_and_the_installation_take_the_python_of_the_libraries(name):
    looked_for = re.findall(r"/usr/bin/python([\d.]+)", (FOLDER / name).read_text("utf-8"))
    assert looked_for == sorted(libraries.PYTHONS, reverse=True)


def test_the_packages_need_a_python_that_they_have_libraries_for():
    nfpm = (FOLDER / "nfpm.yaml").read_text("utf-8")
    first, last = libraries.PYTHONS[0], libraries.PYTHONS[-1]
    after = f"3.{int(last.split('.')[1]) + 1}"
    assert f"python3 (>= {first}), python3 (<< {after})" in nfpm
    assert f"python3 >= {first} with python3 < {after}" in nfpm


def test_what_the_packages_take_from_the_checkout_is_there():
    sources = re.findall(
        r"(?:src|postinstall|preremove|postremove): ([^,}\s\"$]+)",
        (FOLDER / "nfpm.yaml").read_text("utf-8"),
    )
    assert len(sources) >= 8
    assert [each for each in sources if not (ROOT / each).is_file()] == []


def commands(context: click.Context) -> list[str]:
    found = [context.command_path.replace(" ", "-")]
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            each = context.command.get_command(context, name)
            if not each.hidden:
                found += commands(click.Context(each, context, info_name=name))
    return found


def test_every_command_has_a_manual_page_that_troff_takes(tmp_path):
    done = subprocess.run(
        [sys.executable, FOLDER / "man.py", tmp_path], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    pages = sorted(tmp_path.iterdir())
    wanted = commands(click.Context(_root, info_name="cef-bridge"))
    assert len(wanted) > 20
    assert [page.name for page in pages] == sorted(f"{name}.1.gz" for name in wanted)
    text = gzip.decompress((tmp_path / "cef-bridge-forward.1.gz").read_bytes()).decode()
    assert "\\-\\-queue" in text
    assert ".SH SYNOPSIS" in text
    if shutil.which("groff"):
        for page in pages:
            said = subprocess.run(
                ["groff", "-man", "-Tutf8", "-ww", "-z"],
                input=gzip.decompress(page.read_bytes()),
                capture_output=True,
                check=True,
            ).stderr
            assert said == b"", page.name


@pytest.mark.parametrize("name", sorted(pinned("requirements.txt")))
def test_every_library_that_ships_names_a_licence_that_allows_it(name):
    library = distribution(name)
    named = licenses.licence(library)
    assert named
    parts = re.split(r" AND | OR |, |[()]", named)
    assert [it for it in parts if it and not LICENSES.fullmatch(it)] == []
    assert licenses.files(library), "the text of the licence ships too"


def test_a_library_without_a_licence_ends_the_list(tmp_path):
    about = tmp_path / "thing-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n", encoding="utf-8"
    )
    with pytest.raises(SystemExit, match="no licence is named by thing"):
        licenses.text(tmp_path)


def test_modules_keep_the_numbers_of_their_lines_without_an_interpreter(tmp_path):
    module = tmp_path / "a.py"
    module.write_text("#!/usr/bin/env python\nimport this\n", encoding="utf-8")
    libraries._without_interpreter(module)  # noqa: SLF001
    assert module.read_text("utf-8") == "#\nimport this\n"
