"""A forwarder that Prometheus scrapes: sources of each kind, a destination that is up and one that is not.

    with watched(folder) as it:
        it.feed(500)
        it.until(lambda: it.ask("cef_bridge_up"))

`python tests/deploy/watched.py PICTURE.svg` lets it run for a minute and a half, with a collector
that is away for a part of it, and has deploy/grafana/picture.py draw the dashboard.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import brokers
import orjson
import yaml
from certificates import Authority
from commands import COMMAND
from relay_server import RelayServer, kind_of
from tools import DEPLOY, tool

from cef_bridge.collector.collector import Collector
from cef_bridge.generator import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 120.0
SCRAPE = 1.0
_TOPIC = "kubearmor"
_WRONG = b'{"Operation":"File","Resource":"/etc/pass\n'


class Watched:
    """What runs; made by `watched`."""

    def __init__(self, folder: Path, siem: Collector, relay: RelayServer, topics: Any) -> None:
        self.folder = folder
        self.siem = siem
        self.prometheus = f"http://127.0.0.1:{brokers.free_port()}"
        self.began = time.time()
        self._relay = relay
        self._topics = topics
        self._seed = 0

    def feed(self, count: int) -> None:
        """Bring so many events: half by the file, a quarter each by the relay and by Kafka."""
        self._seed += 1
        lines = list(events(count, seed=self._seed))
        with (self.folder / "ka.log").open("ab") as file:
            file.writelines(lines[: count // 2])
        for line in lines[count // 2 : count * 3 // 4]:
            event = orjson.loads(line)
            self._relay.send(kind_of(event), event)
        self._topics.send(_TOPIC, lines[count * 3 // 4 :])

    def spoil(self) -> None:
        """Bring a record that cannot be converted."""
        with (self.folder / "ka.log").open("ab") as file:
            file.write(_WRONG)

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Return what Prometheus says to a query now."""
        return self.call("query", query=query)["result"]

    def call(self, path: str, **words: object) -> Any:
        """Return what Prometheus' API answers."""
        url = f"{self.prometheus}/api/v1/{path}?{urllib.parse.urlencode(words)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - ours
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{words}: {error.read().decode()}") from error

    @staticmethod
    def until(condition: Callable[[], object]) -> None:
        """Wait until it holds."""
        end = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError):
                if condition():
                    return
            assert time.monotonic() < end, "it did not come"
            time.sleep(0.1)


@contextlib.contextmanager
def watched(folder: Path, *, up_for_both: bool = False) -> Iterator[Watched]:
    """Run all of it. `up_for_both`: the second destination is the same collector by another port."""
    ca = Authority(folder / "pki")
    client, server = ca.issue(client=True, days=40), ca.issue()
    secure = f"tls://127.0.0.1:0?cert={server.cert}&key={server.key}&client_ca={ca.ca}"
    with contextlib.ExitStack() as stack:
        siem = stack.enter_context(
            Collector(["tcp://127.0.0.1:0", secure], keep=1_000_000, rules=None)
        )
        relay = stack.enter_context(RelayServer())
        broker = stack.enter_context(brokers.mock())
        topics = brokers.Topics(broker)
        topics.send(_TOPIC, [])
        it = Watched(folder, siem, relay, topics)
        metrics = brokers.free_port()
        down = siem.urls[1].partition("?")[0] if up_for_both else "tls://127.0.0.1:1"
        host, port = relay.address
        config = {
            "queue": str(folder / "q"),
            "metrics": f"127.0.0.1:{metrics}",
            "heartbeat": "5s",
            "watch": True,
            "sources": [
                {"from": str(folder / "ka.log"), "name": "log"},
                {"from": f"kubearmor://{host}:{port}", "name": "relay"},
                {"from": f"kafka://127.0.0.1:{broker}/{_TOPIC}", "group": "g", "name": "kafka"},
            ],
            "destinations": [
                {"name": "splunk", "to": siem.urls[0], "mapping": "splunk"}
                | {"confirm_interval": "1s"},
                {"name": "archive", "to": down, "mapping": "kubearmor-cef", "queue_limit": "1M"}
                | {"syslog_header": "rfc5424", "when_full": "drop_oldest", "ca": str(ca.ca)}
                | {"cert": str(client.cert), "key": str(client.key), "confirm_interval": "1s"}
                | ({"queue_limit": "64M"} if up_for_both else {}),
            ],
        }
        (folder / "ka.log").touch()
        (folder / "forward.yaml").write_text(yaml.safe_dump(config))
        scrape = {
            "global": {"scrape_interval": f"{SCRAPE:g}s", "evaluation_interval": "1s"},
            "rule_files": [str(DEPLOY / "prometheus" / "cef-bridge.rules.yml")],
            "scrape_configs": [
                {
                    "job_name": "cef-bridge",
                    "static_configs": [{"targets": [f"127.0.0.1:{metrics}"]}],
                }
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(scrape))
        address = it.prometheus.removeprefix("http://")
        for name, command in {
            "forward": [COMMAND, "forward", "--config", folder / "forward.yaml"],
            "prometheus": [
                tool("prometheus"),
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={address}",
            ],
        }.items():
            log = stack.enter_context((folder / f"{name}.txt").open("wb"))
            process = stack.enter_context(subprocess.Popen(command, stderr=log, stdout=log))
            stack.callback(process.kill)
        relay.wait_for("alerts", "logs")
        it.until(lambda: it.ask("cef_bridge_up == 1"))
        yield it


def _drama(it: Watched) -> None:
    """Run for a minute and a half: the collector is away, a record is wrong, a file changes."""
    end = it.began + 90
    config = it.folder / "forward.yaml"
    away = changed = False
    while (now := time.time()) < end:
        it.feed(400 if int(now) % 30 < 15 else 240)
        passed = now - it.began
        if away != (25 < passed < 50):
            away = not away
            (it.siem.kill if away else it.siem.start)()
        if int(passed) % 9 == 0:
            it.spoil()
        if passed > 60 and not changed:
            changed = True
            config.write_text(config.read_text() + "\n")
        time.sleep(max(0.0, now + 0.5 - time.time()))


def _main(picture: Path) -> None:
    with tempfile.TemporaryDirectory() as name, watched(Path(name), up_for_both=True) as it:
        _drama(it)
        script = DEPLOY / "grafana" / "picture.py"
        words = [it.prometheus, str(it.began), str(time.time()), picture]
        subprocess.run([sys.executable, script, *words], check=True)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
