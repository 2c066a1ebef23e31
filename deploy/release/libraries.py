"""Gather the package and its libraries in one folder, which Python 3.11 to 3.13 all run.

Compiled modules have the Python's name in theirs, everything else is the same for all. What is not
needed to run is left out, and symbols for debuggers are stripped: 60 MB instead of 150.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")

UNUSED = (
    "bin",
    # CPython takes zstandard's other backend
    "zstandard/_cffi.*",
    "zstandard/backend_cffi.py",
    # For a schema registry: they need libraries that are not here
    "confluent_kafka/avro",
    "confluent_kafka/kafkatest",
    "confluent_kafka/schema_registry",
)


def gather(folder: Path, wheel: Path, requirements: Path, env: Mapping[str, str]) -> None:
    """Fill a folder. SOURCE_DATE_EPOCH of `env` is the time that all files get."""
    machine = sysconfig.get_platform().rpartition("-")[2]
    platforms = [word for name in PLATFORMS for word in ("--platform", f"{name}_{machine}")]
    apart = folder.with_name("apart")
    for python in PYTHONS:
        chosen = ("--require-hashes", "--only-binary=:all:", "--python-version", python)
        _install(apart, env, *chosen, *platforms, "--requirement", str(requirements))
        _merge(apart, folder)
    _install(apart, env, "--no-index", str(wheel))
    _merge(apart, folder)
    _slim(folder)
    for path in folder.rglob("*"):
        os.utime(path, (int(env["SOURCE_DATE_EPOCH"]),) * 2)


def _install(target: Path, env: Mapping[str, str], *words: str) -> None:
    common = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-compile")
    subprocess.run([sys.executable, *common, "--target", target, *words], env=env, check=True)


def _merge(apart: Path, folder: Path) -> None:
    shutil.copytree(apart, folder, dirs_exist_ok=True)
    shutil.rmtree(apart)


def _slim(folder: Path) -> None:
    """Remove what is not needed to run: see UNUSED. No file in it is a program."""
    for pattern in UNUSED:
        for path in folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    for record in folder.glob("*.dist-info/RECORD"):  # pip notes where a wheel was, in its folder
        rows = record.read_text(encoding="utf-8").splitlines(keepends=True)
        record.write_text("".join(it for it in rows if "/direct_url.json," not in it), "utf-8")
        record.with_name("direct_url.json").unlink(missing_ok=True)
    for path in folder.rglob("*"):
        if not path.is_file():
            path.chmod(0o755)
            continue
        path.chmod(0o644)
        if ".so" in path.suffixes:
            subprocess.run(["strip", "--strip-unneeded", path], check=True)
        elif path.suffix == ".py":
            _without_interpreter(path)


def _without_interpreter(path: Path) -> None:
    """Empty the line `#!/usr/bin/env python` of a module, so that its lines keep their numbers."""
    text = path.read_bytes()
    if text.startswith(b"#!"):
        path.write_bytes(b"#" + text[text.index(b"\n") :])
