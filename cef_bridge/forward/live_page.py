"""The live page and its API, as requests and answers: `/live`, `/api/live`, `/api/tap`.

In come the parts of a request, out goes an answer; the server of metrics carries them. What the
studio's build made is served where it is there, else a plain page with the same numbers. Nothing
answers without the token. Opens no socket.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, unquote

from cef_bridge.forward.live_status import live, tap
from cef_bridge.request_safety import RequestGuard, safe_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cef_bridge.forward.live_status import LiveFacts
    from cef_bridge.forward.message_tap import MessageTap
    from cef_bridge.request_safety import Headers

MOST_BODY = 4096
"""Bytes of a request's body."""

BUILT = Path(__file__).parent.parent / "studio" / "static"
PLAIN = Path(__file__).parent / "plain_live"
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FILES = ("live.css", "live.js", "icon.svg")
_JSON = "application/json"


class PageRequest(NamedTuple):
    """A request: `path` without the query, `body` as it came."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes = b""


class PageAnswer(NamedTuple):
    """An answer; `headers` has all but Content-Length."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RequestError(Exception):
    """What is wrong with a request: status, the fact, what to do next."""

    def __init__(self, status: int, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.fix = fix


class LivePage:
    """Answers the paths that it `has`.

    `facts` gives what there is to show, from a Unix time of the history on; `taps` those of the
    destinations in use. `anywhere`: as of RequestGuard.
    """

    def __init__(
        self,
        token: Callable[[], str],
        facts: Callable[[float], LiveFacts],
        taps: Callable[[], Mapping[str, MessageTap]],
        *,
        anywhere: bool = False,
        built: Path = BUILT,
    ) -> None:
        self._guard = RequestGuard(token, anywhere=anywhere)
        self._facts = facts
        self._taps = taps
        self._folder = built if (built / "live.html").is_file() else PLAIN

    @staticmethod
    def has(path: str) -> bool:
        """Tell whether a path is one of the page's."""
        return path == "/live" or path.startswith(("/api/", "/static/"))

    def answer(self, request: PageRequest) -> PageAnswer:
        """Answer any request for a path that it has."""
        page = request.path == "/live" and request.method in ("GET", "HEAD")
        if refusal := self._guard.refusal(
            request.method, request.headers, request.query, page=page
        ):
            return _problem(*refusal)
        if page:
            return self._page()
        try:
            if request.path.startswith("/static/"):
                return self._file(request.path.removeprefix("/static/"))
            return _answer(200, _JSON, json.dumps(self._said(request)).encode())
        except RequestError as error:
            return _problem(error.status, str(error), error.fix)

    def _page(self) -> PageAnswer:
        nonce = secrets.token_urlsafe(16)
        text = (self._folder / "live.html").read_text("utf-8").replace("{{nonce}}", nonce)
        headers = {**safe_headers(nonce), "Set-Cookie": self._guard.cookie()}
        return PageAnswer(200, {**headers, "Content-Type": _KINDS[".html"]}, text.encode())

    def _file(self, name: str) -> PageAnswer:
        path = self._folder / name
        if name not in _FILES or not path.is_file():
            raise RequestError(404, "There is no such file.", "Open /live.")
        return _answer(200, _KINDS[path.suffix], path.read_bytes())

    def _said(self, request: PageRequest) -> dict[str, object]:
        match request.method, request.path.removeprefix("/api/").split("/"):
            case "GET" | "HEAD", ["live"]:
                return live(self._facts(_since(request.query)))
            case "GET" | "HEAD", ["tap", name]:
                return tap(self._tap(unquote(name)).state())
            case "POST", ["tap"]:
                return self._switch(request.body)
        raise RequestError(404, "There is no such path.", "There are /api/live and /api/tap.")

    def _switch(self, body: bytes) -> dict[str, object]:
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        name, on = (said.get("destination"), said.get("on")) if isinstance(said, dict) else (0, 0)
        if not isinstance(name, str) or not isinstance(on, bool):
            form = '{"destination": "NAME", "on": true}'
            raise RequestError(400, "The request is not what a tap takes.", f"Send {form}.")
        found = self._tap(name)
        found.switch(on=on)
        return tap(found.state())

    def _tap(self, name: str) -> MessageTap:
        if (found := self._taps().get(name)) is None:
            raise RequestError(404, "There is no such destination.", "/api/live has their names.")
        return found


def refused(message: str, fix: str) -> PageAnswer:
    """Return the answer of a forwarder that serves no live page."""
    return _problem(404, message, fix)


def _since(query: str) -> float:
    said = parse_qs(query[:100]).get("since", ["0"])[0]
    try:
        return float(said)
    except ValueError:
        raise RequestError(400, "since is no number.", "Send a Unix time in seconds.") from None


def _problem(status: int, message: str, fix: str) -> PageAnswer:
    text = json.dumps({"error": {"message": message, "fix": fix}})
    return _answer(status, _JSON, text.encode())


def _answer(status: int, kind: str, body: bytes) -> PageAnswer:
    return PageAnswer(status, {**safe_headers(), "Content-Type": kind}, body)
