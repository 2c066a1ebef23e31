"""Start the service by systemd: a root of Debian is booted in a container, with nothing of ours in between.

    python3 deploy/systemd/try.py ROOT          # a folder with systemd and the installed package

`cef-bridge` of the environment that runs this is the collector outside. Start, credentials, reload,
watchdog and stop are seen to work. Needs root and runc. The network is the machine's.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "cef-bridge-systemd"
CONFIG = "etc/cef-bridge/forward.yaml"
DROP_IN = "etc/systemd/system/cef-bridge.service.d/try.conf"
LOG = "var/log/kubearmor-by-systemd.log"  # new: a queue that is there knows no position in it
PLAIN = "etc/systemd/system/plain.service"
TOKEN = "etc/cef-bridge/token"  # noqa: S105 - a path
PATIENCE = 60.0
COUNT = 500

# All that this process may do itself: systemd restricts the service.
CAPABILITIES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_ADMIN",
    "SYS_NICE",
    "MKNOD",
    "AUDIT_WRITE",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "BPF",
    "PERFMON",
]
MOUNTS = [
    ("/proc", "proc", []),
    ("/dev", "tmpfs", ["nosuid", "mode=755", "size=64k"]),
    ("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
    ("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777"]),
    ("/sys", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
    ("/sys/fs/cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "rw"]),
    ("/run", "tmpfs", ["nosuid", "nodev", "mode=755"]),
    ("/tmp", "tmpfs", ["nosuid", "nodev", "mode=1777"]),
]


class DoesNotHoldError(Exception):
    """What was to be seen was not."""


def holds(what: str) -> None:
    """Say what was seen."""
    print(f"holds: systemd: {what}", flush=True)


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds; DoesNotHoldError when it does not come."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.1)
    raise DoesNotHoldError(what)


class Machine:
    """The root, booted; a `with` block ends it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder = tempfile.TemporaryDirectory()
        capabilities = [f"CAP_{name}" for name in CAPABILITIES]
        config = {
            "ociVersion": "1.0.2",
            "root": {"path": str(root), "readonly": False},
            "hostname": "cef-bridge",
            "process": {
                "args": ["/sbin/init"],
                "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "container=runc"],
                "cwd": "/",
                "user": {"uid": 0, "gid": 0},
                "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities),
            },
            "mounts": [
                {"destination": place, "type": kind, "source": kind, "options": options}
                for place, kind, options in MOUNTS
            ],
            "linux": {
                "cgroupsPath": f"/{NAME}",
                "namespaces": [{"type": it} for it in ("pid", "ipc", "uts", "mount", "cgroup")],
                "resources": {"devices": [{"allow": True, "access": "rwm"}]},
            },
        }
        Path(self._folder.name, "config.json").write_text(json.dumps(config), encoding="utf-8")

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["runc", "run", "--bundle", self._folder.name, NAME], stdin=subprocess.DEVNULL
        )
        states = ("running", "degraded")
        until(lambda: self.run("systemctl", "is-system-running").strip() in states, "it boots")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["runc", "kill", NAME, "KILL"], check=False, stderr=subprocess.DEVNULL)
        self._process.wait(PATIENCE)
        subprocess.run(["runc", "delete", "-f", NAME], check=False, stderr=subprocess.DEVNULL)
        self._folder.cleanup()

    def run(self, *words: str) -> str:
        """Return what a command in it prints, on both streams."""
        done = subprocess.run(
            ["runc", "exec", NAME, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout

    def shows(self, name: str) -> str:
        """Return a property of the service."""
        return self.run("systemctl", "show", "cef-bridge", "--value", "-p", name).strip()

    def journal(self) -> str:
        """Return what the service and systemd said of it."""
        return self.run("journalctl", "--no-pager", "-u", "cef-bridge")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of root's."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def set(self, **settings: str) -> None:
        """Set lines of the service, as `systemctl edit` does."""
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        self.write(DROP_IN, "[Service]\n" + "".join(lines))
        self.run("systemctl", "daemon-reload")


def configuration(port: int, *more: str) -> str:
    """Return a configuration of the service: a file to a collector outside."""
    return "\n".join(
        [
            "heartbeat: 60s",
            "sources:",
            f"  - from: /{LOG}",
            "destinations:",
            f"  - {{name: siem, to: 'tcp://127.0.0.1:{port}', mapping: splunk}}",
            *more,
            "",
        ]
    )


def tried(machine: Machine, port: int, arrived: Callable[[], bool]) -> None:
    """See the service start, reload, hang and stop."""
    base: dict[str, str] = {}
    machine.write(CONFIG, configuration(port))
    machine.run("systemctl", "enable", "--now", "cef-bridge")
    if "step USER" in machine.journal():
        # Containers may not make user namespaces; the rest of the unit stays as it is.
        print("PrivateUsers=yes cannot be tried in this container", flush=True)
        base["PrivateUsers"] = "no"
        machine.set(**base)
        machine.run("systemctl", "restart", "cef-bridge")
    until(lambda: machine.shows("ActiveState") == "active", "the service is active")
    until(arrived, "all events arrive")
    process = machine.shows("MainPID")
    status = machine.run("cat", f"/proc/{process}/status")
    said = {name: value.split() for name, _, value in map(_parted, status.splitlines())}
    if said["Uid"][0] == "0" or said["CapBnd"] != ["0" * 16] or said["Seccomp"] != ["2"]:
        raise DoesNotHoldError(f"no root, no capability, a filter of system calls: {status}")
    holds(f"enabled and started, {COUNT} of {COUNT} events arrived; no root, no capability")

    more = _with_credential(machine, port, base)
    machine.set(**base, WatchdogSec="6")
    machine.run("systemctl", "restart", "cef-bridge")
    until(lambda: machine.shows("ActiveState") == "active", "active after a restart")
    machine.write(
        CONFIG,
        configuration(port, *more, "  - {name: more, to: 'tcp://127.0.0.1:1', mapping: qradar}"),
    )
    answer = machine.run("systemctl", "reload", "cef-bridge")
    until(lambda: "configuration reloaded" in machine.journal(), f"it reloads: {answer}")
    if machine.shows("NRestarts") != "0":
        raise DoesNotHoldError(f"a reload is no restart: {machine.journal()[-4000:]}")
    holds("reload: a changed configuration without a restart")

    machine.run("sh", "-c", f"kill -STOP {machine.shows('MainPID')}")  # by sh: kill may be absent
    until(lambda: machine.shows("NRestarts") == "1", "a program that hangs is started again")
    until(lambda: machine.shows("ActiveState") == "active", "active again")
    if "Watchdog timeout" not in machine.journal():
        raise DoesNotHoldError(f"by the watchdog: {machine.journal()[-4000:]}")
    holds("WatchdogSec: a program that hangs is killed and started again")

    machine.run("systemctl", "disable", "--now", "cef-bridge")
    ended = machine.shows("Result"), machine.shows("ExecMainStatus")
    if ended != ("success", "0"):
        raise DoesNotHoldError(f"stop ends with 0: {ended}\n{machine.journal()[-4000:]}")
    holds("stop: exit code 0")


def _with_credential(machine: Machine, port: int, base: dict[str, str]) -> list[str]:
    """See the service read a token that only root may read; return its destination."""
    machine.write(TOKEN, "12345678-1234-1234-1234-123456789012\n", 0o600)
    load = f"token:/{TOKEN}"
    cat = "ExecStart=/bin/cat ${CREDENTIALS_DIRECTORY}/token"
    machine.write(
        PLAIN,
        f"[Service]\nType=oneshot\nUser=nobody\nLoadCredential={load}\n{cat}\n",
    )
    machine.run("systemctl", "start", "plain")
    if machine.run("systemctl", "show", "plain", "--value", "-p", "Result").strip() != "success":
        print("LoadCredential cannot be tried: this kernel gives no service its credentials")
        return []
    token = "file:${CREDENTIALS_DIRECTORY}/token"  # noqa: S105 - a path
    hec = f"  - {{name: hec, to: 'splunk-hec://127.0.0.1:1', mapping: splunk, token: '{token}'}}"
    machine.write(CONFIG, configuration(port, hec))
    machine.set(**base, LoadCredential=load)
    base["LoadCredential"] = load
    machine.run("systemctl", "restart", "cef-bridge")
    # Nothing listens there; with a token that it cannot read it would not come so far.
    until(lambda: "cannot reach 127.0.0.1:1" in machine.journal(), "it reads a token of root's")
    holds("LoadCredential: a token that only root may read is the service's")
    return [hec]


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def cleaned(root: Path, configuration: bytes) -> None:
    """Take back what was written to the root; the queue stays, as it does when a package goes."""
    (root / CONFIG).write_bytes(configuration)
    for path in (DROP_IN, LOG, PLAIN, TOKEN, "var/lib/cef-bridge"):
        (root / path).unlink(missing_ok=True)
    shutil.rmtree((root / DROP_IN).parent, ignore_errors=True)
    shutil.rmtree(root / "var" / "log" / "journal", ignore_errors=True)


def main() -> int:
    """Boot, try, and return the exit code."""
    root = Path(sys.argv[1]).resolve()
    before = (root / CONFIG).read_bytes()
    outside = Path(sys.executable).with_name("cef-bridge")
    log = root / LOG
    made = [outside, "generate", "--count", str(COUNT), "--seed", "8"]
    log.write_bytes(subprocess.run(made, check=True, stdout=subprocess.PIPE).stdout)
    log.chmod(0o644)
    with tempfile.TemporaryDirectory() as folder:
        received = Path(folder, "received")
        collector = subprocess.Popen(
            [outside, "receive", "--listen", "tcp://127.0.0.1:0", "-o", received],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            port = int(collector.stderr.readline().rpartition(":")[2])

            def arrived() -> bool:
                return received.exists() and received.read_bytes().count(b"externalId=") >= COUNT

            with Machine(root) as machine:
                try:
                    tried(machine, port, arrived)
                except DoesNotHoldError as error:
                    print(f"does not hold: {error}\n{machine.journal()[-4000:]}", file=sys.stderr)
                    return 1
        finally:
            collector.terminate()
            collector.wait()
            cleaned(root, before)
    return 0


if __name__ == "__main__":
    sys.exit(main())
