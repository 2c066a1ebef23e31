"""A line depends on its event alone: not on what came before it, and not on what comes beside it.

Events of many nodes, pods and policies that are alike but for these go through one loop forwards,
backwards and shuffled; each line has to be the one that the event gives in a loop of its own.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_mappings import ACTS, OTHERS, VERDICTS, in_order, mappings
from pod_event import IN_A_POD
from user_loop import UserLoop, compact

from cef_bridge.engine.machine import MappingEngine
from cef_bridge.errors import UsageError
from cef_bridge.generator import events
from cef_bridge.mapping.language.shipped import names
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter

DATA = Path(__file__).parent / "data"
NODES = ("node-a", "node-b", "node-c")

# A rule that takes a field of the place and asks for the verdict, and the reverse; for each a
# mapping of a user that does so.
MADE_UP = {
    "place-if-verdict": {
        "extends": "splunk",
        "extension": {"shost": {"from": "HostName", "when": {"event.kind": ["alert", "log"]}}},
    },
    "pod-if-denied": {
        "extends": "kubearmor-cef",
        "extension": {
            "KubeArmorWhere": [
                {"from": "PodName", "when": {"event.disposition": ["block", "denied"]}},
                {"from": ["ContainerName", "HostName"]},
            ],
            "KubeArmorImage": {"from": "image.tag", "when": {"Operation": "Process"}},
        },
    },
    "verdict-if-place": {
        "extends": "arcsight",
        "extension": {
            "KubeArmorVerdict": {"from": "Action", "when": {"HostName": "node-b"}},
            "KubeArmorWhy": {"from": ["PolicyName", "Result"], "when": {"NamespaceName": "shop"}},
        },
        "severity": [
            {"value": "9", "when": {"PodName": "web-2*", "Action": "Block"}},
            {"from": "Severity"},
            {"value": "5"},
        ],
    },
    "place-in-the-header": {
        "extends": "qradar-leef",
        "header": {"device_version": {"from": "HostName", "when": {"event.kind": "alert"}}},
        "envelope": {"hostname": {"from": "PodName"}},
    },
    "place-with-a-table": {
        "extension": {
            "rt": {"from": "event.time"},
            "KubeArmorSite": {"from": "HostName", "table": {"node-a": "Berlin"}, "else": "other"},
            "KubeArmorTeam": {"from": "NamespaceName", "when": {"Result": "Passed"}},
            "KubeArmorCopy": {"from": "Labels.app", "when": {"event.verb": "exec"}},
        },
        "unmapped": "keep",
    },
}


def places() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for number, (node, namespace) in enumerate(product(NODES, ("shop", "payments"))):
        pod = {
            "HostName": node,
            "NodeID": f"id-of-{node}",
            "NamespaceName": namespace,
            "PodName": f"web-{number}",
            "ContainerID": f"{number:064x}",
            "ContainerName": f"web{number % 2}",
            "ContainerImage": f"registry.example/web:1.{number % 3}",
            "Labels": f"app=web{number % 2},tier=front",
            "Owner": {"Ref": "Deployment", "Name": f"web{number % 2}", "Namespace": namespace},
        }
        found.append(pod)
    # On the node itself: no pod, no container.
    found += [
        {"HostName": node, "NamespaceName": "", "PodName": "", "ContainerID": ""} for node in NODES
    ]
    return found


def alike() -> list[bytes]:
    """Return events that differ by their place, time and process ids; then by the policy."""
    found = []
    number = 0
    for act, verdict in product(ACTS, VERDICTS):
        for place in places():
            number += 1
            who = {
                "Source": "/bin/sh -c x",
                "ProcessName": "/bin/cat",
                "ParentProcessName": "/bin/sh",
            }
            event = {**IN_A_POD, **who, "Cwd": "/", **place, **verdict, **act}
            event["UpdatedTime"] = f"2026-03-01T12:00:{number % 60:02d}.{number:06d}Z"
            event["HostPID"] = 100 + number
            found.append(compact(in_order(event)))
    return found


def orders(lines: list[bytes], seed: int) -> list[list[bytes]]:
    """Return lines forwards twice, backwards, and shuffled; each comes four times."""
    shuffled = [*lines]
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - seeded: one seed, one order
    return [lines, lines, lines[::-1], shuffled]


def check(converter: Converter, lines: list[bytes], seed: int = 1) -> None:
    alone: dict[bytes, list[bytes]] = {}
    fates: Counter[str] = Counter()
    machine = MappingEngine(converter)
    for number, line in enumerate(lines):
        # A table takes 40 ms to make: so many lines are the very first that it is used for.
        own = UserLoop(machine if number % 50 else converter)
        alone[line] = own.messages(line)
        fates.update(counted(own))
    loop = UserLoop(machine)
    for order in orders(lines, seed):
        for line in order:
            assert loop.messages(line) == alone[line]
    assert counted(loop) == {name: 4 * number for name, number in fates.items()}
    stats = loop.stats
    assert sum(stats.kinds.values()) == stats.converted + stats.filtered


def counted(loop: UserLoop) -> dict[str, int]:
    """Return how many events of a loop had which fate."""
    names = ("converted", "filtered", "rejected", "noise", "without_time")
    return {name: getattr(loop.stats, name) for name in names}


@pytest.mark.parametrize("mapping", names())
def test_events_that_are_alike_but_for_their_place_keep_their_own(mapping):
    loaded = load(mapping, env={})
    check(Converter(loaded, syslog_header=loaded.envelope.syslog_header), alike())


@pytest.mark.parametrize("mapping", names())
def test_generated_events_of_all_kinds_are_the_same_in_any_company(mapping):
    loaded = load(mapping, env={})
    lines = [line.rstrip() for line in events(600, seed=11)]
    check(Converter(loaded, syslog_header=loaded.envelope.syslog_header), lines)


@pytest.mark.parametrize("mapping", names())
def test_sample_events_are_the_same_in_any_company(mapping):
    loaded = load(mapping, env={})
    lines = [
        line for path in sorted(DATA.glob("*.ndjson")) for line in path.read_bytes().splitlines()
    ]
    assert len(lines) > 100
    check(Converter(loaded, syslog_header=loaded.envelope.syslog_header), lines)


@pytest.mark.parametrize("name", MADE_UP)
def test_made_up_rules_between_place_and_verdict_see_their_own_event_only(name, tmp_path):
    check(Converter(made_up(MADE_UP[name], tmp_path), syslog_header="rfc5424"), alike())


def made_up(mapping: dict[str, object], folder: Path):
    path = folder / "own.yaml"
    path.write_text(json.dumps({"mapping": "own", **mapping}))  # JSON is YAML
    return load(str(path), env={})


@st.composite
def in_places(draw: st.DrawFn) -> list[bytes]:
    """Events of several acts and verdicts, each of which happens in several places."""
    found = []
    acts = draw(st.lists(st.sampled_from(ACTS), min_size=1, max_size=2))
    verdicts = draw(st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=2))
    chosen = draw(st.lists(st.sampled_from(places()), min_size=2, max_size=4))
    keys = draw(st.sets(st.sampled_from(sorted(OTHERS)), min_size=3))
    others = {key: draw(st.sampled_from(OTHERS[key])) for key in sorted(keys)}
    for act, verdict, place in product(acts, verdicts, chosen):
        found.append(compact(in_order({**IN_A_POD, **others, **verdict, **act, **place})))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mappings")


@given(mapping=mappings(), lines=in_places(), seed=st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_any_mapping_sees_its_own_event_only(folder, mapping, lines, seed):
    try:
        converter = Converter(made_up(mapping, folder), syslog_header="rfc3164")
    except UsageError:  # a mapping that cannot be
        return
    check(converter, list(dict.fromkeys(lines)), seed)
