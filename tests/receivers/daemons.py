"""Real rsyslog and syslog-ng as child processes: they take messages and write them to a file as
they came, byte for byte.

Each has its own folder, configuration and port on 127.0.0.1; none knows of a system service.
`kill` is kill -9: what was not written yet is gone. `start` again listens on the same port.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import found

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Self

TRANSPORTS = ("udp", "tcp", "tls", "mtls")
_LISTENING = {"tcp": ("0A",), "udp": ("07",)}  # the states of /proc/net/tcp and udp


class Credentials(NamedTuple):
    """Files in PEM: who a daemon is, and whose clients it trusts."""

    ca: Path
    cert: Path
    key: Path


def _stands(thread: Path) -> bool:
    return thread.joinpath("stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")


class Receiver:
    """One daemon that writes what it gets to `output`. `with` starts it, and ends it for good."""

    name: str

    def __init__(
        self,
        folder: Path,
        *,
        transport: str = "tcp",
        framing: str = "lf",
        credentials: Credentials | None = None,
        port: int | None = None,
    ) -> None:
        assert transport in TRANSPORTS
        self.folder = folder / f"{self.name}-{random.randrange(1 << 32):08x}"  # noqa: S311 a name
        self.folder.mkdir(parents=True)
        self.transport, self.framing, self.credentials = transport, framing, credentials
        self.port = port or free_port()
        self.output = self.folder / "received"
        self._log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def configuration(self) -> str:
        raise NotImplementedError

    def command(self, configuration: Path) -> tuple[list[str], dict[str, str]]:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self, timeout: float = 20) -> Self:
        """Start it and wait until it listens."""
        assert self._process is None, "it runs"
        path = self.folder / "configuration"
        path.write_text(self.configuration())
        command, env = self.command(path)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + timeout
        while not listens(self.port, "udp" if self.transport == "udp" else "tcp"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                said = self._log.read_text(errors="replace")
                raise AssertionError(f"{self.name} does not listen on {self.port}: {said}")
            time.sleep(0.01)
        return self

    def kill(self) -> None:
        """End it as kill -9 does; nothing that it had in memory is written any more."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and wait for it."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it stand still: its kernel takes what fits into the buffers, and it reads nothing.

        Returns when all of its threads do; on a busy machine one goes on for a moment.
        """
        os.kill(self.pid, signal.SIGSTOP)
        while not all(map(_stands, Path(f"/proc/{self.pid}/task").iterdir())):
            time.sleep(0.001)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def lines(self) -> list[bytes]:
        """Return the whole lines it has written so far, without their line ends."""
        if not self.output.exists():
            return []
        return self.output.read_bytes().split(b"\n")[:-1]

    def count(self) -> int:
        """Return how many lines it has written; reads in pieces, for files of any size."""
        total = 0
        if self.output.exists():
            with self.output.open("rb") as file:
                while piece := file.read(1 << 20):
                    total += piece.count(b"\n")
        return total

    def wait_for(self, count: int, timeout: float = 20) -> list[bytes]:
        """Return its lines as soon as they are so many, or as they are when time is over."""
        deadline = time.monotonic() + timeout
        while self.count() < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.lines()

    def missing(self, expected: Collection[bytes], timeout: float = 20) -> set[bytes]:
        """Return which lines it has not got when time is over; at once when it has them all.

        Others do not matter: lines that came twice, or in which it was killed.
        """
        deadline = time.monotonic() + timeout
        while (missing := set(expected) - set(self.lines())) and time.monotonic() < deadline:
            time.sleep(0.1)
        return missing

    def reset(self) -> None:
        """Empty its output, running or not: both daemons append."""
        if self.output.exists():
            os.truncate(self.output, 0)

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        self.kill()


class Rsyslog(Receiver):
    """rsyslog with `imtcp` (TLS too), `imptcp` or `imudp`, writing with `omfile`.

    `queue` is its main queue: "stock" is what it does untold (in memory, after it has read the
    message and before it writes it), "direct" has none, "disk" writes each to a file first. `lag`
    is how many microseconds it rests after each batch it takes from the queue, as a collector
    does whose disk or index is slow.
    """

    name = "rsyslog"

    def __init__(
        self,
        folder: Path,
        *,
        queue: str = "direct",
        module: str = "imtcp",
        driver: str = "ossl",
        lag: int = 0,
        transport: str = "tcp",
        framing: str = "lf",
        credentials: Credentials | None = None,
        port: int | None = None,
    ) -> None:
        self.daemon = found.rsyslog()
        if transport in ("tls", "mtls") and not self.daemon.has(f"lmnsd_{driver}.so"):
            raise found.MissingError(f"rsyslog has no {driver} driver here: run {found.INSTALLER}")
        super().__init__(
            folder, transport=transport, framing=framing, credentials=credentials, port=port
        )
        self.queue, self.module, self.driver, self.lag = queue, module, driver, lag

    def configuration(self) -> str:
        # Both modules recognise octet counting and LF by themselves. The largest message is 8096
        # bytes untold, and what is longer is cut.
        module, settings, tls = self.module, "", ""
        if self.transport == "udp":
            module = "imudp"
        if self.transport in ("tls", "mtls"):
            assert self.credentials
            tls = f"""
                defaultNetstreamDriver="{self.driver}"
                defaultNetstreamDriverCAFile="{self.credentials.ca}"
                defaultNetstreamDriverCertFile="{self.credentials.cert}"
                defaultNetstreamDriverKeyFile="{self.credentials.key}\""""
            auth = "x509/certvalid" if self.transport == "mtls" else "anon"
            settings = f"""
                streamDriver.name="{self.driver}" streamDriver.mode="1"
                streamDriver.authMode="{auth}\""""
        # Untold, a disk queue writes where it stands only when it is stopped; kill -9 would lose it.
        # It deletes a file that it has read before it writes so: killed between the two (2 of 25
        # kills) it says "lost 398 messages from diskqueue (invalid .qi file)". One file has no end.
        queue = {
            "stock": "",
            "direct": 'main_queue(queue.type="Direct")',
            "disk": f"""
                main_queue(queue.type="Disk" queue.filename="main" queue.maxDiskSpace="1g"
                queue.maxFileSize="1g" queue.spoolDirectory="{self.folder}"
                queue.checkpointInterval="1")""",
        }[self.queue]
        if self.lag:
            assert self.queue == "stock"
            queue = f'main_queue(queue.dequeueSlowdown="{self.lag}")'
        return f"""
            global(workDirectory="{self.folder}" maxMessageSize="64k" {tls})
            module(load="{module}" {settings})
            {queue}
            template(name="as-it-came" type="string" string="%rawmsg%\\n")
            input(type="{module}" address="127.0.0.1" port="{self.port}")
            action(type="omfile" file="{self.output}" template="as-it-came")
            """

    def command(self, configuration: Path) -> tuple[list[str], dict[str, str]]:
        # In the foreground, and without a file for its process id.
        return [*self.daemon.command, "-n", "-i", "NONE", "-f", str(configuration)], self.daemon.env


class SyslogNg(Receiver):
    """syslog-ng with `network()`, or `syslog()` where octets are counted, and `file()`."""

    name = "syslog-ng"

    def __init__(
        self,
        folder: Path,
        *,
        transport: str = "tcp",
        framing: str = "lf",
        credentials: Credentials | None = None,
        port: int | None = None,
    ) -> None:
        self.daemon = found.syslog_ng()
        super().__init__(
            folder, transport=transport, framing=framing, credentials=credentials, port=port
        )

    def configuration(self) -> str:
        driver = "syslog" if self.framing == "octet-counting" else "network"
        transport, tls = self.transport, ""
        if transport in ("tls", "mtls"):
            assert self.credentials
            transport = "tls"
            verify = "required-trusted" if self.transport == "mtls" else "optional-untrusted"
            tls = f"""tls(ca-file("{self.credentials.ca}") cert-file("{self.credentials.cert}")
                key-file("{self.credentials.key}") peer-verify({verify}))"""
        return f"""
            @version: 3.35
            options {{ stats-freq(0); log-msg-size(65536); }};
            source from_us {{
                {driver}(ip("127.0.0.1") port({self.port}) transport("{transport}") flags(no-parse)
                    log-iw-size(10000) {tls});
            }};
            destination as_it_came {{ file("{self.output}" template("$MSG\\n")); }};
            log {{ source(from_us); destination(as_it_came); flags(flow-control); }};
            """.replace("            @version", "@version").lstrip()

    def command(self, configuration: Path) -> tuple[list[str], dict[str, str]]:
        here = self.folder
        words = ["--foreground", "--no-caps", "--cfgfile", str(configuration)]
        words += ["--persist-file", str(here / "persist"), "--control", str(here / "control")]
        words += ["--pidfile", str(here / "pid")]
        return [*self.daemon.command, *words], self.daemon.env


def free_port() -> int:
    """Return a port that nobody listens on, from below those that the kernel gives to clients: a
    connection of somebody else cannot take it while a daemon is down.
    """
    for _ in range(200):
        port = random.randrange(12_000, 32_000)  # noqa: S311 not a secret
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port
    raise AssertionError("there is no free port between 12000 and 32000")


def listens(port: int, protocol: str) -> bool:
    """Tell whether somebody listens, without connecting: that would be a message to some."""
    wanted = f":{port:04X}"
    rows = Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]
    return any(
        row.split()[1].endswith(wanted) and row.split()[3] in _LISTENING[protocol] for row in rows
    )
