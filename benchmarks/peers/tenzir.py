"""Tenzir, from its package on PyPI, in a virtual environment of its own.

The environment is made when it is missing (1.2 GB), in $CEF_BRIDGE_BENCH or
~/.cache/cef-bridge/bench. `tenzir.tql` is the pipeline. Its `print_cef` writes values as they are
(6.20: no backslash, equals sign or newline is escaped), so there are two: as a user would write it,
and with escapes, without which one line in five is no CEF.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from measured import run

from peers.peer import MissingError, Peer, configured

if TYPE_CHECKING:
    from measured import Cost

_VERSION = "6.20.0"
_ESCAPED = "".join(
    f'.replace("{text}", "{escape}")'
    for text, escape in [(r"\\", r"\\\\"), ("=", r"\\="), (r"\n", r"\\n"), (r"\r", r"\\r")]
)


def folder() -> Path:
    """Return where the environment is, or will be."""
    if told := os.environ.get("CEF_BRIDGE_BENCH"):
        return Path(told) / f"tenzir-{_VERSION}"
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "cef-bridge" / "bench" / f"tenzir-{_VERSION}"


def peers(*, install: bool) -> list[Peer]:
    """Return Tenzir twice. Raises MissingError."""
    command = _installed(install=install)

    def pipeline(escape: str) -> Peer:
        def measured(events: Path, output: Path, work: Path) -> Cost:
            text = configured("tenzir.tql", EVENTS=events, OUTPUT=output).replace(
                ".escape()", escape
            )
            path = work / "pipeline.tql"
            path.write_text(text)
            return run([str(command), "-f", str(path)])

        return Peer("Tenzir, escaped" if escape else "Tenzir, as it is", _VERSION, measured)

    return [pipeline(_ESCAPED), pipeline("")]


def _installed(*, install: bool) -> Path:
    at = folder()
    command = at / "bin" / "tenzir"
    if (at / "complete").exists():
        return command
    if not install:
        raise MissingError(f"tenzir {_VERSION} is not in {at}, and --no-install was given")
    print(f"installing tenzir {_VERSION} from PyPI into {at}", flush=True)
    python = str(at / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for words in ([sys.executable, "-m", "venv", str(at)], [*pip, f"tenzir=={_VERSION}"]):
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["it did not say why"]
            raise MissingError(f"tenzir {_VERSION} cannot be installed: {said[-1]}")
    (at / "complete").touch()
    return command
