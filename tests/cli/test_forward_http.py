"""`forward` to HTTP destinations as a process: receipts, kills, secrets, and a library that is not there."""

from __future__ import annotations

import os
import socket
import sys
import urllib.request
from pathlib import Path

import commands
import pytest
from certificates import Authority
from forwards import Forward, balanced, books, forward, status, write_events
from hec_server import NEVER, TOKEN, HecServer
from http_servers import Always, Answers
from noida import Noida
from running import COMMAND, convert, plain
from waiting import until

SECRET = "7Qx-not-to-be-seen-0c1d"  # noqa: S105 - of servers of tests


@pytest.fixture
def server():
    with HecServer() as server:
        yield server


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def hec(server, token, words="batch_wait=0"):
    return f"splunk-hec://127.0.0.1:{server.port}?tls=no&token=file:{token}&name=siem&{words}"


def lines(*words) -> list[bytes]:
    return sorted(line.encode() for line in convert(*words, "--syslog-header", "none").messages)


def test_once_waits_for_acknowledgements_over_tls_and_writes_no_syslog_header(tmp_path, token):
    authority = Authority(tmp_path / "tls")
    log = write_events(tmp_path / "ka.log", 2000)
    with HecServer(authority.issue("127.0.0.1")) as server:
        server.indexes_after = 1
        to = hec(server, token, f"ca={authority.ca}").replace("tls=no", "tls=yes")
        ended = forward(
            *("--from", log, "-m", "splunk", "--to", to, "--once", "--queue", tmp_path / "q")
        )
        assert ended.code == 0, ended.err
        assert sorted(server.lines()) == lines(log, "-m", "splunk")
    (total,) = books(tmp_path / "q").values()
    assert total["confirmed"] == len(server.lines())
    assert balanced(total)


def test_a_header_that_the_destination_asks_for_is_written(tmp_path, server, token):
    log = write_events(tmp_path / "ka.log", 10)
    to = hec(server, token, "syslog_header=rfc5424")
    assert forward("--from", log, "--to", to, "--once").code == 0
    assert all(line.startswith(b"<") for line in server.lines())


def test_killed_while_the_indexer_is_silent_it_loses_nothing(tmp_path, server, token):
    server.indexes_after = NEVER
    log = write_events(tmp_path / "ka.log", 3000)
    words = ("--from", log, "--queue", tmp_path / "q", "--to")
    with Forward(*words, hec(server, token, "batch_bytes=64K")) as run:
        until(lambda: len(server.lines()) > 500)
        run.kill()
    (total,) = books(tmp_path / "q").values()
    assert total.get("confirmed", 0) == 0
    server.indexes_after = 0
    assert forward(*words, hec(server, token), "--once").code == 0
    assert sorted(set(server.lines())) == lines(log)
    (total,) = books(tmp_path / "q").values()
    assert total["confirmed"] == len(lines(log))


def test_killed_while_it_sends_each_event_is_one_document(tmp_path):
    log = write_events(tmp_path / "ka.log", 3000)
    expected = lines(log)
    with Noida(tmp_path / "noida") as noida:
        to = f"elasticsearch://127.0.0.1:{noida.port}/cef?tls=no&name=siem&batch_bytes=8K"
        words = ("--from", log, "--to", f"{to}&batch_wait=0", "--queue", tmp_path / "q")
        for part in (1, 2):
            with Forward(*words) as run:
                until(lambda part=part: count(noida, "cef") >= part * 800)
                run.kill()
        assert forward(*words, "--once").code == 0
        documents = noida.documents("cef")
        assert sorted(each["message"].encode() for each in documents.values()) == expected
        # Killed as well: a queue that is lost is read again from the file.
        ended = forward("--from", log, "--to", to, "--once", "--queue", tmp_path / "new")
        assert ended.code == 0
        assert noida.count("cef") == len(expected)


def count(noida: Noida, index: str) -> int:
    try:
        return noida.count(index)
    except OSError:  # it is not there yet
        return 0


def test_no_secret_is_in_logs_processes_metrics_or_what_status_prints(tmp_path, server):
    """The server refuses all, so that every sentence about secrets is said."""
    server.next.append(Always(Answers(403, {"text": "Invalid token", "code": 4})))
    log = write_events(tmp_path / "ka.log", 100)
    with socket.create_server(("127.0.0.1", 0)) as free:
        metrics = f"127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "password").write_text(f"{SECRET}-of-es\n")
    config = tmp_path / "f.yaml"
    config.write_text(
        f"""
sources: {log}
queue: {tmp_path}/q
metrics: {metrics}
destinations:
  - to: splunk-hec://127.0.0.1:{server.port}
    name: hec
    token: ${{HEC_TOKEN}}
    tls: no
    ack: no
  - to: elasticsearch://127.0.0.1:{server.port}/cef
    name: es
    user: elastic
    password: file:password
    tls: no
  - to: opensearch://127.0.0.1:1/cef
    name: os
    api_key: ${{API_KEY}}
"""
    )
    env = {
        "HEC_TOKEN": SECRET,
        "API_KEY": f"id:{SECRET}",
        "http_proxy": "",
        "no_proxy": "127.0.0.1",
    }
    with Forward("--config", config, "-v", "--debug", env=env) as run:
        run.until_says("Invalid token (code 4)")
        run.until_says("answered 403")
        run.until_says("cannot reach 127.0.0.1:1")
        process = Path(f"/proc/{run.process.pid}")
        seen = [process.joinpath("cmdline").read_bytes().decode()]
        for path in ("metrics", "readyz", "healthz"):
            try:
                with urllib.request.urlopen(f"http://{metrics}/{path}", timeout=60) as answer:
                    seen.append(answer.read().decode())
            except urllib.error.HTTPError as error:
                with error:
                    seen.append(error.read().decode())
        ended = run.end()
    seen += [ended.err, ended.out.decode(), str(status(tmp_path / "q"))]
    check = commands.run(
        [COMMAND, "forward", "--config", config, "--check"],
        capture_output=True,
        env={**os.environ, **env},
        timeout=60,
    )
    seen += [check.stdout.decode(), check.stderr.decode()]
    seen += [each.read_bytes().decode("latin-1") for each in (tmp_path / "q").iterdir()]
    assert [text for text in seen if SECRET in text or f"{SECRET}-of-es" in text] == []
    assert any("Splunk" in it.headers["Authorization"] for it in server.requests)
    assert any("Basic" in it.headers["Authorization"] for it in server.requests)


def test_a_check_looks_at_files_of_secrets_and_at_all_of_them_at_once(tmp_path):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two").write_text("a\nb\n")
    tos = [
        f"splunk-hec://127.0.0.1?name=a&token=file:{tmp_path}/none",
        f"splunk-hec://127.0.0.1?name=b&token=file:{tmp_path}/empty",
        f"elasticsearch://127.0.0.1/x?name=c&api_key=file:{tmp_path}/two",
        f"opensearch://127.0.0.1/x?name=d&ca={tmp_path}/ca.pem",
    ]
    words = [word for to in tos for word in ("--to", to)]
    done = commands.run(
        [COMMAND, "forward", "--from", "-", *words, "--check"], capture_output=True, timeout=60
    )
    assert done.returncode == 2
    assert plain(done.stdout.decode()) == (
        f"error: destination a: cannot read the token from {tmp_path}/none: No such file or directory.\n"
        "error: destination b: the token is empty. Write it into the file.\n"
        "error: destination c: the API key has a character that no HTTP header can have. Copy it again.\n"
        f"error: destination d: the CA file {tmp_path}/ca.pem cannot be read: No such file or directory.\n"
    )


def test_a_check_warns_of_secrets_that_can_be_read_on_the_way(token):
    to = f"splunk-hec://127.0.0.1?name=a&tls=no&token=file:{token}"
    done = commands.run(
        [COMMAND, "forward", "--from", "-", "--check", "--to", to],
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, plain(done.stdout.decode())) == (
        0,
        "warning: destination a: tls=no: the token can be read on the way. Remove tls=no.\n",
    )


def test_without_the_library_a_sentence_says_what_to_install(tmp_path, token):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['urllib3'] = None\n")
    hosts = f"splunk-hec://127.0.0.1?token=file:{token}", "elasticsearch://127.0.0.1"
    tos = [word for host in hosts for word in ("--to", host)]
    done = commands.run(
        [COMMAND, "forward", "--from", "-", "--once", *tos],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        timeout=60,
    )
    assert done.returncode == 2
    assert plain(done.stderr.decode()) == (
        'cef-bridge: --to "splunk-hec://127.0.0.1": splunk-hec:// needs the library urllib3, which '
        "is not installed. Run: pip install 'cef-bridge[http]'\n"
        '--to "elasticsearch://127.0.0.1": The index is missing. Write /INDEX or /DATA-STREAM '
        "behind the hosts.\n"
        '--to "elasticsearch://127.0.0.1": elasticsearch:// needs the library urllib3, which is not '
        "installed. Run: pip install 'cef-bridge[http]'\n"
    )


def test_who_does_not_send_by_http_does_not_import_the_library(tmp_path):
    program = (
        "import sys; from cef_bridge.forward.config import from_urls\n"
        "from cef_bridge.forward.service import RunOptions, Service\n"
        f"config = from_urls([{str(write_events(tmp_path / 'a.log', 5))!r}], ['file:///dev/null'],"
        f" queue={str(tmp_path / 'q')!r})\n"
        "Service(config, RunOptions(once=True)).run()\n"
        "print(sorted(it for it in sys.modules if it.startswith(('urllib3', 'cef_bridge.delivery.http')"
        ")))"
    )
    done = commands.run([sys.executable, "-I", "-c", program], capture_output=True, timeout=60)
    assert (
        done.stdout.decode() == "['cef_bridge.delivery.http', 'cef_bridge.delivery.http.checks']\n"
    )


def test_a_test_event_is_confirmed_by_the_indexer(server, token):
    ended = forward("--to", hec(server, token), "--test-event")
    assert ended.code == 0, ended.err
    assert len(server.lines()) == 1


def test_what_waits_for_the_indexer_is_left_in_the_queue_when_the_time_is_over(
    tmp_path, server, token
):
    server.indexes_after = NEVER
    log = write_events(tmp_path / "ka.log", 50)
    words = ("--from", log, "--to", hec(server, token), "--queue", tmp_path / "q", "--once")
    ended = forward(*words, "--timeout", "3s")
    assert ended.code != 0
    (total,) = books(tmp_path / "q").values()
    assert total["waiting"] == total["accepted"]
    server.indexes_after = 0
    assert forward(*words).code == 0
