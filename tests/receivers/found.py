"""Where rsyslog and syslog-ng are on this machine, and what starts them; nothing runs here.

Looks into the folder that `install.sh` unpacks Debian's packages into ($CEF_BRIDGE_RECEIVERS, else
~/.cache/cef-bridge/receivers), then at what the system has installed. What starts them is a
program with its first arguments and an environment: unpacked daemons have to be told where their
libraries and modules lie.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

INSTALLER = "tests/receivers/install.sh"
# A daemon is no command of an ordinary user's PATH.
_SYSTEM = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


class Daemon(NamedTuple):
    """How a daemon is started, without what its configuration decides."""

    command: tuple[str, ...]
    env: dict[str, str]
    version: str
    modules: tuple[Path, ...]  # folders; empty: where the daemon itself looks

    def has(self, module: str) -> bool:
        """Tell whether a module is there (or may be: of an installed daemon we do not know)."""
        return not self.modules or any((at / module).exists() for at in self.modules)


class MissingError(Exception):
    """A daemon, or a module of it, is not on this machine; the text says what would bring it."""


def folder() -> Path:
    """Return where `install.sh` unpacks to."""
    if told := os.environ.get("CEF_BRIDGE_RECEIVERS"):
        return Path(told)
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "cef-bridge" / "receivers"


@cache
def rsyslog() -> Daemon:
    """Return rsyslogd. Raises MissingError."""
    return _daemon("rsyslogd", "usr/lib/*/rsyslog", "-M", "-v")


@cache
def syslog_ng() -> Daemon:
    """Return syslog-ng. Raises MissingError."""
    return _daemon("syslog-ng", "usr/lib/syslog-ng/*.*", "--module-path", "--version")


def _daemon(name: str, modules: str, option: str, ask: str) -> Daemon:
    root = folder()
    env = {"PATH": _SYSTEM, "LC_ALL": "C.UTF-8"}
    program = root / "usr" / "sbin" / name
    found: tuple[Path, ...] = ()
    command: tuple[str, ...]
    if program.exists():
        found = tuple(path for path in root.glob(modules) if path.is_dir())
        libraries = [*root.glob("usr/lib/*-linux-*"), *root.glob("lib/*-linux-*")]
        libraries += root.glob("usr/lib/syslog-ng")
        env["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, libraries))
        command = (str(program), option, os.pathsep.join(map(str, found)))
    elif system := shutil.which(name, path=_SYSTEM):
        command = (system,)
    else:
        raise MissingError(f"{name} is not on this machine: run {INSTALLER}")
    says = subprocess.run(
        [command[0], ask], check=False, env=env, capture_output=True, text=True, timeout=20
    )
    if says.returncode:
        complaint = (says.stderr or says.stdout).strip()
        raise MissingError(f"{command[0]} does not run here: {complaint}")
    version = re.search(r"\d+\.\d+(\.\d+)?", says.stdout)
    return Daemon(command, env, version[0] if version else "of unknown version", found)
