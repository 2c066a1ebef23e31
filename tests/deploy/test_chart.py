"""The Helm chart: each mode is valid for Kubernetes and for `forward --check`; wrong values are refused."""

from __future__ import annotations

import functools
import runpy
import subprocess

import pytest
import yaml
from certificates import Authority
from commands import COMMAND
from tools import CHART, DEPLOY, run

MODES = ("relay", "node", "kafka")
CUSTOM = {"PodMonitor", "PrometheusRule"}  # of Prometheus' operator, not of Kubernetes
GIVEN = ("--set", "image.repository=example.test/cef-bridge")
ONE = ("--set-json", 'destinations=[{"name":"siem","to":"tcp://siem:514","mapping":"splunk"}]')

KAFKA = "mode=kafka,kafka.brokers={b:9092},kafka.topics={t}"
LEAST = "kafka.autoscaling.minReplicas=9"


def template(*words, check=True):
    return run("helm", "template", "it", CHART, "--namespace", "kubearmor", *words, check=check)


@functools.cache
def rendered(*words):
    return [it for it in yaml.safe_load_all(template(*words).stdout) if it]


def of(mode, *words):
    """Return what the chart makes of a mode's example, by kind."""
    found = {}
    for one in rendered("--values", str(CHART / "ci" / f"{mode}-values.yaml"), *words):
        found.setdefault(one["kind"], []).append(one)
    return found


def only(found, kind):
    (one,) = found[kind]
    return one


def config_of(found):
    return next(it["data"] for it in found["ConfigMap"] if "forward.yaml" in it["data"])


@pytest.mark.parametrize("mode", [*MODES, None])
def test_lint_finds_nothing(mode):
    words = ("--values", CHART / "ci" / f"{mode}-values.yaml") if mode else ()
    assert "0 chart(s) failed" in run("helm", "lint", "--strict", CHART, *words).stdout


@pytest.mark.parametrize("version", ["1.25", "latest"])
@pytest.mark.parametrize("mode", MODES)
def test_each_mode_is_valid_for_kubernetes(mode, version):
    validate = pytest.importorskip("kubernetes_validate", reason="pip install -e '.[deploy]'")
    if version == "latest":
        version = validate.latest_version()
    found = of(mode)
    for kind, items in found.items():
        for item in items:
            assert item["metadata"]["namespace"] == "kubearmor"
            if kind not in CUSTOM:
                validate.validate(item, version, strict=True)
    kinds = {
        "relay": {"Deployment", "PersistentVolumeClaim", "NetworkPolicy"} | CUSTOM,
        "node": {"DaemonSet", "PodMonitor"},
        "kafka": {"Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget"},
    }[mode]
    assert set(found) == {"ConfigMap", "ServiceAccount", *kinds}


@pytest.mark.parametrize("mode", MODES)
def test_forward_takes_the_config_of_each_mode(mode, tmp_path):
    ca = Authority(tmp_path / "pki")
    client = ca.issue(client=True)
    files = {
        "ca.crt": ca.ca.read_bytes(),
        "tls.crt": client.cert.read_bytes(),
        "tls.key": client.key.read_bytes(),
        "token": b"12345678-1234-1234-1234-123456789012\n",
    }
    found = of(mode)
    pod = only(found, "DaemonSet" if mode == "node" else "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {it["mountPath"]: it["name"] for it in container["volumeMounts"]}
    for path in mounts:
        if path.startswith("/run/secrets/"):
            secret = tmp_path / "run" / "secrets" / path.rpartition("/")[2]
            secret.mkdir(parents=True)
            for name, content in files.items():
                (secret / name).write_bytes(content)
    (tmp_path / "etc").mkdir()
    for name, text in config_of(found).items():
        text = text.replace("/run/secrets/", f"{tmp_path}/run/secrets/")  # noqa: PLW2901
        text = text.replace("/var/lib/cef-bridge", f"{tmp_path}/q")  # noqa: PLW2901
        (tmp_path / "etc" / name).write_text(text)
    env = {it["name"]: "192.0.2.7" for it in container.get("env", ())}
    config = tmp_path / "etc" / "forward.yaml"
    assert container["command"] == ["cef-bridge"]
    assert container["args"] == ["forward", "--config", "/etc/cef-bridge/forward.yaml"]
    assert {"/etc/cef-bridge", "/var/lib/cef-bridge", "/tmp"} <= set(mounts)
    done = subprocess.run(
        [COMMAND, "forward", "--config", config, "--check"],
        env={"PATH": "/usr/bin", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = yaml.safe_load(config.read_text())
    assert said["watch"] is True
    assert (
        said["sources"][0]["from"]
        == {
            "relay": "kubearmor://kubearmor.kubearmor.svc:32767",
            "node": "kubearmor://${NODE_ADDRESS}:32767",
            "kafka": "kafka://broker-1.example.net:9093,broker-2.example.net:9093/kubearmor",
        }[mode]
    )


def test_relay_is_one_replica_that_leaves_its_volume_before_the_next_one_comes():
    spec = only(of("relay"), "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    pod = spec["template"]["spec"]
    assert {"name": "queue", "persistentVolumeClaim": {"claimName": "it-cef-bridge"}} in pod[
        "volumes"
    ]
    assert "annotations" not in spec["template"]["metadata"]  # no checksum: changes need no restart
    assert all("subPath" not in it for it in pod["containers"][0]["volumeMounts"])
    assert pod["priorityClassName"] == "system-cluster-critical"


def test_node_reads_its_own_kubearmor_on_every_node_with_the_queue_on_the_host():
    pod = only(of("node"), "DaemonSet")["spec"]["template"]["spec"]
    assert pod["tolerations"] == [{"operator": "Exists"}]
    host = {"path": "/var/lib/cef-bridge", "type": "DirectoryOrCreate"}
    assert {"name": "queue", "hostPath": host} in pod["volumes"]
    address = {"fieldRef": {"fieldPath": "status.hostIP"}}
    assert {"name": "NODE_ADDRESS", "valueFrom": address} in pod["containers"][0]["env"]
    assert pod["initContainers"][0]["command"] == ["chown", "10001:10001", "/var/lib/cef-bridge"]
    assert pod["initContainers"][0]["securityContext"]["capabilities"] == {
        "drop": ["ALL"],
        "add": ["CHOWN"],
    }
    ipv6 = config_of(of("node", "--set", "node.ipv6=true"))["forward.yaml"]
    assert "kubearmor://[${NODE_ADDRESS}]:32767" in ipv6
    on_host = only(of("node", "--set", "node.hostNetwork=true"), "DaemonSet")
    assert on_host["spec"]["template"]["spec"]["hostNetwork"] is True


def test_kafka_leaves_the_number_of_replicas_to_the_autoscaler():
    found = of("kafka")
    assert "replicas" not in only(found, "Deployment")["spec"]
    scaler = only(found, "HorizontalPodAutoscaler")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 6)
    assert scaler["metrics"][0]["pods"]["target"] == {
        "type": "AverageValue",
        "averageValue": "10000",
    }
    fixed = of("kafka", "--set", "kafka.autoscaling.enabled=false,kafka.replicas=3")
    assert only(fixed, "Deployment")["spec"]["replicas"] == 3
    assert "HorizontalPodAutoscaler" not in fixed


def test_whole_numbers_stay_whole():
    text = config_of(of("relay"))["forward.yaml"]
    assert "confirm_bytes: 33554432\n" in text


def test_the_rule_of_the_operator_is_the_file_of_prometheus():
    rules = yaml.safe_load((DEPLOY / "prometheus" / "cef-bridge.rules.yml").read_text())
    assert only(of("relay"), "PrometheusRule")["spec"] == rules


def test_the_dashboard_is_the_file_of_grafana():
    (text,) = [it["data"]["cef-bridge.json"] for it in of("relay")["ConfigMap"] if "cef-bridge.json" in it["data"]]  # fmt: skip
    assert text.strip() == (DEPLOY / "grafana" / "cef-bridge.json").read_text().strip()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ("--set", "image.repository="),
            "image.repository is missing. No image is published: build one",
        ),
        (("--set-json", "destinations=[]"), "destinations is empty. Add one, such as"),
        ((*GIVEN, *ONE, "--set", "mode=both"), "at '/mode': value must be one of"),
        ((*GIVEN, *ONE, "--set", "mod=relay"), "additional properties 'mod' not allowed"),
        ((*GIVEN, *ONE, "--set", "relay.replicas=2"), "would send each event a second time"),
        ((*GIVEN, *ONE, "--set", "mode=kafka"), "kafka.brokers is empty"),
        ((*GIVEN, *ONE, "--set", "mode=kafka,kafka.brokers={b:9092}"), "kafka.topics is empty"),
        (
            (*GIVEN, *ONE, "--set", f"{KAFKA},kafka.autoscaling.enabled=true,{LEAST}"),
            "kafka.autoscaling.minReplicas (9) is more than maxReplicas (4)",
        ),
        (
            (*GIVEN, "--set-json", 'destinations=[{"name":"a","to":"tcp://b","maping":"splunk"}]'),
            "additional properties 'maping' not allowed",
        ),
        (
            (*GIVEN, "--set-json", 'destinations=[{"to":"tcp://siem:514"}]'),
            "missing property 'name'",
        ),
        (
            (*GIVEN, "--set-json", 'destinations=[{"name":"a","to":"splunk-hec://b","token":"x"}]'),
            "at '/destinations/0/token': 'x' does not match pattern",
        ),
        (
            (*GIVEN, *ONE, "--set", "relay.settings.group=g,relay.settings.nonsense=1"),
            "additional properties 'nonsense' not allowed",
        ),
        (
            (*GIVEN, *ONE, "--set-json", 'mappings={"forward.yaml":"x"}'),
            "at '/mappings/forward.yaml'",
        ),
        ((*GIVEN, *ONE, "--set", "image.repository=No/Image"), "at '/image/repository'"),
        ((*GIVEN, *ONE, "--set", "grace=soon"), "at '/grace': 'soon' does not match pattern"),
        ((*GIVEN, *ONE, "--set", "user=0"), "at '/user': minimum"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_wrong_values_are_refused_with_the_reason(words, reason):
    done = template(*words, check=False)
    assert done.returncode == 1
    assert reason in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("mode", ["relay", "node"])
def test_values_as_they_are_give_an_example_that_the_notes_warn_of(mode):
    words = ("helm", "install", "it", CHART, "--dry-run=client", "--set", f"mode={mode}")
    shown = run(*words).stdout
    assert "image: cef-bridge:" in shown.replace('"', "")
    assert "WARNING: tls://siem.example.net:6514 is an example" in shown.partition("NOTES:")[2]


def test_the_notes_say_how_to_see_that_it_works():
    done = run("helm", "install", "it", CHART, "--dry-run=client", "--namespace", "kubearmor", *GIVEN, *ONE)  # fmt: skip
    notes = done.stdout.partition("NOTES:")[2]
    assert 'mode "relay" to siem (tcp://siem:514)' in notes
    assert "kubectl --namespace kubearmor rollout status deployment/it-cef-bridge" in notes
    assert "--test-event" in notes
    assert "WARNING" not in notes


def test_the_schema_is_up_to_date():
    made = runpy.run_path(str(DEPLOY / "chart" / "make_schema.py"))["written"]()
    text = (CHART / "values.schema.json").read_text(encoding="utf-8")
    assert text == made, "run python deploy/chart/make_schema.py"


def test_the_manifest_is_what_the_chart_makes():
    values = DEPLOY / "chart" / "manifest-values.yaml"
    words = ("cef-bridge", CHART, "--namespace", "kubearmor", "--values", values)
    made = run("helm", "template", *words).stdout
    text = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    head, _, rest = text.partition("---\n")
    assert all(line.startswith("#") for line in head.splitlines())
    assert "---\n" + rest == made, "run deploy/chart/make_manifest.sh"
