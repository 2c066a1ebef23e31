"""The live page of a forwarder, asked for through the studio."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from commands import COMMAND, run
from studio_server import studio

TOKEN = "0123456789abcdef"  # noqa: S105 - of a server that lives as long as a test


@contextmanager
def forwarder(answer: bytes = b'{"version": "1"}', status: int = 200):
    """Serve one answer as a forwarder does; yield its URL and the requests that came."""
    came: list[tuple[str, str, str | None, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            came.append((self.command, self.path, self.headers.get("Authorization"), body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815 - the name is http.server's

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/live?token={TOKEN}", came
    finally:
        server.shutdown()
        server.server_close()


def test_requests_go_on_with_the_token_of_the_url_and_answers_come_back():
    with forwarder() as (url, came), studio("--forwarder", url) as running:
        client = running.client
        assert client.get("/api/start")["live"] is True
        assert client.get("/api/live?since=12.5") == {"version": "1"}
        assert client.get("/api/tap/a%2Fb%3F") == {"version": "1"}
        assert client.post("/api/tap", destination="a", on=True) == {"version": "1"}
        assert client.ask("/api/live", Authorization=None).status == 401
        _, err = running.end()
    bearer = f"Bearer {TOKEN}"
    assert came[0] == ("GET", "/api/live?since=12.5", bearer, b"")
    assert came[1] == ("GET", "/api/tap/a%2Fb%3F", bearer, b"")
    assert came[2][:3] == ("POST", "/api/tap", bearer)
    assert json.loads(came[2][3]) == {"destination": "a", "on": True}
    assert len(came) == 3
    assert TOKEN not in err


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (b'{"error": {"message": "no", "fix": ""}}', 401, "refuses the token"),
        (b"<html>", 200, "is no forwarder"),
        (b"[]", 200, "is no forwarder"),
        (b'{"a": "' + b"x" * (9 << 20) + b'"}', 200, "is no forwarder"),
    ],
    ids=["token", "html", "list", "large"],
)
def test_what_is_no_answer_of_a_forwarder_is_said(answer, status, said):
    with forwarder(answer, status) as (url, _), studio("--forwarder", url) as running:
        found = running.client.ask("/api/live")
    assert found.status == 502
    assert said in found.json["error"]["message"]
    assert TOKEN not in found.body.decode()


def test_a_forwarder_that_is_gone_is_said_and_comes_back():
    with forwarder() as (url, _):
        pass
    with studio("--forwarder", url) as running:
        found = running.client.ask("/api/live")
    assert (found.status, "connection refused" in found.json["error"]["message"]) == (502, True)


def test_an_error_of_the_forwarder_comes_as_it_is():
    body = b'{"error": {"message": "There is no such destination.", "fix": ""}}'
    with forwarder(body, 404) as (url, _), studio("--forwarder", url) as running:
        found = running.client.ask("/api/tap/x")
    assert (found.status, found.body.replace(b" ", b"")) == (404, body.replace(b" ", b""))


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://", "http://x:y/", "http://x:99999/", "http://[::1"]
)
def test_a_url_that_is_none_is_refused(url):
    done = run([COMMAND, "studio", "--forwarder", url], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no URL of a forwarder" in done.stderr
