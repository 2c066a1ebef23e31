"""Who gets an answer of the studio, and what an answer lets a browser do."""

from __future__ import annotations

import signal
import subprocess
import sys

import commands
import pytest
from commands import COMMAND
from studio_server import studio


@pytest.mark.parametrize("path", ["/", "/live", "/static/workbench.js", "/api/start", "/nothing"])
@pytest.mark.parametrize("token", [None, "Bearer", "Bearer x", "Basic abc", "Bearer " + "é" * 4])
def test_nothing_is_answered_without_the_token(client, path, token):
    answer = client.ask(path, Authorization=token.encode() if token else None)
    assert answer.status == 401
    assert "token" in answer.json["error"]["message"]
    assert b"mapping" not in answer.body


def test_the_token_in_the_url_becomes_a_cookie_and_leaves_the_address(client):
    answer = client.ask(f"/?token={client.token}", Authorization=None)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    page = client.ask("/", Authorization=None, Cookie=cookie)
    assert page.status == 200
    assert client.ask("/api/start", Authorization=None, Cookie=cookie).status == 200
    wrong = cookie[:-1] + ("0" if cookie[-1] != "0" else "1")
    assert client.ask("/api/start", Authorization=None, Cookie=wrong).status == 401


def test_a_link_on_another_site_is_answered_at_once_as_a_redirect_would_have_no_cookie(client):
    path = f"/?token={client.token}"
    answer = client.ask(path, Authorization=None, Sec_Fetch_Site="cross-site")
    assert (answer.status, "location" in answer.headers) == (200, False)
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert client.ask("/api/start", Authorization=None, Cookie=cookie).status == 200
    assert client.ask("/", Authorization=None, Sec_Fetch_Site="cross-site").status == 401


def test_only_pages_take_the_token_from_the_url(client):
    for path in ("/api/start", "/static/workbench.js"):
        assert client.ask(f"{path}?token={client.token}", Authorization=None).status == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "", "10.0.0.1:80"])
def test_another_host_is_refused_as_dns_rebinding_needs_one(client, host):
    for path in ("/", "/api/start"):
        assert client.ask(path, Host=host).status == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "http://["]
)
def test_a_request_of_another_page_is_refused(client, origin):
    answer = client.ask("/api/lint", {"text": ""}, Origin=origin)
    assert (answer.status, "Another web page" in answer.json["error"]["message"]) == (403, True)


def test_what_a_form_of_another_page_can_send_is_refused(client):
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        answer = client.ask("/api/lint", b'{"text": ""}', Origin=None, Content_Type=kind)
        assert answer.status == 400


def test_every_answer_keeps_other_pages_and_foreign_scripts_out(client):
    for path in ("/", "/api/start", "/static/workbench.js", "/api/nothing", "/api/event/999999"):
        headers = client.ask(path).headers
        policy = headers["content-security-policy"]
        for rule in (
            *("default-src 'none'", "script-src 'self'", "connect-src 'self'", "base-uri 'none'"),
            *("form-action 'none'", "frame-ancestors 'none'"),
        ):
            assert rule in policy.split("; ")
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert not [name for name in headers if name.startswith("access-control")]


def test_each_page_has_a_nonce_of_its_own_for_styles(client):
    policies = {client.ask("/").headers["content-security-policy"] for _ in range(3)}
    assert len(policies) == 3
    assert all("style-src 'self' 'nonce-" in policy for policy in policies)


@pytest.mark.parametrize(
    "name", ["..%2fapp.py", "%2e%2e%2fapp.py", "../app.py", "workbench.html", "x.js", "%00"]
)
def test_only_the_files_of_the_pages_are_served(client, name):
    assert client.ask(f"/static/{name}").status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 100_000, 400),
        (b"\xff", 400),
        (b"{}", 400),
        (b'{"text": 1}', 400),
        (b'{"text": "' + b"x" * (1 << 20) + b'x"}', 413),
        (b'{"text": "' + b"x" * (9 << 20) + b'"}', 413),
    ],
    ids=["torn", "list", "deep", "no-utf-8", "empty", "number", "large-mapping", "large-body"],
)
def test_a_body_that_is_wrong_is_refused_with_its_reason(client, body, status):
    answer = client.ask("/api/lint", body)
    assert answer.status == status
    assert answer.json["error"]["message"]


def test_paths_and_methods_that_are_unknown_are_refused_as_json(client):
    assert client.ask("/api/other").status == 404
    assert client.ask("/api/start", {}).status == 405
    assert client.ask("/api/lint").status == 405
    assert client.ask("/api/event/0").status == 404
    assert client.ask(f"/api/event/{'9' * 5000}").status == 400
    assert client.ask("/api/event/-1").status == 400
    assert client.ask("/api/events?from=x").status == 400
    assert client.ask("/api/survey/abc").status == 404
    assert client.ask("/api/line", {"text": "", "event": True}).status == 400
    assert client.ask("/api/live").json["error"]["fix"] == "Start with --forwarder URL."


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_it_and_neither_output_has_more_of_the_token_than_the_url(number, code):
    with studio() as running:
        client = running.client
        client.ask(f"/?token={client.token}", Authorization=None)
        client.survey(client.text())
        assert client.url == f"http://127.0.0.1:{client.port}/?token={client.token}"
        returncode, err = running.end(number)
    assert returncode == code
    assert client.token not in err
    assert "only read" in err
    assert "Traceback" not in err


def refused(*words: object) -> subprocess.CompletedProcess[str]:
    return commands.run(
        [COMMAND, "studio", *map(str, words)],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:80"])
def test_an_address_that_others_reach_is_refused_with_the_reason(address):
    done = refused("--listen", address)
    assert (done.returncode, done.stdout) == (2, "")
    assert "can be reached from other machines" in done.stderr


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:x", ":80", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_refused(address):
    done = refused("--listen", address)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Expected HOST:PORT" in done.stderr


def test_a_token_of_ones_own_lets_it_listen_elsewhere_at_addresses_only(tmp_path):
    path = tmp_path / "token"
    path.write_text("0123456789abcdef0123\n")
    with studio("--listen", "0.0.0.0:0", "--token-file", path) as running:
        client = running.client
        assert client.token == path.read_text().strip()
        assert client.ask("/api/start").status == 200
        assert client.ask("/api/start", Host="192.0.2.7:8000").status == 200
        assert client.ask("/api/start", Host="evil.example:8000").status == 403
        assert client.ask("/api/start", Authorization=None).status == 401


def test_a_token_that_can_be_guessed_is_refused(tmp_path):
    path = tmp_path / "token"
    path.write_text("short")
    done = refused("--token-file", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "openssl rand -hex 16" in done.stderr
    assert refused("--token-file", tmp_path / "none").returncode == 2


def test_without_the_extra_it_says_what_to_install():
    program = "import sys; sys.modules['uvicorn'] = None; sys.argv = ['cef-bridge', 'studio']; "
    program += "from cef_bridge.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'cef-bridge[studio]'" in done.stderr


def test_other_commands_do_not_load_it():
    program = "import sys; sys.argv = ['cef-bridge', 'help']; from cef_bridge.cli import main\n"
    program += "try:\n    main()\nexcept SystemExit:\n    pass\n"
    program += (
        "print([it for it in ('starlette', 'uvicorn', 'cef_bridge.studio') if it in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True, timeout=120
    )
    assert done.stdout.endswith("\n[]\n")
