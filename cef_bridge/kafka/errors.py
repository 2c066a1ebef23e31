"""What went wrong between us and a Kafka cluster, as a sentence that says what to do.

In comes an error of librdkafka (a name and a text, made for programmers), out goes a `KafkaFault`.
Names are those of librdkafka's codes: with `_` they are its own, without they are the broker's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

    from cef_bridge.kafka.client import KafkaCluster


class KafkaFault(NamedTuple):
    """A sentence; `permanent`: it stays so until someone acts."""

    text: str
    permanent: bool = False


class Topic(NamedTuple):
    """What was asked of the cluster: a topic, and for a source its group."""

    name: str
    group: str = ""


_AWAY = "no broker of {at} answers. Check the address, and whether it wants TLS or a login."
_SENTENCES = {
    "_ALL_BROKERS_DOWN": KafkaFault(_AWAY),
    "_TRANSPORT": KafkaFault(_AWAY),
    "_TIMED_OUT": KafkaFault("{at} does not answer."),
    "_RESOLVE": KafkaFault("no name of {at} can be resolved. Correct the host."),
    "_AUTHENTICATION": KafkaFault(
        "{at} refused the login. Correct user, password and sasl.", permanent=True
    ),
    "SASL_AUTHENTICATION_FAILED": KafkaFault(
        "{at} refused the login. Correct user and password.", permanent=True
    ),
    "UNSUPPORTED_SASL_MECHANISM": KafkaFault(
        "{at} has no such sasl. Ask its owner which one.", permanent=True
    ),
    "TOPIC_AUTHORIZATION_FAILED": KafkaFault(
        "this user has no right to the topic {topic}. Ask the owner of {at} for it.",
        permanent=True,
    ),
    "GROUP_AUTHORIZATION_FAILED": KafkaFault(
        "this user has no right to the group {group}. Ask the owner of {at} for it, or name "
        "another group.",
        permanent=True,
    ),
    "CLUSTER_AUTHORIZATION_FAILED": KafkaFault(
        "this user may not write idempotently. Ask the owner of {at} for the right, or set "
        "idempotence=no.",
        permanent=True,
    ),
    "UNKNOWN_TOPIC_OR_PART": KafkaFault(
        "there is no topic {topic} at {at}. Create it, or correct its name.", permanent=True
    ),
    "_UNKNOWN_TOPIC": KafkaFault(
        "there is no topic {topic} at {at}. Create it, or correct its name.", permanent=True
    ),
    "_UNKNOWN_PARTITION": KafkaFault("a partition of {topic} is gone."),
    "TOPIC_EXCEPTION": KafkaFault("Invalid topic name {topic}. Correct it.", permanent=True),
    "_MAX_POLL_EXCEEDED": KafkaFault("the group {group} went on without us: we were too slow."),
}

_UNTRUSTED = (
    "the certificate of {at} is not signed by an authority known here, or is for another host. "
    "Name the file with its authority as ca=PATH."
)

# What the text of a failed connection contains -> the sentence. The first match holds.
_DETAILS = (
    ("certificate verify failed", _UNTRUSTED),
    ("unable to get local issuer", _UNTRUSTED),
    ("bad certificate", "{at} refused our certificate. Correct cert and key."),
    ("certificate required", "{at} wants a client certificate. Name it with cert=PATH."),
    ("wrong version number", "{at} does not speak TLS. Remove tls=yes, or correct the port."),
    ("SSL handshake failed", "the TLS handshake with {at} failed."),
    (
        "verify that security.protocol is correctly configured",
        "{at} closes connections at once. It may want TLS (tls=yes) or a login (sasl).",
    ),
)


def fault(error: KafkaError, cluster: KafkaCluster, topic: Topic) -> KafkaFault:
    """Return what an error means to whoever asked for this topic."""
    values = {
        "at": ",".join(cluster.servers),
        "topic": topic.name,
        "group": topic.group,
    }
    name, text = error.name(), error.str()
    for sign, sentence in _DETAILS:
        if sign.lower() in text.lower():
            return KafkaFault(sentence.format(**values), permanent=True)
    if error.fatal():
        return KafkaFault(
            f"{values['at']} does not know this producer any more ({plain(text)}). What has no "
            "receipt is sent again by a new one."
        )
    known = _SENTENCES.get(name)
    if known is not None:
        return known._replace(text=known.text.format(**values))
    return KafkaFault(f"{values['at']} says: {plain(text)}.")


def plain(text: str) -> str:
    """Return what another program says as one short, printable line without a full stop."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return (line if len(line) <= 200 else f"{line[:200]}...").rstrip(".")
