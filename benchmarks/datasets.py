"""Deterministic synthetic KubeArmor events: what a busy cluster's relay prints, one a line.

`python benchmarks/datasets.py COUNT [--set NAME]` writes them to standard output; without a set,
`[--seed N] [--pods N] [--novelty 0.03]` vary the telemetry of an older KubeArmor. The sets, of
1.6, are listed below, with what each is for; the same name and count give the same bytes on every
machine.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from busy import Mix, Policy, events, line
from forgeries import hostile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["SETS", "NamedSet", "events", "line", "write"]


def in_docker(bare: bytes) -> bytes:
    """Return a line as Docker's json-file has it."""
    log = json.dumps(bare.decode(), ensure_ascii=False)
    return f'{{"log":{log},"stream":"stdout","time":"{_LOGGED}"}}\n'.encode()


def in_cri(bare: bytes) -> bytes:
    """Return a line as the logs of containerd and CRI-O have it."""
    return f"{_LOGGED} stdout F ".encode() + bare


_LOGGED = "2026-03-01T12:00:00.123456789Z"


class NamedSet(NamedTuple):
    """A set of events; it has `share` as many as telemetry, so that all take about as long.

    `many`: it has so many, however many others have. `wrap` puts what stands around an event.
    """

    says: str
    make: Callable[[int], Iterator[dict[str, object]]]
    share: float = 1.0
    many: int | None = None
    wrap: Callable[[bytes], bytes] = bytes

    def count(self, asked: int) -> int:
        """Return how many events this set has when telemetry has `asked`."""
        return self.many or max(int(asked * self.share), 1)

    def lines(self, count: int) -> Iterator[bytes]:
        """Yield so many events as lines."""
        return (self.wrap(line(event)) for event in self.make(count))


def _policies() -> tuple[Policy, ...]:
    """Forty policies; a quarter says no severity, a third no message."""
    rng = Random(5)
    names = ["block", "audit", "deny", "protect", "restrict"]
    things = [
        "shell",
        "package-manager",
        "token",
        "cron",
        "ssh-keys",
        "raw-socket",
        "binaries",
        "logs",
    ]
    tags = ["NIST", "MITRE", "PCI_DSS", "CIS", "MITRE_T1036_masquerading", "MITRE_T1059_execution"]
    tags += ["MITRE_T1552_unsecured_credentials", "NIST_800-53_CM-7(4)", "ransomware", "egress"]
    return tuple(
        (
            f"{name}-{thing}",
            str(rng.randrange(1, 11)) if rng.random() < 0.75 else "",
            f"{thing} was used: see runbook {rng.randrange(900)}" if rng.random() < 0.67 else "",
            ",".join(rng.sample(tags, rng.randrange(5))),
        )
        for name in names
        for thing in things
    )


def _alerts(count: int) -> Iterator[dict[str, object]]:
    mix = Mix(alerts=0.85, novelty=0.05, alert_habits=1.0, policies=_policies())
    return _of_1_6(events(count, seed=8, mix=mix))


def _of_1_6(some: Iterator[dict[str, object]]) -> Iterator[dict[str, object]]:
    """Yield events as KubeArmor 1.6 writes them, with the fields that older versions have not."""
    for event in some:
        tokens = str(event["Data"]).split()
        if event["Operation"] == "Network":
            tokens += str(event["Resource"]).split()
        pairs = (token.split("=", 1) for token in tokens if "=" in token)
        data = {key[:1].upper() + key[1:]: value for key, value in pairs}
        event["EventData"] = dict(sorted(data.items()))
        event["ExecEvent"] = {"ExecID": "0", "ExecutableName": str(event["ProcessName"])[-15:]}
        event["NodeID"] = hashlib.sha256(str(event["HostName"]).encode()).hexdigest()[:32]
        if event.get("Enforcer") == "BPFLSM":
            event["KubeArmorVersion"] = "v1.6.18"
        yield event


_LONG = 16 * 1024


def _long_arguments(count: int) -> Iterator[dict[str, object]]:
    """A quarter have 16 KiB of arguments; half of those a start script's, half of their own."""
    rng = Random(9)
    scripts = [
        f"-cp {':'.join(f'/opt/app{n}/lib/{j:x}-{n * j}.jar' for j in range(900))}"
        for n in range(9)
    ]
    for event in _of_1_6(events(count, seed=9)):
        if rng.random() < 0.25:
            where = "Resource" if event["Operation"] == "Process" else "Source"
            words = rng.choice(scripts) if rng.random() < 0.5 else _payload(rng)
            event[where] = f"{event[where]} {words}"[:_LONG]
        yield event


def _payload(rng: Random) -> str:
    return "--data=" + base64.b64encode(rng.randbytes(_LONG)).decode()


def _telemetry(count: int) -> Iterator[dict[str, object]]:
    return _of_1_6(events(count))


def _never_seen(count: int) -> Iterator[dict[str, object]]:
    """Each event has a pod, arguments and, of an alert, a policy of its own."""
    for number, event in enumerate(events(count, seed=10, novelty=1.0)):
        own = hashlib.sha256(f"event {number}".encode()).hexdigest()
        for field, text in (
            ("PodName", f"-{own[:10]}"),
            ("PolicyName", f"-{own[10:20]}"),
            ("Source", f" --run={own[20:40]}"),
        ):
            if field in event:
                event[field] = f"{event[field]}{text}"
        yield from _of_1_6(iter([event]))


SETS = {
    "telemetry": NamedSet("300 pods, 8 % alerts, 3 % new", _telemetry),
    "alerts": NamedSet("85 % alerts of 40 policies, 5 % new", _alerts),
    "archive": NamedSet(
        "as telemetry, four times as many: one big file",
        lambda count: _of_1_6(events(count, seed=11)),
        4.0,
    ),
    "hostile": NamedSet("forgeries in every field that is chosen, all new", hostile, 0.5),
    "few-pods": NamedSet("30 pods", lambda count: _of_1_6(events(count, pods=30)), 0.5),
    "many-pods": NamedSet(
        "10,000 pods, each as busy",
        lambda count: _of_1_6(events(count, mix=Mix(pods=10_000, even=True))),
        0.5,
    ),
    "long-arguments": NamedSet("16 KiB of arguments in a quarter", _long_arguments, 0.25),
    "never-seen": NamedSet("each of its own pod, policy and arguments", _never_seen, 0.5),
    "docker": NamedSet("telemetry in Docker's json-file", _telemetry, 0.5, wrap=in_docker),
    "cri": NamedSet("telemetry in logs of CRI", _telemetry, 0.5, wrap=in_cri),
    "short": NamedSet("10,000 events of telemetry", _telemetry, many=10_000),
}


def write(path: Path, name: str, count: int) -> int:
    """Write a set to a file; return its bytes."""
    with path.open("wb") as file:
        file.writelines(SETS[name].lines(count))
        return file.tell()


def main() -> None:
    """Write events to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    says = "; ".join(f"{name}: {each.says}" for name, each in SETS.items())
    parser.add_argument("--set", choices=SETS, help=says.replace("%", "%%"))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--pods", type=int, default=300)
    parser.add_argument("--novelty", type=float, default=0.03)
    options = parser.parse_args()
    known = {"seed": options.seed, "pods": options.pods, "novelty": options.novelty}
    chosen = SETS.get(options.set, NamedSet("", lambda count: events(count, **known)))
    sys.stdout.buffer.writelines(chosen.lines(options.count))


if __name__ == "__main__":
    main()
