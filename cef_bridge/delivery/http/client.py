"""Requests to one server over one kept connection, each given up when a word comes to stop.

In come a path, headers and a body, out goes an `Answer`, or an error of `connection`. urllib3 is
imported here and in `faults` alone, and its calls wait for sockets: so a thread makes the request,
and the sender's thread waits for it in slices. Must not know what is sent.
"""

from __future__ import annotations

import contextlib
import gzip
import logging
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import make_headers, parse_url

from cef_bridge.delivery.connection import BrokenError, ConnectError, DeliveryError
from cef_bridge.delivery.http.answers import Answer
from cef_bridge.delivery.http.faults import explained, silent
from cef_bridge.delivery.sender_context import SLICE
from cef_bridge.delivery.transport_tls import context_of, warn_unverified
from cef_bridge.delivery.urls import shown_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cef_bridge.delivery.destination_url import DestinationUrl
    from cef_bridge.delivery.urls import Endpoint

_log = logging.getLogger(__name__)

_MOST_ANSWER = 64 << 20  # bytes; one about 5,000 documents that all failed has a fiftieth of it
_PIECE = 64 << 10
_GZIP_LEVEL = 1  # lines shrink to an eighth already, in a fifth of the time that the default takes
_WORTH_GZIP = 1 << 10  # bytes below which a request is not compressed


class HttpClient:
    """One server. Certificates, keys and the proxy are looked up when a connection is made."""

    def __init__(self, target: DestinationUrl, endpoint: Endpoint) -> None:
        self.peer = shown_endpoint(endpoint)
        self._target = target
        self._host, self._port = endpoint
        self._name = (target.server_name or self._host).rstrip(".")
        self._pool: Any = None
        self._base = ""
        self._connection: HTTPConnection | None = None

    def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        on_wait: Callable[[], None],
    ) -> Answer:
        """Make a request and return its answer, whatever its status is.

        `on_wait` is called several times a second, and may raise to give up. ConnectError: nothing
        was sent; BrokenError: what became of it is not known.
        """
        sent = {
            "User-Agent": "cef-bridge",
            "Accept-Encoding": "identity",
            **headers,
        }
        if self._target.gzip and len(body) >= _WORTH_GZIP:
            body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
            sent["Content-Encoding"] = "gzip"
        if self._pool is None:
            self._open()
        work = _Request(self._pool, self._base + path, body, sent, self._target)
        try:
            self._wait(work, on_wait)
        except BaseException:
            self.close()
            raise
        if work.answer is None:
            self.close()
            if work.error is None or isinstance(work.error, DeliveryError):
                raise work.error or BrokenError(silent(self.peer, self._target.request_timeout))
            raise explained(work.error, self.peer, self._target, self._name) from work.error
        return work.answer

    def _wait(self, work: _Request, on_wait: Callable[[], None]) -> None:
        until = time.monotonic() + self._target.connect_timeout + self._target.request_timeout
        work.start()
        while not work.done.wait(SLICE):
            on_wait()
            if time.monotonic() > until:
                return

    def close(self) -> None:
        """Close the connection at once, under a request as well; the next one opens another."""
        connection, pool = self._connection, self._pool
        self._connection = self._pool = None
        if connection is not None and connection.sock is not None:
            # Who waits for this socket in another thread wakes up.
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        if pool is not None:
            pool.close()

    def _open(self) -> None:
        target = self._target
        kind = "https" if target.tls else "http"
        options: dict[str, Any] = {"maxsize": 1, "retries": False}
        if target.tls:
            try:
                options["ssl_context"] = context_of(target)
            except ConnectError as error:
                text = f"cannot connect to {self.peer}: {error}"
                raise ConnectError(text, permanent=error.permanent) from error
            options["server_hostname"] = self._name
            if not target.verify:
                warn_unverified(self.peer)
                urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        proxy = _proxy(kind, self._host)
        manager = _manager(proxy, options)
        self._pool = manager.connection_from_host(self._host, self._port, kind)
        # A proxy is asked for the whole URL, but for TLS, which goes through it (RFC 9112 3.2.2).
        self._base = f"http://{self.peer}" if proxy and not target.tls else ""
        made = HTTPSConnection if target.tls else HTTPConnection

        def make(**words: Any) -> HTTPConnection:  # noqa: ANN401 - what urllib3 hands on
            self._connection = made(**words)
            return self._connection

        self._pool.ConnectionCls = make


class _Request:
    """A request that a thread makes; `done` when there is an `answer` or an `error`."""

    def __init__(
        self,
        pool: Any,  # noqa: ANN401 - of one of two kinds
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        target: DestinationUrl,
    ) -> None:
        self.done = threading.Event()
        self.answer: Answer | None = None
        self.error: Exception | None = None
        self._pool = pool
        self._url, self._body, self._headers = url, body, headers
        self._timeout = urllib3.Timeout(target.connect_timeout, target.request_timeout)

    def start(self) -> None:
        threading.Thread(target=self._run, name="http request", daemon=True).start()

    def _run(self) -> None:
        try:
            self.answer = self._ask()
        except Exception as error:  # noqa: BLE001 - raised by the thread that waits
            self.error = error
        finally:
            self.done.set()

    def _ask(self) -> Answer:
        response = self._pool.urlopen(
            "POST",
            self._url,
            body=self._body,
            headers=self._headers,
            timeout=self._timeout,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        try:
            headers = {name.lower(): value for name, value in response.headers.items()}
            answer = Answer(response.status, headers, _whole(response))
        except BaseException:
            response.close()
            raise
        finally:
            response.release_conn()
        return answer


def _whole(response: urllib3.BaseHTTPResponse) -> bytes:
    data = bytearray()
    for piece in response.stream(_PIECE, decode_content=False):
        data += piece
        if len(data) > _MOST_ANSWER:
            raise BrokenError("an answer has more than 64 MiB. Is this the right server?")
    return bytes(data)


def _proxy(kind: str, host: str) -> str | None:
    """Return the proxy that the environment names for a host: HTTPS_PROXY, HTTP_PROXY, NO_PROXY."""
    return None if proxy_bypass(host) else getproxies().get(kind)


def _manager(proxy: str | None, options: dict[str, Any]) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(**options)
    try:
        url = parse_url(proxy if "://" in proxy else f"http://{proxy}")
        headers = make_headers(proxy_basic_auth=url.auth) if url.auth else None
        return urllib3.ProxyManager(url._replace(auth=None).url, proxy_headers=headers, **options)
    except (ValueError, urllib3.exceptions.HTTPError) as error:
        raise ConnectError(
            "the proxy in HTTPS_PROXY or HTTP_PROXY is no URL such as http://proxy:3128. Correct "
            "it.",
            permanent=True,
        ) from error
