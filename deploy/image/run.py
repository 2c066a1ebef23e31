"""Run a command in an image without a daemon: `buildah` unpacks it, `runc` runs it.

    python3 deploy/image/run.py [--user UID] [--volume FOLDER:PLACE[:ro]] IMAGE ARGUMENT...

The root is read-only, /tmp is a tmpfs, no capability is left, the network is the host's: what a
cluster gives a hardened container. Signals reach the program; its exit code is this one's.
Needs root, for mounts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

MOUNTS = [
    ("/proc", "proc", []),
    ("/dev", "tmpfs", ["nosuid", "mode=755", "size=64k"]),
    ("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777"]),
    ("/sys", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
    ("/tmp", "tmpfs", ["nosuid", "nodev", "mode=1777", "size=64m"]),
]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def said(*words: str) -> str:
    """Return what a command prints."""
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def bundle(root: str, given: argparse.Namespace) -> dict[str, object]:
    """Return the runtime's configuration: the image's own settings, and nothing that it may do."""
    image = json.loads(said("buildah", "inspect", "--type", "image", given.image))["OCIv1"][
        "config"
    ]
    user = given.user or image["User"].partition(":")[0]
    entry = [given.entrypoint] if given.entrypoint else image["Entrypoint"]
    volumes = []
    for each in given.volume:
        source, place, *options = each.split(":")
        options = ["rbind", *options]
        volumes.append({"destination": place, "source": source, "type": "bind", "options": options})
    return {
        "ociVersion": "1.0.2",
        "root": {"path": root, "readonly": True},
        "hostname": "cef-bridge",
        "process": {
            "args": [*entry, *(given.arguments or image["Cmd"])],
            "env": [*image["Env"], *(f"{name}={os.environ[name]}" for name in given.env)],
            "cwd": image["WorkingDir"],
            "user": {"uid": int(user), "gid": int(user)},
            "noNewPrivileges": True,
            "capabilities": {
                key: [f"CAP_{name}" for name in given.capability]
                for key in ("bounding", "effective", "permitted")
            },
        },
        "mounts": [
            {"destination": place, "type": kind, "source": kind, "options": options}
            for place, kind, options in MOUNTS
        ]
        + volumes,
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]},
    }


def main() -> int:
    """Run, and return the program's exit code."""
    parser = argparse.ArgumentParser(description="Run a command in an image, its root read-only.")
    parser.add_argument("--user", help="numeric id in place of the image's")
    parser.add_argument("--volume", action="append", default=[], help="FOLDER:PLACE[:ro]")
    parser.add_argument("--env", action="append", default=[], help="a variable to hand in")
    parser.add_argument("--capability", action="append", default=[], help="one that stays: CHOWN")
    parser.add_argument("--entrypoint", help="a program in place of the image's")
    parser.add_argument("image")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    # A signal before the program runs ends this, and the container is removed.
    for number in SIGNALS:
        signal.signal(number, lambda got, _frame: sys.exit(128 + got))
    container = said("buildah", "from", "--pull-never", given.image)
    name = f"cef-bridge-{os.getpid()}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            config = bundle(said("buildah", "mount", container), given)
            Path(folder, "config.json").write_text(json.dumps(config), encoding="utf-8")
            running = subprocess.Popen(["runc", "run", "--bundle", folder, name])
            for number in SIGNALS:
                signal.signal(number, lambda got, _frame: running.send_signal(got))
            return running.wait()
    finally:
        with contextlib.suppress(OSError):
            subprocess.run(["buildah", "rm", container], stdout=subprocess.DEVNULL, check=False)


if __name__ == "__main__":
    sys.exit(main())
