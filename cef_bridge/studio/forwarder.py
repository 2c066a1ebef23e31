"""The live page's data of a running forwarder, asked for on behalf of the studio's page.

In come paths of the forwarder's API, out go its answers. The token that is in the forwarder's URL
goes along as a header and is shown nowhere. Who answers may be anybody: an answer is JSON of a
bounded size, within a bounded time. Must not know what it says.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from cef_bridge.errors import UsageError
from cef_bridge.studio.problems import StudioError
from cef_bridge.wording import shown

_SECONDS = 5
_MOST = 8 << 20


class ForwarderAnswer(NamedTuple):
    """A status, and the JSON that came with it."""

    status: int
    body: object


class RemoteForwarder:
    """A forwarder by its URL: `http://127.0.0.1:9000/live?token=…`, with or without a path.

    UsageError for what is no such URL.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        if parts.scheme not in ("http", "https") or not host:
            raise UsageError(
                f'"{shown(url.partition("?")[0])}" is no URL of a forwarder. Expected the one of '
                "its live page, such as http://127.0.0.1:9000/live?token=…"
            )
        self._tls = parts.scheme == "https"
        self._host = host
        self._port = port or (443 if self._tls else 80)
        self._token = parse_qs(parts.query).get("token", [""])[0]
        if not self._token.isprintable() or not self._token.isascii():
            raise UsageError("The token in the forwarder's URL has other characters than ASCII.")
        shown_host = f"[{host}]" if ":" in host else host
        self.address = f"{parts.scheme}://{shown_host}:{self._port}"

    def ask(self, method: str, path: str, body: object = None) -> ForwarderAnswer:
        """Return the forwarder's answer. StudioError (502) if no answer comes."""
        connect = HTTPSConnection if self._tls else HTTPConnection
        connection = connect(self._host, self._port, timeout=_SECONDS)
        headers = {"Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None
        if body is not None:
            data = json.dumps(body)
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read(_MOST + 1)
        except (OSError, HTTPException) as error:
            why = (getattr(error, "strerror", None) or "no HTTP answer").lower()
            raise StudioError(
                502,
                f"The forwarder at {self.address} does not answer: {why}.",
                "Check that it runs with --metrics, and that the address is right.",
            ) from error
        finally:
            connection.close()
        try:
            said = json.loads(text[: _MOST + 1]) if len(text) <= _MOST else None
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise StudioError(
                502,
                f"What answers at {self.address} is no forwarder with a live page.",
                "Use the URL that the forwarder printed for its live page.",
            )
        if answer.status == 401:
            raise StudioError(
                502,
                f"The forwarder at {self.address} refuses the token.",
                "Restart the studio with the URL that the forwarder printed, with its ?token=.",
            )
        return ForwarderAnswer(answer.status, said)
