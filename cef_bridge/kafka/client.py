"""The settings of librdkafka for a cluster: brokers, TLS, SASL, and where its log goes.

In comes a `KafkaCluster`, out goes a dict that its clients take. The library is imported when one
is made, for only who asks for Kafka has it. Must not know who reads or writes which topic.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from cef_bridge.errors import UsageError
from cef_bridge.kafka.errors import plain
from cef_bridge.wording import not_installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from confluent_kafka import KafkaError

PORT = 9092
"""Kafka's, with and without TLS."""

MISSING = not_installed("kafka://", "confluent-kafka", "kafka")
SASL = {"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"}
"""How we may log in, by the names of settings, with those of RFC 5802 and its kind."""

_ASK = 5.0  # seconds that a broker has to answer
_log = logging.getLogger(__name__)


class KafkaCluster(NamedTuple):
    """A cluster, and how it is spoken to; `servers` are `host:port`, `ca` to `key` are paths.

    `sasl` is a key of SASL, "" for none. `secrets` gives the password of the key and that of the
    user, each None where there is none; it is asked when a client is made, and raises UsageError.
    """

    servers: tuple[str, ...]
    tls: bool = False
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    verify: bool = True
    sasl: str = ""
    user: str = ""
    secrets: Callable[[], tuple[str | None, str | None]] = lambda: (None, None)

    def __str__(self) -> str:
        return f"kafka://{','.join(self.servers)}"


def check_library() -> None:
    """Look whether the client's library is installed; UsageError when it is not."""
    try:
        import confluent_kafka  # noqa: F401, PLC0415 - only who asks for Kafka has it
    except ImportError as error:
        raise UsageError(MISSING) from error


def settings(
    cluster: KafkaCluster, on_error: Callable[[KafkaError], object] | None = None
) -> dict[str, Any]:
    """Return what every client of a cluster is made with.

    `on_error` is called from the client's poll with what has no message to belong to: brokers that
    are away, a login that was refused. UsageError when a secret cannot be read.
    """
    key_password, password = cluster.secrets()
    found: dict[str, Any] = {
        "bootstrap.servers": ",".join(cluster.servers),
        "client.id": "cef-bridge",
        "logger": _ClientLog(),
        # A broker that comes back is found within a second or two, not within ten.
        "reconnect.backoff.max.ms": 2000,
        "socket.keepalive.enable": True,
        "security.protocol": _PROTOCOLS[cluster.tls, bool(cluster.sasl)],
    }
    if on_error is not None:
        found["error_cb"] = on_error
    if cluster.tls:
        named = {
            "ssl.ca.location": cluster.ca,
            "ssl.certificate.location": cluster.cert,
            "ssl.key.location": cluster.key or cluster.cert,
            "ssl.key.password": key_password,
        }
        found |= {name: value for name, value in named.items() if value is not None}
        found["enable.ssl.certificate.verification"] = cluster.verify
    if cluster.sasl:
        found["sasl.mechanism"] = SASL[cluster.sasl]
        found["sasl.username"] = cluster.user
        found["sasl.password"] = password or ""
    return found


_PROTOCOLS = {
    (False, False): "PLAINTEXT",
    (True, False): "SSL",
    (False, True): "SASL_PLAINTEXT",
    (True, True): "SASL_SSL",
}


class _ClientLog:
    """Where librdkafka's lines go: they repeat what a source or a destination says once."""

    def log(self, _level: int, text: str, *values: object) -> None:
        """Write a line for those who look for causes."""
        _log.debug(text, *values)


def unusable(cluster: KafkaCluster, error: Exception) -> UsageError:
    """Return what a client that cannot be made is told as."""
    text = error.args[0].str() if hasattr(error.args[0], "str") else str(error)
    return UsageError(f"{cluster}: its settings cannot be used: {plain(text)}")


def topic_ids(words: dict[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Return the ids of topics, of those that have one: a topic that is made again has another.

    `words` are those of `settings`.
    """
    from confluent_kafka import KafkaException, TopicCollection  # noqa: PLC0415 - see above
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - see above

    wanted = sorted(names)
    if not wanted:
        return {}
    found = {}
    admin = AdminClient(words)
    described = admin.describe_topics(TopicCollection(wanted), request_timeout=_ASK)
    for name, answer in described.items():
        with contextlib.suppress(KafkaException, TimeoutError):
            text = str(answer.result(_ASK).topic_id)
            if text.strip("A"):  # zeros, where the broker knows none
                found[name] = text
    return found
