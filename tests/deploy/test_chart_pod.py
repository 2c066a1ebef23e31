"""What the chart's pods run is run: the rendered pod, in the image, against a collector outside.

Needs an image that stands in buildah's storage and is named by $CEF_BRIDGE_IMAGE, root, runc and
helm: `.ci/run` runs it after it has built the image. A kubelet's part is played here: volumes of
ConfigMaps and Secrets, the pod's user, an init container, probes, SIGTERM and its time limit.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import brokers
import pytest
import yaml
from certificates import Authority
from commands import COMMAND
from hec_server import TOKEN, HecServer
from kubelet_volumes import Volume
from noida import Noida
from relay_server import RelayServer, kind_of
from tools import CHART, ROOT, run
from waiting import PATIENCE, until

from cef_bridge.collector.collector import Collector
from cef_bridge.generator import events

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = os.environ.get("CEF_BRIDGE_IMAGE", "")
HOST = "127.0.0.1"
LINES = list(events(300, seed=15))

pytestmark = pytest.mark.skipif(not IMAGE, reason="$CEF_BRIDGE_IMAGE names no image")


class Pod:
    """The pod of a mode's example, with `values` over it, and what a kubelet would mount into it."""

    def __init__(self, folder: Path, mode: str, values: dict, secrets: dict) -> None:
        self.folder = folder
        self.port = brokers.free_port()
        folder.mkdir(mode=0o755)
        own = folder / "values.yaml"
        repository, _, tag = IMAGE.rpartition(":")
        image = {"repository": repository, "tag": tag, "digest": ""}
        metrics = {"address": f"{HOST}:{self.port}"}
        example = yaml.safe_load((CHART / "ci" / f"{mode}-values.yaml").read_text("utf-8"))
        own.write_text(yaml.safe_dump({**example, "image": image, "metrics": metrics, **values}))
        words = ("--namespace", "kubearmor", "--values", own)
        made = run("helm", "template", "it", CHART, *words).stdout
        found = [it for it in yaml.safe_load_all(made) if it]
        kind = "DaemonSet" if mode == "node" else "Deployment"
        self.spec = next(it for it in found if it["kind"] == kind)["spec"]["template"]["spec"]
        (self.container,) = self.spec["containers"]
        self.maps = {
            it["metadata"]["name"]: it["data"] for it in found if it["kind"] == "ConfigMap"
        }
        self.user = self.spec["securityContext"]["runAsUser"]
        self.config: Volume | None = None
        self.volumes = {it["name"]: self._mounted(it, secrets) for it in self.spec["volumes"]}
        self._process: subprocess.Popen[bytes] | None = None

    def _mounted(self, volume: dict, secrets: dict) -> Path | None:
        """Make a volume's folder, as its kind says; None: a tmpfs that the runner has anyhow."""
        place = self.folder / volume["name"]
        if "configMap" in volume:
            self.config = Volume(place, self.maps[volume["configMap"]["name"]])
        elif "secret" in volume:
            Volume(place, secrets[volume["secret"]["secretName"]])
            for file in place.glob("..20*/*"):
                file.chmod(volume["secret"]["defaultMode"])
                os.chown(file, 0, self.spec["securityContext"]["fsGroup"])
        elif volume["name"] == "tmp":
            return None
        else:
            place.mkdir()
            if "hostPath" in volume:  # root's, until the init container has been there
                place.chmod(0o755)
            else:
                os.chown(place, 0, self.spec["securityContext"]["fsGroup"])
                place.chmod(0o2775)
        return place

    def _words(self, container: dict) -> list[str]:
        """Return the runner's command line for a container of the pod."""
        assert container["image"] == IMAGE
        secured = container["securityContext"]
        assert secured["readOnlyRootFilesystem"]
        user = secured.get("runAsUser", self.user)
        words = [sys.executable, str(ROOT / "deploy" / "image" / "run.py"), "--user", str(user)]
        for capability in secured["capabilities"].get("add", ()):
            words += ["--capability", capability]
        for it in container["volumeMounts"]:
            place = self.volumes[it["name"]]
            if place is not None:
                words += [
                    "--volume",
                    f"{place}:{it['mountPath']}" + ":ro" * it.get("readOnly", False),
                ]
        for it in container.get("env", ()):
            words += ["--env", it["name"]]
        return [*words, "--entrypoint", container["command"][0], IMAGE, *container["command"][1:]]

    def _env(self, container: dict) -> dict[str, str]:
        given = {}
        for it in container.get("env", ()):
            assert it["valueFrom"] == {"fieldRef": {"fieldPath": "status.hostIP"}}
            given[it["name"]] = HOST
        return {**os.environ, **given}

    def __enter__(self):
        for container in self.spec.get("initContainers", ()):
            subprocess.run(
                [*self._words(container), *container.get("args", ())], check=True, timeout=PATIENCE
            )
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*self._words(self.container), *self.container["args"]],
                env=self._env(self.container),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until(lambda: self._process.poll() is not None or self.probe("livenessProbe") == 200)
        assert self._process.poll() is None, self.log()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE)

    def probe(self, name: str) -> int:
        """Return the status that a probe of the container gets, 0 without an answer."""
        asked = self.container[name]["httpGet"]
        ports = {it["name"]: it["containerPort"] for it in self.container["ports"]}
        assert ports[asked["port"]] == self.port
        url = f"http://{HOST}:{self.port}{asked['path']}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def stop(self) -> int:
        """End it as a kubelet does; returns the exit code."""
        self._process.send_signal(signal.SIGTERM)
        limit = self.spec["terminationGracePeriodSeconds"]
        return self._process.wait(limit + PATIENCE)


def ids(lines) -> set[str]:
    """Return the event ids of messages."""
    texts = (it.decode() if isinstance(it, bytes) else it for it in lines)
    return {it.partition("externalId=")[2].partition(" ")[0] for it in texts}


def expected(mapping: str, kind: str = "") -> set[str]:
    """Return the event ids of what `convert` makes of the same events, or those of a kind."""
    words = [COMMAND, "convert", "-m", mapping]
    done = subprocess.run(words, input=b"".join(LINES), capture_output=True, check=True)
    return ids(it for it in done.stdout.decode().splitlines() if f"|{kind}" in it)


def send(relay: RelayServer, lines) -> None:
    relay.wait_for("alerts", "logs")
    for line in lines:
        event = json.loads(line)
        relay.send(kind_of(event), event)


def test_a_pod_at_the_relay_delivers_by_tls_and_takes_a_changed_config_map(tmp_path):
    ca = Authority(tmp_path / "pki")
    client, server = ca.issue(client=True), ca.issue()
    secure = f"tls://127.0.0.1:0?cert={server.cert}&key={server.key}&client_ca={ca.ca}"
    files = {
        "ca.crt": ca.ca.read_bytes(),
        "tls.crt": client.cert.read_bytes(),
        "tls.key": client.key.read_bytes(),
    }
    with Collector([secure], keep=10_000, rules=None) as siem, RelayServer() as relay:
        at = "/run/secrets/siem-tls"
        destination = {
            "name": "siem",
            "to": f"tls://{HOST}:{siem.addresses[0][1]}",
            "mapping": "acme.yaml",
            "ca": f"{at}/ca.crt",
            "cert": f"{at}/tls.crt",
            "key": f"{at}/tls.key",
        }
        values = {
            "relay": {"address": f"{HOST}:{relay.port}"},
            "destinations": [destination],
            "heartbeat": "",
        }
        with Pod(tmp_path / "pod", "relay", values, {"siem-tls": files}) as pod:
            send(relay, LINES)
            until(lambda: ids(siem.messages) >= expected("splunk"), what="all events")
            assert pod.probe("readinessProbe") == 200
            assert b"cs6=prod-eu-1 " in siem.messages[-1]

            changed = pod.maps["it-cef-bridge"]
            changed["acme.yaml"] = changed["acme.yaml"].replace("prod-eu-1", "prod-eu-2")
            pod.config.write(changed)

            def taken() -> bool:
                send(relay, LINES[:1])
                return any(b"cs6=prod-eu-2 " in it for it in siem.messages)

            until(taken, what="the changed mapping")
            assert pod.stop() == 0, pod.log()
    assert expected("splunk") == ids(siem.messages)


def test_a_pod_at_a_node_delivers_to_splunk_from_a_queue_on_the_host(tmp_path):
    ca = Authority(tmp_path / "pki")
    files = {"ca.crt": ca.ca.read_bytes(), "token": TOKEN.encode() + b"\n"}
    with HecServer(ca.issue()) as splunk, RelayServer() as kubearmor:

        def arrived() -> set[str]:
            return ids(it["event"] for request in splunk.taken for it in request)

        destination = {
            "name": "splunk",
            "to": f"splunk-hec://{HOST}:{splunk.port}",
            "mapping": "splunk",
            "token": "file:/run/secrets/hec/token",
            "ca": "/run/secrets/hec/ca.crt",
        }
        values = {
            "node": {"port": kubearmor.port},
            "destinations": [destination],
            "heartbeat": "",
        }
        with Pod(tmp_path / "pod", "node", values, {"hec": files}) as pod:
            assert pod.volumes["queue"].stat().st_uid == pod.user
            send(kubearmor, LINES)
            until(lambda: arrived() >= expected("splunk"), what="all events")
            assert pod.probe("readinessProbe") == 200
            assert pod.stop() == 0, pod.log()
        assert expected("splunk") == arrived()
        assert [it for it in pod.volumes["queue"].rglob("*") if it.stat().st_mode & 0o077] == []


def test_a_pod_at_kafka_delivers_each_event_to_both_destinations(tmp_path):
    with (
        brokers.noida(tmp_path / "kafka") as broker,
        Noida(tmp_path / "es") as elastic,
        Collector(["tcp://127.0.0.1:0"], keep=10_000, rules=None) as archive,
    ):
        topics = brokers.Topics(broker.port)
        topics.create("kubearmor")
        topics.send("kubearmor", LINES)
        destinations = [
            {
                "name": "elastic",
                "to": f"elasticsearch://{HOST}:{elastic.port}/logs-cef.log-default?tls=no",
                "mapping": "elastic",
            },
            {
                "name": "archive",
                "to": f"tcp://{HOST}:{archive.addresses[0][1]}",
                "mapping": "kubearmor-cef",
                "when": {"event.kind": "alert"},
            },
        ]
        values = {
            "kafka": {"brokers": [f"{HOST}:{broker.port}"], "topics": ["kubearmor"]},
            "destinations": destinations,
            "secrets": [],
            "env": [],
            "heartbeat": "",
        }
        with Pod(tmp_path / "pod", "kafka", values, {}) as pod:
            wanted = expected("kubearmor-cef", "alert.")
            assert len(wanted) > 10
            until(lambda: ids(archive.messages) >= wanted, what="all alerts")
            everything = len(expected("elastic"))

            def arrived() -> bool:
                with contextlib.suppress(urllib.error.HTTPError):  # there is no index yet
                    return elastic.count("logs-cef.log-default") >= everything
                return False

            until(arrived, what="all events")
            assert pod.stop() == 0, pod.log()
        assert ids(archive.messages) == wanted
        assert elastic.count("logs-cef.log-default") == everything
