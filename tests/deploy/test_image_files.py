"""The files that the image is built from agree with each other. `deploy/image/try.sh` runs the image."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from transcripts import ROOT

FOLDER = ROOT / "deploy" / "image"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONTAINERFILE = (FOLDER / "Containerfile").read_text("utf-8")


def pinned(name: str) -> dict[str, tuple[str, int]]:
    """Return each package of a requirements file: its version, and how many hashes it has."""
    packages = {}
    for entry in (FOLDER / name).read_text("utf-8").replace("\\\n", " ").splitlines():
        words = entry.partition("#")[0].split(" --hash=")
        if words[0].strip():
            package, _, version = words[0].partition(";")[0].strip().partition("==")
            packages[package.lower()] = (version, len(words) - 1)
    return packages


def wanted() -> list[Requirement]:
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    return [
        Requirement(text) for text in (*project["dependencies"], *extras["kafka"], *extras["http"])
    ]


@pytest.mark.parametrize("requirement", wanted(), ids=str)
def test_the_image_gets_what_the_package_needs(requirement):
    version, _ = pinned("requirements.txt")[requirement.name.lower()]
    assert Version(version) in requirement.specifier


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-build.txt"])
def test_every_package_has_a_version_and_hashes(name):
    packages = pinned(name)
    assert len(packages) > 3
    assert not [
        package for package, (version, hashes) in packages.items() if not (version and hashes)
    ]


def test_the_base_is_pinned_by_digest():
    assert re.search(r"^ARG BASE=\S+@sha256:[0-9a-f]{64}$", CONTAINERFILE, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE)) == {"${BASE}"}


def test_what_is_copied_is_in_the_build_context():
    allowed = [
        row[1:]
        for row in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if row[:1] == "!"
    ]
    copied = [
        source
        for row in re.findall(r"^COPY (?!--)(.+) \S+$", CONTAINERFILE, re.MULTILINE)
        for source in row.split()
    ]
    assert len(copied) > 6
    for source in copied:
        assert (ROOT / source).exists()
        assert any(source == each or source.startswith(f"{each}/") for each in allowed), source


def test_the_engine_builds_with_the_rust_of_the_base():
    rust = tomllib.loads((ROOT / "engine" / "Cargo.toml").read_text("utf-8"))["package"]
    assert f"cargo of {rust['rust-version']} or later" in CONTAINERFILE
