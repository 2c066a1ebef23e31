"""`cef-bridge receive` as an operator runs it: faults, the summary, exit codes, hostile senders."""

from __future__ import annotations

import contextlib
import json
import re
import select
import signal
import socket
import ssl
import subprocess
from typing import Self

import commands
import pytest
from certificates import Authority
from running import COMMAND, Ran, plain
from terminals import Terminal


def message(number: int, **pairs: object) -> bytes:
    said = {"externalId": f"{number:040x}", "KubeArmorSeq": number, **pairs}
    text = " ".join(f"{key}={value}" for key, value in said.items())
    return f"CEF:0|KubeArmor|KubeArmor|1|id|name|5|act=Block {text}".encode()


def lines(*found: bytes) -> bytes:
    return b"".join(each + b"\n" for each in found)


class Receiver:
    """A running `cef-bridge receive` that has said where it listens."""

    def __init__(self, *words: object, listeners: int = 1) -> None:
        # Unbuffered: what `communicate` reads must not have been read ahead by `readline`.
        self._process = commands.Popen(
            [COMMAND, "receive", *map(str, words)],
            bufsize=0,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.ports: list[int] = []
        assert self._process.stderr
        for _ in range(listeners):
            assert select.select([self._process.stderr], [], [], 20)[0]
            line = self._process.stderr.readline()
            found = re.fullmatch(rb"listening on \w+://127\.0\.0\.1:(\d+)\n", line)
            assert found, line + self._process.stderr.read()
            self.ports.append(int(found[1]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def send(self, data: bytes, at: int = 0) -> None:
        """Send over a connection of its own, and wait until it was read."""
        with socket.create_connection(("127.0.0.1", self.ports[at]), timeout=60) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(1) == b""

    def heard(self) -> str:
        """Wait for a line of its stderr."""
        assert self._process.stderr
        assert select.select([self._process.stderr], [], [], 60)[0]
        return self._process.stderr.readline().decode()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def ended(self) -> Ran:
        out, err = self._process.communicate(timeout=30)
        return Ran(self._process.returncode, out, plain(err.decode()))


HEADLESS = (
    "without a syslog header: Sentinel refuses such a message; "
    "QRadar, Graylog and SC4S take the time of its arrival"
)
TCP = ("--listen", "tcp://127.0.0.1:0")


def test_it_ends_when_so_many_different_events_came():
    with Receiver(*TCP, "--count", 3, "--timeout", 30) as receiver:
        receiver.send(lines(message(1), message(2), message(2)))
        receiver.send(lines(message(3)))
        ran = receiver.ended()
    assert ran.code == 0
    assert ran.out == b""
    assert re.sub(r"127\.0\.0\.1:\d+", "…", ran.err) == (
        "4 messages (456 bytes): 3 different, 1 duplicate, 0 with faults\n"
        "  tcp … (lf): 3 messages, ended\n"
        "  tcp … (lf): 1 message, ended\n"
        f"  4 {HEADLESS}\n"
        "  KubeArmorSeq 1 to 3: none is missing\n"
    )


def test_messages_without_a_syslog_header_are_counted_and_are_no_fault():
    headed = b"<134>Mar  1 10:00:00 gate-1 "
    with Receiver(*TCP, "--count", 4, "--json") as receiver:
        receiver.send(lines(headed + message(1), message(2), b"\xef\xbb\xbf" + message(3)))
        receiver.send(lines(b"<134>1 2026-03-01T10:00:00Z h a - - - " + message(4)))
        ran = receiver.ended()
    assert ran.code == 0
    found = json.loads(ran.out)
    assert (found["headless"], found["faulty"]) == (2, 0)


def test_it_waits_for_its_senders_to_close_so_that_they_get_their_receipt():
    with Receiver(*TCP, "--count", 1, "--timeout", 30) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.ports[0]), timeout=60) as sock:
            sock.sendall(lines(message(1)))
            assert not select.select([sock], [], [], 1)[0]  # it has what it wants, and waits
            sock.sendall(lines(message(2)))
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(1) == b""
        ran = receiver.ended()
    assert ran.code == 0
    assert ran.err.startswith("2 messages ")


def test_fewer_than_asked_for_at_the_timeout_is_exit_code_3():
    with Receiver(*TCP, "--count", 5, "--timeout", 1.5) as receiver:
        receiver.send(lines(message(1)))
        ran = receiver.ended()
    assert ran.code == 3
    assert ran.err.endswith("1 of 5 different events came\n")


def test_a_timeout_alone_is_a_good_end():
    with Receiver(*TCP, "--timeout", 0.5) as receiver:
        assert receiver.ended().code == 0


def test_missing_numbers_are_exit_code_3():
    found = [message(number) for number in (1, 2, 5, 3, 9)]
    with Receiver(*TCP, "--count", 5) as receiver:
        receiver.send(lines(*found))
        ran = receiver.ended()
    assert ran.code == 3
    assert "  KubeArmorSeq 1 to 9: 4 missing (4, 6 to 8)\n" in ran.err


def test_each_fault_is_told_a_few_times_and_counted_always():
    wrong = b"CEF:0|Accuknox|Kubearmor|1.0|Kubearmor Event|Alert|uid=0 Alert=a:b\x1b[31m"
    with Receiver(*TCP, "--count", 9) as receiver:
        receiver.send(lines(message(1), *[wrong] * 8))
        ran = receiver.ended()
    told = [line for line in ran.err.splitlines() if ", message " in line]
    shown = "    CEF:0|Accuknox|Kubearmor|1.0|Kubearmor Event|Alert|uid=0 Alert=a:b<U+001B>[31m"
    assert ran.code == 3
    assert len(told) == 5
    assert re.sub(r":\d+,", ",", told[0]) == (
        "tcp 127.0.0.1, message 2: position 67: a raw control character U+001B. A message has it "
        "escaped or not at all."
    )
    assert told[4].endswith(" (more of these are only counted)")
    assert ran.err.count(shown) == 5
    assert "  8 x position …: a raw control character U+001B. A message has it" in ran.err
    assert "\x1b" not in ran.err


def test_quiet_tells_the_summary_only():
    with Receiver(*TCP, "--timeout", 20, listeners=1) as loud:
        port = loud.ports[0]
        loud.signal(signal.SIGTERM)
        loud.ended()
    words = ["--listen", f"tcp://127.0.0.1:{port}", "--quiet", "--count", "2"]
    with Receiver(*words, listeners=0) as receiver:
        receiver.ports = [port]
        for _ in range(200):
            with contextlib.suppress(ConnectionRefusedError):
                receiver.send(lines(b"nonsense", message(1)))
                break
            select.select([], [], [], 0.05)
        ran = receiver.ended()
    assert ran.code == 3
    assert ran.err.startswith("2 messages ")


def test_messages_go_to_a_file_one_a_line(tmp_path):
    target = tmp_path / "messages"
    with_line_feed = message(2).replace(b"Block", b"Bl\nock")
    with Receiver(*TCP, "--count", 2, "-o", target) as receiver:
        receiver.send(b"%d %b" % (len(message(1)), message(1)) + b"%d %b" % (len(with_line_feed), with_line_feed))  # fmt: skip
        assert target.read_bytes() == lines(message(1), with_line_feed.replace(b"\n", b"\\n"))
        assert receiver.ended().code == 3
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_second_one_that_cannot_listen_leaves_the_file_of_the_first_alone(tmp_path):
    target = tmp_path / "messages"
    target.write_bytes(b"of a run before\n")
    with Receiver(*TCP, "-o", target) as receiver:
        receiver.send(lines(message(1)))
        words = ["--listen", f"tcp://127.0.0.1:{receiver.ports[0]}", "-o", str(target)]
        second = commands.run(
            [COMMAND, "receive", *words], check=False, capture_output=True, timeout=30
        )
        assert second.returncode == 1
        assert second.stderr.endswith(b": address already in use.\n")
        assert target.read_bytes() == lines(message(1))


def test_a_run_without_messages_leaves_an_empty_file(tmp_path):
    target = tmp_path / "messages"
    target.write_bytes(b"of a run before\n")
    with Receiver(*TCP, "-o", target, "--timeout", 0.3) as receiver:
        assert receiver.ended().code == 0
    assert target.read_bytes() == b""


def test_messages_go_to_stdout_and_the_summary_to_stderr():
    with Receiver(*TCP, "--count", 2, "-o", "-") as receiver:
        receiver.send(lines(message(1), message(2)))
        ran = receiver.ended()
    assert ran.out == lines(message(1), message(2))
    assert ran.err.startswith("2 messages ")


def test_a_reader_that_goes_away_ends_it_without_a_word():
    with Receiver(*TCP, "-o", "-") as receiver:
        receiver._process.stdout.close()  # noqa: SLF001 - the reader goes
        receiver._process.stdout = None  # noqa: SLF001
        with contextlib.suppress(ConnectionError):
            receiver.send(lines(message(1)))
        ran = receiver.ended()
    assert (ran.code, ran.err) == (141, "")


def test_a_full_disk_ends_it_and_the_sender_gets_no_receipt():
    with Receiver(*TCP, "-o", "/dev/full") as receiver:
        with socket.create_connection(("127.0.0.1", receiver.ports[0]), timeout=60) as sock:
            sock.sendall(lines(message(1)))
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
        ran = receiver.ended()
    assert ran.code == 1
    assert ran.err.endswith("cef-bridge: cannot write to /dev/full: No space left on device\n")


def test_json_is_one_object_on_stdout():
    with Receiver(*TCP, "--count", 3, "--json") as receiver:
        receiver.send(lines(message(1), message(3), message(3), b"nonsense \x1b"))
        ran = receiver.ended()
    assert ran.code == 3
    (line,) = ran.messages
    told = json.loads(line)
    assert told["messages"] == 4
    assert (told["distinct"], told["duplicates"], told["missing"], told["faulty"]) == (3, 1, 1, 1)
    assert told["queues"][""] == {
        "first": 1,
        "last": 3,
        "missing": 1,
        "repeated": 1,
        "gaps": [[2, 2]],
    }
    assert told["listeners"] == [f"tcp://127.0.0.1:{receiver.ports[0]}"]
    assert told["transports"] == {"tcp": 4}
    assert told["senders"][0]["framing"] == "lf"
    assert "different" not in ran.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_it_with_a_summary(number, code):
    with Receiver(*TCP) as receiver:
        receiver.send(lines(message(1)))
        receiver.signal(number)
        ran = receiver.ended()
    assert ran.code == code
    assert ran.err.startswith("1 message ")


def test_sigterm_does_not_hide_faults():
    with Receiver(*TCP) as receiver:
        receiver.send(lines(b"nonsense"))
        receiver.signal(signal.SIGTERM)
        assert receiver.ended().code == 3


def test_every_transport_at_once(tmp_path):
    authority = Authority(tmp_path)
    pair = authority.issue()
    words = [*TCP, "--listen", "udp://127.0.0.1:0", "--count", 3]
    words += ["--listen", f"tls://127.0.0.1:0?cert={pair.cert}&key={pair.key}"]
    context = ssl.create_default_context(cafile=authority.ca)
    with Receiver(*words, listeners=3) as receiver:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.sendto(message(1), ("127.0.0.1", receiver.ports[1]))
        with (
            socket.create_connection(("127.0.0.1", receiver.ports[2]), timeout=60) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as sock,
        ):
            sock.sendall(b"%d %b" % (len(message(2)), message(2)))
            sock.unwrap()
        receiver.send(lines(message(3)))
        ran = receiver.ended()
    assert ran.code == 0
    assert sorted(re.sub(r":\d+", "", ran.err).splitlines()[1:]) == [
        f"  3 {HEADLESS}",
        "  KubeArmorSeq 1 to 3: none is missing",
        "  tcp 127.0.0.1 (lf): 1 message, ended",
        "  tls 127.0.0.1 (octet-counting): 1 message, ended",
        "  udp 127.0.0.1 (datagram): 1 message",
    ]


def test_counting_alone_tells_no_faults():
    with Receiver(*TCP, "--no-check", "--count", 2) as receiver:
        receiver.send(lines(b"nonsense", message(1)))
        assert receiver.ended().code == 0


def test_limits_can_be_moved():
    long = message(1, msg="x" * 9000, src="2001:db8::1")
    with Receiver(*TCP, "--max-bytes", 20_000, "--count", 1) as receiver:
        receiver.send(lines(long))
        assert receiver.ended().code == 3  # msg has 1023 characters at most
    with Receiver(*TCP, "--max-bytes", 50, "--no-ipv6", "--count", 1) as receiver:
        receiver.send(lines(message(1, src="2001:db8::1")))
        ran = receiver.ended()
    assert "1 x the message has … bytes. Expected 50 at most." in ran.err
    assert '1 x src is "…". Expected an IPv4 address.' in ran.err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ((), 2, "Missing option '--listen'"),
        (("--listen", "5514"), 2, 'cannot listen on "5514": expected udp://, tcp:// or tls://'),
        ((*TCP, "--json", "-o", "-"), 2, "standard output takes the messages or the summary."),
        ((*TCP, "-o", "/no/such/place"), 1, "cannot write /no/such/place: no such file or directory."),
        (("--listen", "tcp://192.0.2.1:0"), 1, "cannot listen on tcp://192.0.2.1:0: cannot assign"),
    ],
)  # fmt: skip
def test_wrong_use_is_named(words, code, sentence):
    done = commands.run([COMMAND, "receive", *words], check=False, capture_output=True, timeout=30)
    assert done.returncode == code
    assert sentence in plain(done.stderr.decode())


def test_a_pipe_hears_now_and_then_that_messages_come():
    evil = message(3, msg="\x1b[31mred")
    with Receiver(*TCP, "--no-check", "--count", 4, "--timeout", 100) as receiver:
        receiver.send(lines(message(1), message(1), message(2)))
        receiver.send(lines(evil))
        line = receiver.heard()
        receiver.send(lines(message(4)))
        ran = receiver.ended()
    assert re.fullmatch(
        r"[\d,]+/s, 4 messages: 3 different, 1 duplicate, 0 with faults; last: CEF:0\|.*\n", line
    )
    assert "\x1b" not in line
    assert ran.code == 0
    assert ran.err.startswith("5 messages (")


def test_a_terminal_has_a_line_that_changes_and_the_last_message_in_short():
    with Terminal("receive", "--listen", "tcp://127.0.0.1:0", columns=80) as seen:
        shown = seen.until(lambda it: "no message yet" in it)
        port = int(re.search(r"listening on tcp://127\.0\.0\.1:(\d+)", shown)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
            sock.sendall(lines(message(1), message(1), message(2, msg="\x1b[2J" + "x" * 200)))
            seen.until(lambda it: "3 messages: 2 different, 1 duplicate, 1 with faults" in it)
            shown = seen.until(lambda it: re.search(r"^last: CEF:0\|KubeArmor\|", it, re.MULTILINE))
        assert "no message yet" not in shown
        assert shown.index("control character") < shown.index("last: ")
        assert seen.end(signal.SIGTERM) == 3
        assert "\x1b[2J" not in seen.raw
        assert "last: " not in seen.shows()
        assert "3 messages (" in seen.shows()
