"""Kafka's settings in URLs and configs, of sources and destinations, as its client takes them.

Imports no client: a config is read, checked and shown where none is installed.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import unquote

from cef_bridge.delivery import urls
from cef_bridge.delivery.settings import quoted
from cef_bridge.delivery.urls import Endpoint, shown_endpoint
from cef_bridge.kafka.client import MISSING, PORT, KafkaCluster

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.delivery.destination_url import Login

TOPIC = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}")
"""A topic's name (org.apache.kafka.common.internals.Topic)."""


def cluster_of(said: Login, endpoints: Iterable[Endpoint]) -> KafkaCluster:
    """Return the cluster that a source or a destination names."""
    return KafkaCluster(
        tuple(map(shown_endpoint, endpoints)),
        tls=said.tls,
        ca=said.ca,
        cert=said.cert,
        key=said.key,
        verify=said.verify,
        sasl=said.sasl or "",
        user=said.user or "",
        secrets=lambda: (said.read_key_password(), said.read_password()),
    )


def place(rest: str) -> tuple[tuple[Endpoint, ...], tuple[str, ...], list[str]]:
    """Return brokers and topics of `b1:9092,b2/topic,other`, and what is wrong with them."""
    servers, _, names = rest.partition("/")
    if "@" in rest:  # the sentence does not repeat it
        return (), (), urls.endpoints(rest, PORT)[1]
    endpoints, problems = urls.endpoints(servers, PORT)
    topics = tuple(dict.fromkeys(unquote(name) for name in names.split(",") if name))
    if not topics:
        problems.append("The topic is missing. Write it as /TOPIC behind the brokers.")
    problems += [
        f"Invalid topic name {quoted(name)}: it has letters, digits, dots, dashes and underscores."
        for name in topics
        if not TOPIC.fullmatch(name)
    ]
    return endpoints, topics, problems


def problems(said: Login) -> list[str]:
    """Return what is missing of a login, does nothing, or is not installed."""
    login = {"user": said.user, "password": said.user_password}
    if said.sasl is None:
        found = [f'"{name}" does nothing without "sasl".' for name, value in login.items() if value]
    else:
        found = [f'"sasl" needs "{name}".' for name, value in login.items() if not value]
    if find_spec("confluent_kafka") is None:
        found.append(MISSING)
    return found
