"""`cef-bridge top`: what it shows of a running forwarder, and of what is none."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import commands
import pytest
from forwards import Forward, write_events
from running import COMMAND, plain
from terminals import Terminal
from waiting import until

from cef_bridge.collector.collector import Collector


def top(*words):
    done = commands.run([COMMAND, "top", *words], capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), plain(done.stderr.decode())


def metrics_of(run):
    run.until_says("metrics http://")
    return re.search(r"metrics (http://127\.0\.0\.1:\d+)", run.said())[1]


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def words(tmp_path, closed_port):
    """Return the options of a forwarder with a destination that is well and one that is not."""
    log = write_events(tmp_path / "ka.log", 50)
    with Collector(["tcp://127.0.0.1:0"], rules=None) as collector:
        good = f"{collector.urls[0]}?confirm_interval=1s&name=siem"
        bad = f"tcp://127.0.0.1:{closed_port}?name=second"
        found = ("--from", log, "--to", good, "--to", bad, "--queue", tmp_path / "q")
        yield (*found, "--grace", "0s", "--metrics", "127.0.0.1:0")


def test_once_prints_a_table_with_the_trouble_of_each_destination(words, closed_port):
    with Forward(*words) as run:
        url = metrics_of(run)
        until(lambda: re.search(r"second .* 50 ", top(url, "--once")[1]))
        until(lambda: re.search(r"siem .* 50 ", top(url.removeprefix("http://"), "--once")[1]))
        code, out, err = top(f"{url}/metrics", "--once")
    assert (code, err) == (0, "")
    head, siem, second = out.splitlines()
    assert head.split()[:3] == ["destination", "trouble", "out/s"]
    assert siem.split() == ["siem", "-", "0", "0", "0", "0", "50", "0"]
    why = f"cannot reach 127.0.0.1:{closed_port}: nothing listens there."
    assert why in second
    assert second.split()[-6:] == ["0", "0", "50", "0", "0", "0"]


def test_json_has_counters_that_add_up_and_the_reason_as_a_word(words):
    with Forward(*words) as run:
        url = metrics_of(run)
        until(lambda: [it["waiting"] for it in shown(url)["destinations"]] == [0, 50])
        until(lambda: shown(url)["destinations"][0]["confirmed"] == 50)
        found = shown(url)
    siem, second = found["destinations"]
    assert (siem["reasons"], siem["trouble"], siem["connected"]) == ([], "", True)
    assert second["reasons"] == ["unreachable"]
    assert (found["up"], found["stopping"], found["restarted"]) == (True, False, False)
    assert found["sources"][0]["connected"] is True
    for each in (siem, second):
        assert each["received"] == each["converted"] == 50
        parts = ("confirmed", "unconfirmed", "in_flight", "waiting", "dropped", "dead_lettered")
        assert each["converted"] + each["internal"] == sum(each[name] for name in parts)


def shown(url):
    code, out, err = top(url, "--once", "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_a_terminal_shows_it_and_a_forwarder_that_ends_and_comes_again(words):
    with Forward(*words) as run:
        url = metrics_of(run)
        with Terminal("top", url, columns=100) as seen:
            seen.until(lambda it: "second: cannot reach" in it and "50 waiting" in it)
            run.end()
            seen.until(lambda it: it.startswith("cannot read ") and "connection refused" in it)
            port = url.rpartition(":")[2]
            with Forward(*words[:-1], f"127.0.0.1:{port}") as again:
                now = seen.until(lambda it: it.startswith("cef-bridge ") and "50 waiting" in it)
                assert now.count("siem: ") == 1
                again.end()
            assert seen.end(signal.SIGINT) == 130
            assert "Traceback" not in seen.raw


class _Stranger(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'# HELP x \x1b[31m\nx{a="b"} nonsense\n<html>\x00')

    def log_message(self, *_):
        pass


def test_what_is_no_forwarder_is_told_with_what_to_do(closed_port):
    code, out, err = top(f"127.0.0.1:{closed_port}", "--once")
    assert (code, out) == (1, "")
    assert err == (
        f"cef-bridge: cannot read http://127.0.0.1:{closed_port}/metrics: connection refused. "
        "Start forward with --metrics HOST:PORT, or correct the address.\n"
    )
    with serving(_Stranger) as port:
        code, out, err = top(f"127.0.0.1:{port}")
    assert (code, out) == (1, "")
    assert "answers, but not as cef-bridge does" in err
    assert "\x1b" not in err


class _Elsewhere(_Stranger):
    """Sends whoever asks to another server."""

    to = 0
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(302)
        self.send_header("Location", f"http://127.0.0.1:{self.to}/secret")
        self.end_headers()


class _Trickle(_Stranger):
    """Answers a byte at a time, and never ends."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"#")
                time.sleep(0.2)


@contextlib.contextmanager
def serving(handler):
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_an_answer_leads_nowhere_else():
    with serving(type("_There", (_Elsewhere,), {"asked": []})) as there:
        here = type("_Here", (_Elsewhere,), {"to": there, "asked": []})
        with serving(here) as port:
            code, _, err = top(f"127.0.0.1:{port}", "--once")
    assert (code, here.asked) == (1, ["/metrics", "/readyz"])
    assert "answers, but not as cef-bridge does" in err


def test_an_answer_without_an_end_is_given_up():
    with serving(_Trickle) as port:
        code, _, err = top(f"127.0.0.1:{port}", "--once")
    assert code == 1
    assert "no answer within 5 seconds" in err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "ftp://127.0.0.1:1",
            '"ftp://127.0.0.1:1" is no address of metrics. Use http://HOST:PORT.',
        ),
        ("http://user:secret@127.0.0.1:1", "Metrics need no user and password"),
        ("127.0.0.1", "has no port. Expected HOST:PORT."),
        ("127.0.0.1:99999", 'Invalid port "99999".'),
    ],
)
def test_an_address_that_cannot_be_one_is_wrong_use(url, said):
    code, out, err = top(url)
    assert (code, out) == (2, "")
    assert said in err
    assert "secret" not in err
