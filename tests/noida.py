"""noida-db, an Elasticsearch API that is not ours, for tests: a process on loopback.

It emulates Elasticsearch 8.15 and is not Elasticsearch: what it answers to `_bulk` was compared with
the documents of "Bulk API". Its folder and its end are the test's.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pytest

PATIENCE = 60.0


def binary() -> Path:
    """Return the program; the test is skipped where it is not installed, or does not run."""
    spec = find_spec("noida_db")
    if spec is None or spec.origin is None:
        pytest.skip("noida-db is not installed: pip install noida-db")
    path = Path(spec.origin).parent / "noida-db"
    if not os.access(path, os.X_OK):
        path.chmod(0o755)
    return path


class Noida:
    """A running server; a `with` block ends it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._binary = binary()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._start()

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._binary, "start", "--host", "127.0.0.1", "--only", "elasticsearch"),
                    *("--data-dir", self._folder / "data"),
                    *("--elasticsearch-port", str(self.port)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.ask("GET", "/")
            except OSError:
                if self._process.poll() is not None or time.monotonic() > until:
                    log = (self._folder / "log").read_text(errors="replace")
                    self.stop()
                    pytest.skip(f"noida-db does not run here: {log[-300:]}")
                time.sleep(0.05)
            else:
                return

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it in order: killed, it loses what Elasticsearch would have on its disk."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        self._start()

    def ask(self, method: str, path: str, body: object = None):
        """Return the JSON of an answer; OSError when there is none."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read())

    def count(self, index: str) -> int:
        self.ask("POST", f"/{index}/_refresh")
        return self.ask("GET", f"/{index}/_count")["count"]

    def documents(self, index: str) -> dict[str, dict]:
        """Return the sources of an index by id."""
        self.ask("POST", f"/{index}/_refresh")
        hits = self.ask("POST", f"/{index}/_search", {"size": 10_000})["hits"]["hits"]
        return {hit["_id"]: hit["_source"] for hit in hits}
