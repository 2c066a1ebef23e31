"""The paths of the studio: which function answers which request.

In come requests that the guard let in, out go answers. Each function reads its parameters and asks
one module for the answer. `studio/src/api.ts` lists the paths.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from cef_bridge.errors import CefBridgeError
from cef_bridge.request_safety import safe_headers
from cef_bridge.studio import pages
from cef_bridge.studio.example_answer import example
from cef_bridge.studio.line_answer import line
from cef_bridge.studio.lint_answer import lint
from cef_bridge.studio.problems import StudioError, problem, problem_of
from cef_bridge.studio.requests import (
    MOST_EVENTS,
    MOST_MAPPING,
    answer,
    mapping_in,
    number_in,
    read_json,
    text_in,
)
from cef_bridge.studio.save_answer import disk, save
from cef_bridge.studio.start_answer import event_list, start
from cef_bridge.studio.surveys import Surveys

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from cef_bridge.request_safety import RequestGuard
    from cef_bridge.studio.forwarder import RemoteForwarder
    from cef_bridge.studio.workspace import Workspace
    from cef_bridge.workbench.sample import SampleEvent

_log = logging.getLogger(__name__)
_PAGES = {"/": pages.WORKBENCH, "/live": pages.LIVE}
_MOST_ROWS = 500


class Studio:
    """All that the pages can ask for. `name` is what the sample is called."""

    def __init__(
        self,
        workspace: Workspace,
        guard: RequestGuard,
        name: str,
        forwarder: RemoteForwarder | None = None,
    ) -> None:
        self.files = pages.PageFiles()
        self.surveys = Surveys(workspace)
        self._workspace = workspace
        self._guard = guard
        self._name = name
        self._forwarder = forwarder

    def app(self) -> ASGIApp:
        """Return the application to serve."""
        routes = [
            *(Route(path, self._page) for path in _PAGES),
            Route("/static/{name}", self._file),
            Route("/api/start", self._start),
            Route("/api/events", self._events),
            Route("/api/events", self._paste, methods=["POST"]),
            Route("/api/event/{number}", self._event),
            Route("/api/lint", self._lint, methods=["POST"]),
            Route("/api/line", self._line, methods=["POST"]),
            Route("/api/survey", self._survey, methods=["POST"]),
            Route("/api/survey/{id}", self._survey_state),
            Route("/api/example", self._example, methods=["POST"]),
            Route("/api/save", self._save, methods=["POST"]),
            Route("/api/disk", self._disk),
            Route("/api/live", self._live),
            Route("/api/tap", self._switch_tap, methods=["POST"]),
            Route("/api/tap/{name:path}", self._tap),
        ]
        handlers = {
            StudioError: _api_error,
            CefBridgeError: _package_error,
            HTTPException: _http_error,
            Exception: _fault,
        }
        return Guarded(Starlette(routes=routes, exception_handlers=handlers), self._guard)

    async def _page(self, request: Request) -> Response:
        path = request.url.path
        headers = {"Set-Cookie": self._guard.cookie()}
        # A browser that follows a link on another site keeps the new cookie back in a redirect: the
        # page itself takes the token out of the address bar then.
        is_led_here = request.headers.get("Sec-Fetch-Site") == "cross-site"
        if "token" in request.query_params and not is_led_here:
            headers["Location"] = path
            return Response(b"", 303, {**safe_headers(), **headers})
        nonce = secrets.token_urlsafe(16)
        page = await run_in_threadpool(self.files.page, _PAGES[path], nonce)
        if page is None:
            raise StudioError(404, "There is no such page.", "Open / instead.")
        return Response(page, 200, {**safe_headers(nonce), **headers}, "text/html")

    async def _file(self, request: Request) -> Response:
        found = self.files.find(request.path_params["name"])
        if found is None:
            raise StudioError(404, "There is no such file.", "Open / instead.")
        data = await run_in_threadpool(found.path.read_bytes)
        return Response(data, 200, {**safe_headers(), "Content-Type": found.type})

    def _start(self, _: Request) -> Response:
        live = self._forwarder is not None
        return answer(start(self._workspace, self._name, live=live))

    def _events(self, request: Request) -> Response:
        query = request.query_params
        words = query.get("filter", "")[:1000]
        begin = _whole(query.get("from", "0"))
        count = min(_whole(query.get("count", "100")), _MOST_ROWS)
        return answer(event_list(self._workspace, words, begin, count))

    async def _paste(self, request: Request) -> Response:
        text = text_in(await read_json(request, MOST_EVENTS), "text")
        numbers = await run_in_threadpool(self._workspace.sample.paste, text)
        return answer({"numbers": numbers})

    def _event(self, request: Request) -> Response:
        event = self._numbered(_whole(request.path_params["number"]))
        return answer({"number": event.number, "text": event.shown(), "where": event.place})

    async def _lint(self, request: Request) -> Response:
        text = mapping_in(await read_json(request, MOST_MAPPING))
        return answer(await run_in_threadpool(lint, self._workspace, text))

    async def _line(self, request: Request) -> Response:
        said = await read_json(request, MOST_MAPPING)
        event = self._numbered(number_in(said, "event"))
        return answer(await run_in_threadpool(line, self._workspace, mapping_in(said), event))

    async def _survey(self, request: Request) -> Response:
        said = await read_json(request, MOST_MAPPING)
        page = text_in(said, "page", 200)
        return answer(self.surveys.begin(mapping_in(said), page).answer())

    def _survey_state(self, request: Request) -> Response:
        return answer(self.surveys.find(request.path_params["id"]).answer())

    async def _example(self, request: Request) -> Response:
        said = await read_json(request, MOST_MAPPING)
        event = self._numbered(number_in(said, "event"))
        name, text = text_in(said, "name", 200), mapping_in(said)
        return answer(await run_in_threadpool(example, self._workspace, text, event, name))

    async def _save(self, request: Request) -> Response:
        said = await read_json(request, MOST_MAPPING)
        text, expected = mapping_in(said), text_in(said, "hash", 200)
        return answer(await run_in_threadpool(save, self._workspace, text, expected))

    def _disk(self, _: Request) -> Response:
        return answer(disk(self._workspace))

    def _live(self, request: Request) -> Response:
        return self._asked("GET", "/api/live", request)

    def _tap(self, request: Request) -> Response:
        return self._asked(
            "GET", f"/api/tap/{quote(request.path_params['name'], safe='')}", request
        )

    async def _switch_tap(self, request: Request) -> Response:
        said = await read_json(request, MOST_MAPPING)
        return await run_in_threadpool(self._asked, "POST", "/api/tap", None, said)

    def _asked(
        self, method: str, path: str, request: Request | None, body: object = None
    ) -> Response:
        """Ask the forwarder on the page's behalf."""
        if self._forwarder is None:
            raise StudioError(404, "No forwarder is named.", "Start with --forwarder URL.")
        query = urlencode(parse_qsl(request.url.query)) if request else ""
        found = self._forwarder.ask(method, f"{path}?{query}" if query else path, body)
        return answer(found.body, found.status)

    def _numbered(self, number: int) -> SampleEvent:
        events = self._workspace.sample.events
        if not 1 <= number <= len(events):
            raise StudioError(
                404, f"There is no event {number:,}.", f"The sample has {len(events):,} events."
            )
        return events[number - 1]


class Guarded:
    """Lets requests through to an application that the guard does not refuse."""

    def __init__(self, app: ASGIApp, guard: RequestGuard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see ASGI."""
        if scope["type"] != "http":
            return
        from starlette.datastructures import Headers  # noqa: PLC0415 - a name of ours elsewhere

        method = scope["method"]
        query = scope["query_string"].decode("latin-1")
        page = scope["path"] in _PAGES and method in ("GET", "HEAD")
        refusal = self._guard.refusal(method, Headers(scope=scope), query, page=page)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        said = answer({"error": problem(refusal.message, refusal.fix)}, refusal.status)
        await said(scope, receive, send)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise StudioError(400, "Invalid number in the request.", "Send whole numbers.")
    return int(text)


def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, StudioError)  # noqa: S101 - for the type
    return answer(error.answer, error.status)


def _package_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, CefBridgeError)  # noqa: S101 - for the type
    return answer({"error": problem_of(error)}, 400)


def _http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return answer({"error": problem("There is no such path, or not by this method.")}, status)


def _fault(request: Request, error: Exception) -> Response:
    _log.debug("%s %s", request.method, request.url.path, exc_info=error)
    said = problem(
        "An error inside the program ended the request.",
        "Report it, with the mapping and the event.",
    )
    return answer({"error": said}, 500)
