"""Which engine does the work: what was built, what is asked for, and what is said of it."""

from __future__ import annotations

import _struct
from pathlib import Path

import pytest

from cef_bridge import engine
from cef_bridge.errors import UsageError

BUILT = isinstance(engine.find(Path(engine.__file__).parent), engine.Library)
needs_engine = pytest.mark.skipif(not BUILT, reason="there is no native engine here")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package without an engine."""
    monkeypatch.delenv("CEF_BRIDGE_ENGINE", raising=False)
    folder = tmp_path / "cef_bridge"
    folder.mkdir()
    monkeypatch.setattr(engine, "_PACKAGE", folder)
    return folder


def test_without_a_library_the_note_of_the_build_is_the_reason(package):
    (package / "_no_engine.txt").write_text("cargo was not found\n")
    assert engine.load() is None
    assert str(engine.status()) == "python (cargo was not found)"


@pytest.mark.usefixtures("package")
def test_what_was_never_built_is_said_with_the_way_to_build_it():
    assert str(engine.status()) == "python (it was never built; install cef-bridge again)"


def test_a_checkout_that_was_never_built_names_the_target_of_make(package):
    (package.parent / "engine" / "src").mkdir(parents=True)
    assert engine.status().reason == "it was never built; run make engine"


@pytest.mark.parametrize("word", ["native", "both"])
def test_an_engine_that_is_asked_for_and_missing_is_wrong_use(package, monkeypatch, word):
    (package / "_no_engine.txt").write_text("cargo was not found; install Rust\n")
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", word)
    said = f"CEF_BRIDGE_ENGINE={word}, but there is no native engine: cargo was not found; install Rust."
    for asked in (engine.load, engine.status):
        with pytest.raises(UsageError) as error:
            asked()
        assert str(error.value) == said


@pytest.mark.usefixtures("package")
def test_a_wrong_word_is_wrong_use_and_told_with_the_right_ones(monkeypatch):
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "rust")
    with pytest.raises(UsageError) as error:
        engine.load()
    said = 'CEF_BRIDGE_ENGINE "rust" is unknown. Expected auto, native, python or both.'
    assert str(error.value) == said


def test_whoever_asks_for_python_gets_it(monkeypatch):
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "python")
    assert engine.load() is None
    assert engine.status() == ("python", "CEF_BRIDGE_ENGINE=python")


def test_a_file_that_cannot_be_loaded_is_a_reason_and_no_error(package):
    (package / "_engine.so").write_text("no library")
    path = package / "_engine.so"
    reason = engine.status().reason
    assert reason.startswith(f"{path} cannot be loaded: ")
    assert reason.endswith("; install cef-bridge again")


def test_a_library_without_the_functions_is_another_one(package):
    path = package / "_engine.so"
    path.symlink_to(_struct.__file__)
    assert engine.status().reason == f"{path} is another library; install cef-bridge again"


@needs_engine
def test_the_engine_is_asked_for_its_number_before_anything_else(package, monkeypatch):
    library = Path(engine.__file__).with_name("_engine.so")
    (package / "_engine.so").symlink_to(library)
    monkeypatch.setattr(engine, "ABI", 7)
    said = "the engine's ABI is 3, and this cef-bridge needs 7; install cef-bridge again"
    assert engine.status().reason == said


@needs_engine
def test_an_engine_in_a_checkout_is_told_from_other_sources(package):
    crate = package.parent / "engine"
    (crate / "src").mkdir(parents=True)
    for name in ("Cargo.lock", "Cargo.toml", "build.rs", "src/lib.rs"):
        (crate / name).touch()
    (package / "_engine.so").symlink_to(Path(engine.__file__).with_name("_engine.so"))
    said = "the engine is older than its sources; run make engine"
    assert engine.status().reason == said


@needs_engine
def test_an_engine_that_is_there_does_the_work(monkeypatch):
    monkeypatch.delenv("CEF_BRIDGE_ENGINE", raising=False)
    assert engine.load() is not None
    assert str(engine.status()) == "native"
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "both")
    assert str(engine.status()) == "native (each line is compared with Python's)"


def test_the_checksum_sees_names_and_contents_of_all_sources(tmp_path):
    (tmp_path / "src" / "deep").mkdir(parents=True)
    names = ("Cargo.lock", "Cargo.toml", "build.rs", "src/lib.rs", "src/deep/a.rs")
    for name in names:
        (tmp_path / name).write_text(name)
    seen = {engine.source_checksum(tmp_path)}
    for name in names:
        (tmp_path / name).write_text("other")
        seen.add(engine.source_checksum(tmp_path))
    (tmp_path / "src" / "deep" / "a.rs").rename(tmp_path / "src" / "deep" / "b.rs")
    seen.add(engine.source_checksum(tmp_path))
    (tmp_path / "src" / "notes.txt").touch()
    seen.add(engine.source_checksum(tmp_path))
    assert len(seen) == len(names) + 2
