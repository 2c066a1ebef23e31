"""What an event costs that somebody made to be expensive, beside an ordinary one, a byte.

Each kind of hostile event comes twice: with so many characters that an attacker chose, and with
eight times as many. Time is the thread's own, so that other programs do not count. The ratios are
to generated events, each converted on its own, too. A cost that
grows with the square of the size shows as a second ratio that is eight times the first.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import orjson

from cef_bridge.engine.line_loop import LineLoop, Options
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.generator import events
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.sources.records.units import Block

if TYPE_CHECKING:
    from collections.abc import Callable

FACTOR = 8
_ORDINARY = 200
EVENT: dict[str, object] = {
    "Timestamp": 1772366400,
    "UpdatedTime": "2026-03-01T12:00:00.000447Z",
    "ClusterName": "default",
    "HostName": "node-1",
    "NamespaceName": "shop",
    "PodName": "web-1",
    "Labels": "app=shop",
    "ContainerID": "a" * 64,
    "ContainerName": "web",
    "HostPPID": 1,
    "HostPID": 2,
    "PPID": 3,
    "PID": 4,
    "UID": 0,
    "ParentProcessName": "/bin/sh",
    "ProcessName": "/bin/cat",
    "PolicyName": "deny-cat",
    "Severity": "7",
    "Type": "MatchedPolicy",
    "Source": "/bin/sh",
    "Operation": "Process",
    "Resource": "/bin/cat x",
    "Data": "syscall=SYS_EXECVE",
    "Enforcer": "BPFLSM",
    "Action": "Block",
    "Result": "Permission denied",
}
_CONNECT = {"Operation": "Network", "Data": "syscall=SYS_CONNECT fd=1"}
_TCP = {"Operation": "Network", "Data": "kprobe=tcp_connect domain=AF_INET"}


def _words(word: str, number: int) -> dict[str, str]:
    return {f"{word}{index}": "v" for index in range(number)}


def _joined(word: str, number: int) -> str:
    return ",".join(f"{word}{index}" for index in range(number))


def _punctuated(number: int, prefix: str = "F") -> dict[str, str]:
    """Return names that differ in what is left out of a key: each needs a number of its own."""
    marks = [format(index, "b").replace("0", ".").replace("1", "_") for index in range(number)]
    return {f"{prefix}{mark}": f"v{index}" for index, mark in enumerate(marks)}


# What is changed in an event, by about so many characters of JSON.
KINDS: dict[str, Callable[[int], dict[str, object]]] = {
    "control characters as arguments": lambda n: {"Resource": "/bin/cat " + "\x01" * (n // 6)},
    "control characters in Source": lambda n: {"Source": "/bin/sh " + "\x01" * (n // 6)},
    "control characters in a path": lambda n: {"Operation": "File", "Resource": "\x01" * (n // 6)},
    "control characters in Labels": lambda n: {"Labels": "\x01" * (n // 6)},
    "control characters in Message": lambda n: {"Message": "\x01" * (n // 6)},
    "control characters in HostName": lambda n: {"HostName": "\x01" * (n // 6)},
    "control characters in a new field": lambda n: {"Brand": "\x01" * (n // 6)},
    "every other one a control character": lambda n: {"Resource": "/bin/cat " + "\x01a" * (n // 7)},
    "reading order turned": lambda n: {"Resource": "/bin/cat " + "\u202e" * (n // 3)},
    "line breaks": lambda n: {"Resource": "/bin/cat " + "\n" * (n // 2)},
    "backslashes": lambda n: {"Resource": "/bin/cat " + "\\" * (n // 2)},
    "equals signs": lambda n: {"Resource": "/bin/cat " + "=" * n},
    "forged headers": lambda n: {"Resource": "/bin/cat " + "CEF:0|" * (n // 6)},
    "delimiters": lambda n: {"Resource": "^" * n, "Source": "|" * n},
    "spaces": lambda n: {"Resource": " " * n, "Source": "\u2003" * (n // 3)},
    "slashes": lambda n: {"Resource": "/" * n, "ProcessName": "/a" + "/" * n},
    "other scripts": lambda n: {"Resource": "/bin/cat " + "\u00df\U0001f6e1" * (n // 6)},
    "secrets": lambda n: {"Resource": "/bin/cat " + "--password " * (n // 11)},
    "private keys": lambda n: {"Resource": "-----BEGIN PRIVATE KEY-----" * (n // 27)},
    "user names in URLs": lambda n: {"Resource": "/bin/cat " + "://a:b" * (n // 6)},
    "labels": lambda n: {"Labels": ",".join(f"k{index}=v" for index in range(n // 8))},
    "tags": lambda n: {"Tags": _joined("t", n // 8)},
    "techniques": lambda n: {"Tags": _joined("T1", n // 8), "ATags": _joined("T2", 9).split(",")},
    "MITRE tags": lambda n: {"ATags": _joined("MITRE", n // 12).split(",")},
    "commas": lambda n: {"Tags": "," * n, "Labels": "," * n},
    "fields": lambda n: _words("F", n // 10),
    "fields without letters": lambda n: _punctuated(n // 20),
    "fields in other spellings": lambda n: {"hostname": "x", "TYPE": "y", **_words("f", n // 10)},
    "fields named as ours are derived": lambda n: _punctuated(n // 25, "event."),
    "fields of maps beside them": lambda n: _words("Owner.f", n // 14),
    "maps": lambda n: {"Foo": {f"F{index}": {"a": [1, {"b": 2}]} for index in range(n // 25)}},
    "Owner": lambda n: {"Owner": _words("F", n // 10)},
    "ExecEvent": lambda n: {"ExecEvent": _words("F", n // 10)},
    "EventData": lambda n: {"EventData": _words("K", n // 11)},
    "EventData in small letters": lambda n: {"EventData": _words("k", n // 11)},
    "EventData beside Data": lambda n: {
        "EventData": _words("K", n // 22),
        "Data": "syscall=SYS_X " + "a" * (n // 2),
    },
    "tokens of Data": lambda n: {"Data": "syscall=SYS_X " + "fd=1 flags=2 " * (n // 13)},
    "tokens of a hook": lambda n: {"Data": "lsm=X " + "domain=1 type=2 " * (n // 16)},
    "tokens of a DNS query": lambda n: {
        "Operation": "Network",
        "Data": "kfunc=UDP_SENDMSG,domain=" + "x,domain=" * (n // 9),
    },
    "tokens of a socket": lambda n: {**_TCP, "Resource": "remoteip=" + "port=1 " * (n // 7)},
    "path of a socket": lambda n: {
        **_CONNECT,
        "Resource": "sa_family=AF_UNIX sun_path=/" + "\x01" * (n // 6),
    },
    "long address": lambda n: {**_CONNECT, "Resource": "sa_family=AF_INET6 sin_addr=" + "1:" * n},
    "image": lambda n: {"ContainerImage": "a:@" * (n // 3)},
    "digits": lambda n: {"Severity": "1" * n, "HostPID": "1" * n, "UpdatedTime": "2" * n},
}


def lines(characters: int) -> dict[str, bytes]:
    """Return a line of each kind of hostile event, with about so many characters chosen."""
    return {name: orjson.dumps({**EVENT, **make(characters)}) for name, make in KINDS.items()}


def cost(machine: MappingEngine, line: bytes, rounds: int = 3, enough: float = 0) -> float:
    """Return the microseconds a byte that a line costs, of the thread's time: the best of some.

    What costs less than `enough` is not measured again.
    """
    best = float("inf")
    for _ in range(rounds):
        found: list[bytes] = []
        loop = LineLoop(machine, found, found, lambda _: None, Options())
        loop.begin("costs")
        block = Block([line], 1, 0, 0, single=True)
        started = time.thread_time_ns()
        loop.block(block)
        best = min(best, time.thread_time_ns() - started)
        if best / 1000 / len(line) < enough:
            break
    return best / 1000 / len(line)


def ordinary(machine: MappingEngine) -> float:
    """Return the microseconds a byte of generated events, each converted on its own."""
    some = [line.rstrip() for line in events(_ORDINARY, seed=5)]
    total = sum(cost(machine, line, 2) * len(line) for line in some)
    return total / sum(map(len, some))


def machine_of(mapping: str, compare_every: int = 0) -> MappingEngine:
    """Return the machine of a mapping's name or path, with its own syslog header."""
    loaded = load(mapping, env={})
    return MappingEngine(
        Converter(loaded, syslog_header=loaded.envelope.syslog_header), compare_every
    )


def main() -> None:
    """Print a row for each kind of event, the most expensive first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-m", "--mapping", default="splunk")
    parser.add_argument("--characters", type=int, default=8000)
    options = parser.parse_args()
    machine = machine_of(options.mapping)
    usual = ordinary(machine)
    sizes = (options.characters, FACTOR * options.characters)
    small, large = (lines(size) for size in sizes)
    rows = [
        (cost(machine, small[name]) / usual, cost(machine, large[name], 1) / usual, name)
        for name in KINDS
    ]
    print(f"an ordinary event: {usual:.3f} us a byte")
    print(f"times that, with {sizes[0]:,} and {sizes[1]:,} characters of an attacker:")
    for before, after, name in sorted(rows, key=lambda row: -max(row[:2])):
        print(f"{before:8.2f} {after:8.2f}  {name}")


if __name__ == "__main__":
    main()
