"""A studio as an operator starts it, and a browser's requests to it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from http.client import HTTPConnection
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import commands
from commands import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 120  # seconds


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """Asks one studio; with its token unless other headers are given."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.origin = f"http://{parts.netloc}"
        self.token = parts.query.removeprefix("token=")

    def ask(self, path: str, body: object = None, method: str = "", **headers: str | None):
        """Ask as a page does; a header of None is not sent."""
        connection = HTTPConnection(self.host, self.port, timeout=PATIENCE)
        sent = {"Authorization": f"Bearer {self.token}"}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent |= {"Content-Type": "application/json", "Origin": self.origin}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        host = sent.pop("Host", f"{self.host}:{self.port}")
        with contextlib.closing(connection):
            connection.putrequest(
                method or ("GET" if body is None else "POST"), path, skip_host=True
            )
            connection.putheader("Host", host)
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            if data is not None:
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            answer = connection.getresponse()
            return Answer(
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read(),
            )

    def get(self, path: str):
        answer = self.ask(path)
        assert answer.status == 200, answer
        return answer.json

    def post(self, path: str, **body: object):
        answer = self.ask(path, body)
        assert answer.status == 200, answer
        return answer.json

    def text(self) -> str:
        """Return the mapping's text."""
        return self.get("/api/start")["mapping"]["text"]

    def survey(self, text: str, page: str = "tab"):
        """Return a survey that has ended."""
        found = self.post("/api/survey", text=text, page=page)
        while found["state"] == "running":
            found = self.get(f"/api/survey/{found['id']}")
        return found


class Running(NamedTuple):
    client: Client
    process: subprocess.Popen[str]

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it by a signal; return its exit code, and what it said on stderr."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, err


@contextlib.contextmanager
def studio(*words: object, cwd: Path | None = None) -> Iterator[Running]:
    """Run a studio while the block runs."""
    process = commands.Popen(
        [COMMAND, "studio", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )
    try:
        url = process.stdout.readline().strip()
        assert url.startswith("http://"), process.communicate(timeout=PATIENCE)
        yield Running(Client(url), process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=PATIENCE)


def applied(text: str, edits: list[dict[str, object]]) -> str:
    """Return a text with edits in it, as an editor that counts UTF-16 units applies them."""
    units = text.encode("utf-16-le")
    for edit in sorted(edits, key=lambda it: -it["from"]):
        begin, end = 2 * edit["from"], 2 * edit["to"]
        units = units[:begin] + edit["insert"].encode("utf-16-le") + units[end:]
    return units.decode("utf-16-le")
