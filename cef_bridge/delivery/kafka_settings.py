"""Kafka's settings in URLs and configs, of sources and destinations, as its client takes them.

Imports no client: a config is read, checked and shown where none is installed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.delivery.urls import Endpoint, shown_endpoint
from cef_bridge.kafka.client import PORT, KafkaCluster

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.delivery.destination_url import Login

__all__ = ["PORT", "TOPIC", "cluster_of", "login_problems"]

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


def login_problems(sasl: str | None, user: str | None, password: str | None) -> list[str]:
    """Return what is missing of a login, or does nothing."""
    said = {"user": user, "password": password}
    if sasl is None:
        return [f'"{name}" does nothing without "sasl".' for name, value in said.items() if value]
    return [f'"sasl" needs "{name}".' for name, value in said.items() if not value]
