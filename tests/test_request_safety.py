"""Requests that a page on this machine answers, and those that it refuses."""

from __future__ import annotations

from email.message import Message

import pytest

from cef_bridge.request_safety import RequestGuard, is_loopback, new_token, safe_headers

TOKEN = "t0ken-of-the-test-0123"  # noqa: S105 - of no server
GOOD = {"Host": "127.0.0.1:9464", "Authorization": f"Bearer {TOKEN}"}


def asked(guard: RequestGuard, method: str = "GET", query: str = "", *, page=False, **more) -> int:
    headers = Message()
    for name, value in {**GOOD, **{key.replace("_", "-"): it for key, it in more.items()}}.items():
        if value is not None:
            headers[name] = value
    refusal = guard.refusal(method, headers, query, page=page)
    assert refusal is None or (refusal.message and refusal.fix)
    return refusal.status if refusal else 200


@pytest.fixture
def guard() -> RequestGuard:
    return RequestGuard(lambda: TOKEN)


def test_the_token_is_taken_from_the_header_the_cookie_and_the_url_of_a_page(guard):
    cookie = guard.cookie().partition(";")[0]
    assert asked(guard) == 200
    assert asked(guard, Authorization=None) == 401
    assert asked(guard, Authorization=None, Cookie=f"other=1; {cookie}") == 200
    assert asked(guard, Authorization=None, query=f"token={TOKEN}", page=True) == 200
    # The URL of anything else would be in logs and in the history.
    assert asked(guard, Authorization=None, query=f"token={TOKEN}") == 401


@pytest.mark.parametrize(
    "more",
    [
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": "Bearer \u00e9"},
        {"Authorization": None, "Cookie": f"cef-bridge={TOKEN}"},
        {"Authorization": None, "Cookie": "a\x00=;;;=b"},
    ],
)
def test_a_wrong_token_is_refused(guard, more):
    assert asked(guard, **more) == 401


def test_no_token_is_right_while_there_is_none():
    guard = RequestGuard(lambda: "")
    assert asked(guard, Authorization="Bearer ") == 401
    assert asked(guard, Authorization=None, query="token=", page=True) == 401


def test_a_query_with_many_fields_is_refused_and_no_error(guard):
    query = "&".join(["token=x"] * 1000)
    assert asked(guard, Authorization=None, query=query, page=True) == 401


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.2:80", "[::1]:9464", "[::1]"]
)
def test_loopback_is_a_host_of_any_port(guard, host):
    assert asked(guard, Host=host) == 200


@pytest.mark.parametrize(
    "host",
    ["attacker.example", "attacker.example:9464", "localhost.attacker.example", "10.0.0.7:9464",
     "127.0.0.1.attacker.example", "", None, "[::", "127.0.0.1:9464@attacker.example"],
)  # fmt: skip
def test_any_other_host_is_refused_whatever_the_token(guard, host):
    assert asked(guard, Host=host) == 403


def test_a_server_for_other_machines_takes_addresses_and_no_names():
    guard = RequestGuard(lambda: TOKEN, anywhere=True)
    assert asked(guard, Host="10.0.0.7:9464") == 200
    assert asked(guard, Host="[2001:db8::7]:9464") == 200
    assert asked(guard, Host="attacker.example:9464") == 403


def test_other_pages_are_refused(guard):
    json = {"Content_Type": "application/json"}
    assert asked(guard, "POST", Origin="http://127.0.0.1:9464", **json) == 200
    for origin in (
        "http://attacker.example",
        "null",
        "http://127.0.0.1:9465",
        "http://localhost:9464",
        "http://[",
        "http://127.0.0.1:9464]",
    ):
        assert asked(guard, "POST", Origin=origin, **json) == 403
        assert asked(guard, Origin=origin) == 403
    for site in ("cross-site", "same-site"):  # another port of this machine is the same site
        assert asked(guard, Sec_Fetch_Site=site) == 403
        assert asked(guard, page=True, Sec_Fetch_Site=site) == 200  # a link


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_what_a_form_could_send_is_refused(guard, kind):
    assert asked(guard, "POST", Content_Type=kind) == 400


def test_tokens_are_long_and_differ():
    found = {new_token() for _ in range(100)}
    assert len(found) == 100
    assert all(len(each) >= 32 for each in found)


def test_answers_allow_scripts_of_the_server_alone():
    for nonce in ("", "n0nce"):
        policy = safe_headers(nonce)["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'"} <= set(policy)
        assert not [each for each in policy if "unsafe" in each or "*" in each]
    assert "style-src 'self' 'nonce-n0nce'" in policy
    assert not [name for name in safe_headers() if name.startswith("Access-Control")]


def test_servers_on_one_machine_have_cookies_of_their_own():
    names = {
        RequestGuard(lambda it=it: it).cookie().partition("=")[0] for it in ("a" * 20, "b" * 20)
    }
    assert len(names) == 2


def test_only_loopback_is_loopback():
    assert [is_loopback(it) for it in ("localhost", "127.8.8.8", "::1")] == [True] * 3
    assert not any(map(is_loopback, ("::ffff:0:0", "::", "", "siem", "10.0.0.1", "localhost.")))
