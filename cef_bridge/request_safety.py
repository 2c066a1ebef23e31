"""Who may ask a page that is served on this machine: its owner's browser, and no other web page.

In come the facts of a request, out comes why it is refused, or nothing. Pure: knows neither a
server nor what is served. What it guards against: other users of the machine (the token), web pages
that reach loopback by a name of their own (DNS rebinding: Host), forged requests of other pages
(Origin, Sec-Fetch-Site), and scripts in what is shown (`safe_headers`).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from http.cookies import CookieError, SimpleCookie
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

LEAST_TOKEN = 16
"""Characters of a token that somebody chose."""

_FIXED_HEADERS = MappingProxyType(
    {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",  # the page's URL may hold the token
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
)
_SOURCES = (
    *("default-src 'none'", "script-src 'self'", "img-src 'self' data:", "font-src 'self'"),
    *("connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
)


def safe_headers(nonce: str = "") -> dict[str, str]:
    """Return the headers of every answer: no scripts but our own, and no CORS, for no other page
    may read one. `nonce`: that of the page's style elements.
    """
    styles = f"style-src 'self' 'nonce-{nonce}'" if nonce else "style-src 'self'"
    return {"Content-Security-Policy": "; ".join((*_SOURCES, styles)), **_FIXED_HEADERS}


class Headers(Protocol):
    """The headers of a request, by name in any case: those of http.server and Starlette are."""

    def get(self, name: str, /) -> str | None:
        """Return a header, None where there is none."""


class Refusal(NamedTuple):
    """Why a request is refused: status, the fact, and what to do next."""

    status: int
    message: str
    fix: str


def new_token() -> str:
    """Return a token that nobody guesses.

    Hex digits: terminals take a - at its end for no part of a URL.
    """
    return secrets.token_hex(16)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches a host: `localhost`, 127.0.0.0/8 or ::1."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


class RequestGuard:
    """The rules of one server. `token` returns the token in use, "" where it cannot be had.

    `anywhere`: the server listens on more than loopback, so a Host may be any address. A name
    other than `localhost` is refused: it may be one that another web page has pointed here.
    """

    def __init__(self, token: Callable[[], str], *, anywhere: bool = False) -> None:
        self._token = token
        self._anywhere = anywhere

    def refusal(
        self, method: str, headers: Headers, query: str = "", *, page: bool = False
    ) -> Refusal | None:
        """Return why a request is refused, None where it is not.

        `page`: what a browser opens, whose URL may bring the token; the rest has the cookie, or
        `Authorization: Bearer TOKEN`.
        """
        return (
            self._wrong_host(headers)
            or _wrong_origin(method, headers, page=page)
            or self._wrong_token(headers, query if page else "")
        )

    def cookie(self) -> str:
        """Return the value of Set-Cookie that lets a browser ask on."""
        token = self._token()
        return f"{_cookie_name(token)}={token}; Path=/; HttpOnly; SameSite=Strict"

    def _wrong_host(self, headers: Headers) -> Refusal | None:
        host = _host_name(headers.get("Host") or "")
        if is_loopback(host) or (self._anywhere and _address(host) is not None):
            return None
        known = "localhost or an address" if self._anywhere else "127.0.0.1 or localhost"
        return Refusal(
            403,
            "The Host of the request is not this server's.",
            f"Open the page at {known}, through a tunnel such as ssh -L if it is far away.",
        )

    def _wrong_token(self, headers: Headers, query: str) -> Refusal | None:
        token = self._token()
        if token and any(
            hmac.compare_digest(each.encode("utf-8", "replace"), token.encode())
            for each in _said(headers, query, _cookie_name(token))
        ):
            return None
        return Refusal(
            401,
            "The token is missing, or is not the one in use.",
            "Open the URL that was printed at the start, with its ?token=.",
        )


def _said(headers: Headers, query: str, cookie_name: str) -> list[str]:
    """Return what a request says is the token."""
    found = parse_qs(query, max_num_fields=20).get("token", []) if query.count("&") < 20 else []
    kind, _, value = (headers.get("Authorization") or "").partition(" ")
    if kind.lower() == "bearer":
        found.append(value.strip())
    try:
        cookies = SimpleCookie(headers.get("Cookie") or "")
    except CookieError:
        return found
    if cookie_name in cookies:
        found.append(cookies[cookie_name].value)
    return found


def _wrong_origin(method: str, headers: Headers, *, page: bool) -> Refusal | None:
    """Return a refusal of what another web page asks for; its links to a page are followed."""
    site = headers.get("Sec-Fetch-Site") or "none"
    if _is_foreign(headers.get("Origin"), headers.get("Host") or "") or (
        site not in ("none", "same-origin") and not page
    ):
        return Refusal(403, "Another web page asked for it.", "Open this server's own page.")
    kind = (headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if method not in ("GET", "HEAD") and kind != "application/json":
        # What a form can send, any page can send without asking.
        return Refusal(400, "The request is not JSON.", "Set Content-Type: application/json.")
    return None


def _is_foreign(origin: str | None, host: str) -> bool:
    try:
        return origin is not None and urlsplit(origin).netloc != host
    except ValueError:  # such as a bracket that nothing closes
        return True


def _cookie_name(token: str) -> str:
    """Return the name of the cookie: ports share cookies, so each token has its own."""
    return f"cef-bridge-{hashlib.sha256(token.encode()).hexdigest()[:12]}"


def _host_name(host: str) -> str:
    """Return a Host without its port and brackets."""
    name, _, port = host.rpartition(":")
    if not name or not port.isdigit() or host.endswith("]"):
        name = host
    return name.removeprefix("[").removesuffix("]")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
