"""Builds the native engine (engine/) and the pages of the studio (studio/) into the package.

Hatchling runs it for wheels and editables.

In comes a checkout or an sdist, out goes the library as cef_bridge/_engine.so, and the wheel is for
this platform. Where cargo is missing or fails, the package is pure Python, and
cef_bridge/_no_engine.txt says why: pip hides what a build prints. `cef-bridge --version` shows it.

CEF_BRIDGE_BUILD is `auto` (the default), `require` (no engine is an error) or `skip` (cargo is not
run). CEF_BRIDGE_PLATFORM is the wheel's platform, such as manylinux_2_17_x86_64. Default: this
machine.

The pages are built by npm, from the packages of studio/package-lock.json and without their install
scripts. Where npm or its packages cannot be had, cef_bridge/studio/no_pages.txt says why, and the
studio serves pages of plain text areas. CEF_BRIDGE_STUDIO is `auto` (the default: for wheels, not
for editables), `require` or `skip`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import time
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_LIBRARY, _REASON = "cef_bridge/_engine.so", "cef_bridge/_no_engine.txt"
_MODES = ("auto", "require", "skip")
# The crate has no dependencies: with --offline cargo does not ask the network for any.
_CARGO = (
    *("cargo", "build", "--release", "--offline", "--locked"),
    "--message-format=json-render-diagnostics",
)
_LAST = "LICENSES.txt"  # what the build of the pages writes last
_STATIC, _NO_PAGES = "cef_bridge/studio/static", "cef_bridge/studio/no_pages.txt"
_NPM = (
    # Two tries each, and no long waits where there is no network
    *("npm", "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"),
    *("--fetch-retries=1", "--fetch-timeout=60000", "--loglevel=error"),
)
_BUNDLE = ("node", "build.mjs")
_SECONDS = 900
_LONGEST = 200  # of what cargo says, in characters


class NoEngineError(Exception):
    """There is no library; the text says why."""


class NoPagesError(Exception):
    """The pages were not built; the text says why."""


class EngineHook(BuildHookInterface[Any]):
    """Puts the library and the pages, or the reasons why there are none, into the package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before hatchling packs; `version` is `standard` or `editable`."""
        mode = os.environ.get("CEF_BRIDGE_BUILD") or "auto"
        if mode not in _MODES:
            self.app.abort(f"CEF_BRIDGE_BUILD={mode} is unknown. Expected auto, require or skip.")
        self._folder = TemporaryDirectory(prefix="cef-bridge-")
        self._began = time.time()
        self._add_pages(version, build_data)
        try:
            made, place = self._built(mode), _LIBRARY
        except NoEngineError as error:
            if mode == "require":
                self.app.abort(f"CEF_BRIDGE_BUILD=require, but there is no engine: {error}")
            reason = f"{error}; {self._remedy(version, mode)}"
            self.app.display_warning(f"cef-bridge: no native engine: {reason}")
            made, place = Path(self._folder.name, "reason.txt"), _REASON
            made.write_text(reason + "\n", encoding="utf-8")
        if version == "editable":
            self._put(made, place)
            return
        build_data["force_include"][str(made)] = place
        if place == _LIBRARY:
            platform = os.environ.get("CEF_BRIDGE_PLATFORM") or sysconfig.get_platform()
            build_data["tag"] = f"py3-none-{platform.replace('-', '_').replace('.', '_')}"
            build_data["pure_python"] = False

    def _add_pages(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the studio's pages to a wheel, or the reason why there are none."""
        mode = os.environ.get("CEF_BRIDGE_STUDIO") or "auto"
        if mode not in _MODES:
            self.app.abort(f"CEF_BRIDGE_STUDIO={mode} is unknown. Expected auto, require or skip.")
        if version == "editable":
            return  # make studio
        try:
            made, place = self._pages(mode), _STATIC
        except NoPagesError as error:
            if mode == "require":
                self.app.abort(f"CEF_BRIDGE_STUDIO=require, but there are no pages: {error}")
            remedy = "to get the pages of cef-bridge studio, install npm, then cef-bridge again"
            self.app.display_warning(f"cef-bridge: no pages of the studio: {error}; {remedy}")
            made, place = Path(self._folder.name, "no_pages.txt"), _NO_PAGES
            made.write_text(f"{error}; {remedy}\n", encoding="utf-8")
        build_data["force_include"][str(made)] = place

    def _pages(self, mode: str) -> Path:
        """Return the folder of the bundled pages. Raises NoPagesError."""
        source = Path(self.root, "studio")
        if mode == "skip":
            raise NoPagesError("CEF_BRIDGE_STUDIO=skip was set when cef-bridge was built")
        made = Path(self.root, _STATIC)
        if shutil.which(_NPM[0]) is None and (made / _LAST).is_file():
            return made  # by make studio: an image is built without npm, in what has the pages
        if not (source / "package-lock.json").is_file():
            raise NoPagesError("the sources have no studio folder")
        copy, target = Path(self._folder.name, "studio"), Path(self._folder.name, "static")
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("node_modules"))
        self._said(_NPM, copy)
        self._said((*_BUNDLE, str(target)), copy)
        return target

    def _said(self, words: tuple[str, ...], folder: Path) -> None:
        """Run a step of the pages' build. Raises NoPagesError."""
        try:
            done = subprocess.run(  # noqa: S603 - the words are ours
                words,
                check=False,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_SECONDS,
            )
        except FileNotFoundError:
            raise NoPagesError(f"{words[0]} was not found when cef-bridge was built") from None
        except OSError as error:
            raise NoPagesError(f"{words[0]} could not be run ({error.strerror})") from None
        except subprocess.TimeoutExpired:
            raise NoPagesError(f"{words[0]} did not end within {_SECONDS} s") from None
        if done.returncode:
            self.app.display_warning(done.stderr)
            raise NoPagesError(f"{' '.join(words[:2])} failed (exit code {done.returncode})")

    def finalize(self, *_: object) -> None:
        """Remove what was needed until the wheel was packed."""
        self._folder.cleanup()

    def _put(self, made: Path, place: str) -> None:
        """Put a file into the checkout, which is what an editable install imports."""
        root = Path(self.root)
        # A process may have the old library mapped: it keeps its file, and the name gets another.
        new = root / f"{place}.new"
        shutil.copyfile(made, new)
        # For make, whatever was saved while cargo ran is newer.
        os.utime(new, (self._began, self._began))
        new.replace(root / place)
        (root / (_REASON if place == _LIBRARY else _LIBRARY)).unlink(missing_ok=True)

    def _built(self, mode: str) -> Path:
        """Return the library that cargo makes. Raises NoEngineError."""
        if mode == "skip":
            raise NoEngineError("CEF_BRIDGE_BUILD=skip was set when cef-bridge was built")
        try:
            done = subprocess.run(  # noqa: S603 - the words are ours
                _CARGO,
                check=False,
                cwd=Path(self.root, "engine"),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_SECONDS,
            )
        except FileNotFoundError:
            raise NoEngineError("cargo was not found when cef-bridge was built") from None
        except OSError as error:
            raise NoEngineError(f"cargo could not be run ({error.strerror})") from None
        except subprocess.TimeoutExpired:
            raise NoEngineError(f"cargo did not end within {_SECONDS} s") from None
        if done.returncode:
            self.app.display_warning(done.stderr)
            raise NoEngineError(f"cargo build failed ({_fault(done.stderr)})")
        messages = [json.loads(row) for row in done.stdout.splitlines() if row.startswith("{")]
        files = [Path(file) for message in messages for file in message.get("filenames", ())]
        for file in files:
            if file.suffix in {".so", ".dylib"}:
                return file
        # Such as on musl with a Rust that links statically: it drops the crate type.
        raise NoEngineError("cargo made no shared library")

    def _remedy(self, version: str, mode: str) -> str:
        """Return how to get the engine after all."""
        again = "run make engine" if version == "editable" else "install cef-bridge again"
        if mode == "skip":
            return f"to get the native engine, {again} without it"
        text = Path(self.root, "engine", "Cargo.toml").read_text(encoding="utf-8")
        rust = tomllib.loads(text)["package"]["rust-version"]
        return f"to get the native engine, install Rust {rust} or later, then {again}"


def _fault(said: str) -> str:
    """Return the first error of what cargo said, on one line and without its place."""
    errors = [row.strip() for row in said.splitlines() if row.startswith("error")]
    text = errors[0] if errors else "no error message"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
