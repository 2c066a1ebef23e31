"""Which engine does the work: what was built, what is asked for, and what is said of it."""

from __future__ import annotations

import _struct
from pathlib import Path

import pytest

from cef_bridge.engine import native
from cef_bridge.errors import UsageError

BUILT = isinstance(native.find(Path(native.__file__).parents[1]), native.Library)
needs_engine = pytest.mark.skipif(not BUILT, reason="there is no native engine here")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package without an engine."""
    monkeypatch.delenv("CEF_BRIDGE_ENGINE", raising=False)
    folder = tmp_path / "cef_bridge"
    folder.mkdir()
    monkeypatch.setattr(native, "_PACKAGE", folder)
    return folder


def test_without_a_library_the_note_of_the_build_is_the_reason(package):
    (package / "_no_engine.txt").write_text("cargo was not found\n")
    assert native.load() is None
    assert str(native.status()) == "python (cargo was not found)"


@pytest.mark.usefixtures("package")
def test_what_was_never_built_is_said_with_the_way_to_build_it():
    assert str(native.status()) == "python (it was never built; install cef-bridge again)"


def test_a_checkout_that_was_never_built_names_the_target_of_make(package):
    (package.parent / "engine" / "src").mkdir(parents=True)
    assert native.status().reason == "it was never built; run make engine"


@pytest.mark.parametrize("word", ["native", "both"])
def test_an_engine_that_is_asked_for_and_missing_is_wrong_use(package, monkeypatch, word):
    (package / "_no_engine.txt").write_text("cargo was not found; install Rust\n")
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", word)
    said = f"CEF_BRIDGE_ENGINE={word}, but there is no native engine: cargo was not found; install Rust."
    for asked in (native.load, native.status):
        with pytest.raises(UsageError) as error:
            asked()
        assert str(error.value) == said


@pytest.mark.usefixtures("package")
def test_a_wrong_word_is_wrong_use_and_told_with_the_right_ones(monkeypatch):
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "rust")
    with pytest.raises(UsageError) as error:
        native.load()
    said = 'CEF_BRIDGE_ENGINE "rust" is unknown. Expected auto, native, python or both.'
    assert str(error.value) == said


def test_whoever_asks_for_python_gets_it(monkeypatch):
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "python")
    assert native.load() is None
    assert native.status() == ("python", "CEF_BRIDGE_ENGINE=python")


def test_a_file_that_cannot_be_loaded_is_a_reason_and_no_error(package):
    (package / "_engine.so").write_text("no library")
    path = package / "_engine.so"
    reason = native.status().reason
    assert reason.startswith(f"{path} cannot be loaded: ")
    assert reason.endswith("; install cef-bridge again")


def test_a_library_without_the_functions_is_another_one(package):
    path = package / "_engine.so"
    path.symlink_to(_struct.__file__)
    assert native.status().reason == f"{path} is another library; install cef-bridge again"


@needs_engine
def test_the_engine_is_asked_for_its_number_before_anything_else(package, monkeypatch):
    library = Path(native.__file__).parents[1] / "_engine.so"
    (package / "_engine.so").symlink_to(library)
    monkeypatch.setattr(native, "ABI", 7)
    said = "the engine's ABI is 4, and this cef-bridge needs 7; install cef-bridge again"
    assert native.status().reason == said


@needs_engine
def test_an_engine_in_a_checkout_is_told_from_other_sources(package):
    crate = package.parent / "engine"
    (crate / "src").mkdir(parents=True)
    for name in ("Cargo.lock", "Cargo.toml", "build.rs", "src/lib.rs"):
        (crate / name).touch()
    (package / "_engine.so").symlink_to(Path(native.__file__).parents[1] / "_engine.so")
    said = "the engine is older than its sources; run make engine"
    assert native.status().reason == said


@needs_engine
def test_an_engine_that_is_there_does_the_work(monkeypatch):
    monkeypatch.delenv("CEF_BRIDGE_ENGINE", raising=False)
    assert native.load() is not None
    assert str(native.status()) == "native"
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "both")
    assert str(native.status()) == "native (each line is compared with Python's)"


def test_the_checksum_sees_names_and_contents_of_all_sources(tmp_path):
    (tmp_path / "src" / "deep").mkdir(parents=True)
    names = ("Cargo.lock", "Cargo.toml", "build.rs", "src/lib.rs", "src/deep/a.rs")
    for name in names:
        (tmp_path / name).write_text(name)
    seen = {native.source_checksum(tmp_path)}
    for name in names:
        (tmp_path / name).write_text("other")
        seen.add(native.source_checksum(tmp_path))
    (tmp_path / "src" / "deep" / "a.rs").rename(tmp_path / "src" / "deep" / "b.rs")
    seen.add(native.source_checksum(tmp_path))
    (tmp_path / "src" / "notes.txt").touch()
    seen.add(native.source_checksum(tmp_path))
    assert len(seen) == len(names) + 2
