"""The package with and without cargo: what a build makes, says, and leaves in a checkout.

All builds are those of copies of the checkout, without pip's isolation and with quick compiler
settings. `cargo` is the machine's own, or not on PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="builds without pip's isolation need hatchling")

ROOT = Path(__file__).parent.parent.parent
PARTS = (
    "LICENSE",
    "README.md",
    "cef_bridge",
    "content",
    "engine",
    "hatch_build.py",
    "mappings",
    "pyproject.toml",
)
NOT_COPIED = ("__pycache__", "target", "_engine.so", "_no_engine.txt", "samples")
PLATFORM = sysconfig.get_platform().replace("-", "_").replace(".", "_")
# Library, not program: the library must not need what the build needs.
STATUS = "from cef_bridge.engine import native; print(native.status())"
MISSING = "cargo was not found when cef-bridge was built"
REMEDY = "to get the native engine, install Rust 1.85 or later, then install cef-bridge again"

needs_cargo = pytest.mark.skipif(shutil.which("cargo") is None, reason="needs cargo")


def copied(folder: Path) -> Path:
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(*NOT_COPIED))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / part, folder)
    return folder


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the checkout that the tests share, and with it what cargo has compiled."""
    return copied(tmp_path_factory.mktemp("checkout") / "tree")


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A copy of the checkout whose Rust has a fault."""
    folder = copied(tmp_path_factory.mktemp("checkout") / "broken")
    with (folder / "engine" / "src" / "lib.rs").open("a") as file:
        file.write("fn main() { missing() }\n")
    return folder


@pytest.fixture(scope="module")
def no_cargo(tmp_path_factory):
    """A PATH without cargo."""
    return {"PATH": str(tmp_path_factory.mktemp("empty"))}


def run(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    unset = ("CARGO_TARGET_DIR", "CEF_BRIDGE_BUILD", "CEF_BRIDGE_ENGINE", "CEF_BRIDGE_PLATFORM")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    quick = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0"}
    return subprocess.run(
        [sys.executable, *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment | quick | variables,
        timeout=600,
    )


def wheel(source: Path, out: Path, *, pip: bool = False, **variables: str) -> Path:
    """Build a wheel, as pip has it done; by pip itself it takes a second more."""
    if pip:
        words = ("-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--quiet", "-w")
        done = run(*words, str(out), str(source), cwd=out.parent, **variables)
    else:
        words = ("-m", "hatchling", "build", "-t", "wheel", "-d", str(out))
        done = run(*words, cwd=source, **variables)
    assert done.returncode == 0, done.stderr
    (made,) = out.glob("*.whl")
    return made


def refused(source: Path, out: Path, **variables: str) -> str:
    """Return what pip prints when it cannot build a wheel."""
    words = ("-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-w", str(out))
    done = run(*words, str(source), cwd=out.parent, **variables)
    assert done.returncode != 0
    assert not list(out.glob("*.whl"))
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def status_of(made: Path, folder: Path, **variables: str) -> str:
    """Return what the package of a wheel says of its engine."""
    with zipfile.ZipFile(made) as archive:
        archive.extractall(folder)  # noqa: S202 - our own wheel
    return run("-c", STATUS, cwd=folder, **variables).stdout.strip()


def engine_files(made: Path) -> list[str]:
    names = zipfile.ZipFile(made).namelist()
    return [name for name in names if name.startswith("cef_bridge/_") and "__init__" not in name]


@needs_cargo
def test_a_wheel_built_with_cargo_runs_natively_where_cargo_is_not(tree, tmp_path, no_cargo):
    made = wheel(tree, tmp_path / "out", pip=True, CEF_BRIDGE_BUILD="require")
    assert made.name.endswith(f"-py3-none-{PLATFORM}.whl")
    assert engine_files(made) == ["cef_bridge/_engine.so"]
    assert status_of(made, tmp_path / "installed", **no_cargo) == "native"


@needs_cargo
def test_the_platform_of_a_wheel_can_be_set(tree, tmp_path):
    made = wheel(tree, tmp_path / "out", CEF_BRIDGE_PLATFORM="manylinux_2_17-x86.64")
    assert made.name.endswith("-py3-none-manylinux_2_17_x86_64.whl")


def test_a_wheel_built_without_cargo_is_pure_python_and_says_why(tree, tmp_path, no_cargo):
    made = wheel(tree, tmp_path / "out", pip=True, **no_cargo)
    assert made.name.endswith("-py3-none-any.whl")
    assert engine_files(made) == ["cef_bridge/_no_engine.txt"]
    assert status_of(made, tmp_path / "installed") == f"python ({MISSING}; {REMEDY})"


def test_a_build_that_must_have_the_engine_fails_without_cargo(tree, tmp_path, no_cargo):
    said = refused(tree, tmp_path / "out", CEF_BRIDGE_BUILD="require", **no_cargo)
    assert f"CEF_BRIDGE_BUILD=require, but there is no engine: {MISSING}\n" in said


def test_a_build_can_leave_the_engine_out(tree, tmp_path):
    made = wheel(tree, tmp_path / "out", CEF_BRIDGE_BUILD="skip")
    assert made.name.endswith("-py3-none-any.whl")
    said = "CEF_BRIDGE_BUILD=skip was set when cef-bridge was built"
    remedy = "to get the native engine, install cef-bridge again without it"
    assert status_of(made, tmp_path / "installed") == f"python ({said}; {remedy})"


def test_a_wrong_word_for_the_build_is_told_with_the_right_ones(tree, tmp_path):
    said = refused(tree, tmp_path / "out", CEF_BRIDGE_BUILD="yes")
    assert "CEF_BRIDGE_BUILD=yes is unknown. Expected auto, require or skip.\n" in said


@needs_cargo
def test_a_fault_in_the_engine_gives_pure_python_and_its_first_error(broken, tmp_path):
    made = wheel(broken, tmp_path / "out")
    assert made.name.endswith("-py3-none-any.whl")
    said = "cargo build failed (error[E0425]: cannot find function `missing` in this scope)"
    assert status_of(made, tmp_path / "installed") == f"python ({said}; {REMEDY})"


@needs_cargo
def test_a_fault_in_the_engine_ends_a_build_that_must_have_it(broken, tmp_path):
    said = refused(broken, tmp_path / "out", CEF_BRIDGE_BUILD="require")
    assert (
        "CEF_BRIDGE_BUILD=require, but there is no engine: cargo build failed (error[E0425]" in said
    )
    assert "src/lib.rs:" in said


@needs_cargo
def test_an_sdist_has_all_that_the_engine_is_built_from(tree, tmp_path, no_cargo):
    done = run("-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path), cwd=tree, **no_cargo)
    assert done.returncode == 0, done.stderr
    (packed,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    crate = {path.relative_to(ROOT).as_posix() for path in (ROOT / "engine" / "src").rglob("*.rs")}
    assert {"engine/Cargo.lock", "engine/build.rs", "hatch_build.py", *crate} <= names
    assert not [name for name in names if "target/" in name or name.startswith("cef_bridge/_e")]
    made = wheel(packed, tmp_path / "out", pip=True, CEF_BRIDGE_BUILD="require")
    assert status_of(made, tmp_path / "installed") == "native"


def editable(tree: Path, out: Path, **variables: str) -> None:
    """Build as `make engine` does, and `pip install --editable` before it writes its .pth file."""
    words = ("-m", "hatchling", "build", "--hooks-only", "-t", "wheel:editable", "-d", str(out))
    done = run(*words, cwd=tree, **variables)
    assert done.returncode == 0, done.stderr


@needs_cargo
def test_an_editable_install_has_its_engine_in_the_checkout(tmp_path, no_cargo):
    tree = copied(tmp_path / "tree")
    library, note = tree / "cef_bridge" / "_engine.so", tree / "cef_bridge" / "_no_engine.txt"

    def status() -> str:
        return run("-c", STATUS, cwd=tree).stdout.strip()

    remedy = REMEDY.replace("install cef-bridge again", "run make engine")
    editable(tree, tmp_path / "out", **no_cargo)
    assert (library.exists(), status()) == (False, f"python ({MISSING}; {remedy})")

    editable(tree, tmp_path / "out")
    assert (note.exists(), status()) == (False, "native")

    # Behind clock.rs in the order of texts, before it in that of paths.
    (tree / "engine" / "src" / "clock").mkdir()
    (tree / "engine" / "src" / "clock" / "new.rs").write_text("// new\n")
    assert status() == "python (the engine is older than its sources; run make engine)"

    # A process that has the old library mapped keeps it: the new one is another file.
    with library.open("rb") as mapped:
        editable(tree, tmp_path / "out")
        assert library.stat().st_ino != os.fstat(mapped.fileno()).st_ino
    assert status() == "native"

    # A wheel of this checkout has its own.
    made = wheel(tree, tmp_path / "wheels", **no_cargo)
    assert engine_files(made) == ["cef_bridge/_no_engine.txt"]


CONVERT = """
import sys
from cef_bridge.cli import main
sys.argv = ["cef-bridge", "convert", "events.ndjson", "-j", "1"]
main()
"""


@needs_cargo
def test_of_a_fault_in_the_engine_its_place_is_told_and_python_converts_the_line(tmp_path):
    tree = copied(tmp_path / "tree")
    block = tree / "engine" / "src" / "block.rs"
    text = block.read_text()
    planted = 'if line.contains("oh no") { panic!("{line}") }\n        event.clear();'
    block.write_text(text.replace("event.clear();", planted, 1))
    editable(tree, tmp_path / "out")

    seed = (ROOT / "tests" / "data" / "seed.ndjson").read_bytes().splitlines(keepends=True)
    odd = [line.replace(b'"Result"', b'"Odd":"oh no","Result"', 1) for line in seed * 2]
    (tree / "events.ndjson").write_bytes(b"".join([*seed, *odd, *seed]))
    native = run("-c", CONVERT, cwd=tree)
    python = run("-c", CONVERT, cwd=tree, CEF_BRIDGE_ENGINE="python")
    assert native.stdout == python.stdout
    assert (native.returncode, python.returncode) == (0, 0)

    assert f"native, {len(odd)} of {4 * len(seed)} lines left to Python" in native.stderr
    told = [line for line in native.stderr.splitlines() if "has a fault" in line]
    assert len(told) == 10
    assert "oh no" not in native.stderr
    where = block.read_text()[: block.read_text().index("oh no")].count("\n") + 1
    for number, line in enumerate(told, len(seed) + 1):
        assert f"events.ndjson:{number}: the engine has a fault (src/block.rs:{where}); " in line


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_builds_the_engine_again_when_a_source_has_changed(tmp_path):
    tree = copied(tmp_path / "tree")
    shutil.copy(ROOT / "Makefile", tree)
    stamp, library = (
        tree / ".venv" / ".package-installed",
        tree / "cef_bridge" / "_engine.so",
    )
    stamp.parent.mkdir()
    stamp.touch()

    # A make that runs the tests hands on what it was told, VENV=... among it.
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS", "VENV"))
    }

    def up_to_date() -> bool:
        words = ["make", "--question", "engine"]
        done = subprocess.run(words, check=False, cwd=tree, env=own, capture_output=True)
        return done.returncode == 0

    assert not up_to_date()
    library.touch()
    assert up_to_date()
    sources = [
        path for path in (tree / "engine").rglob("*") if path.suffix in {".rs", ".toml", ".lock"}
    ]
    later = library.stat().st_mtime + 1
    for source in (tree / "hatch_build.py", *sources):
        if source.name == "rustfmt.toml" or source.parent.name == "examples":
            continue
        before = source.stat().st_mtime
        os.utime(source, (later, later))
        assert not up_to_date(), source
        os.utime(source, (before, before))
    assert up_to_date()
    (tree / "engine" / "src" / "lib.rs").unlink()
    os.utime(tree / "engine" / "src", (later, later))
    assert not up_to_date()
