"""librdkafka's mock broker, which refuses requests on command; its groups forget who was killed.

It is part of the client's library, and is asked by its C functions (rdkafka_mock.h): Python has only
a few of them. It listens on loopback, and keeps nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

# Kinds of requests (Kafka protocol, "API Keys") and an error that they are refused with.
FETCH, LIST_OFFSETS, OFFSET_FETCH = 1, 2, 9
NOT_AUTHORIZED = 29  # TOPIC_AUTHORIZATION_FAILED

_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_FUNCTIONS = {
    "rd_kafka_conf_new": (_POINTER, []),
    "rd_kafka_new": (_POINTER, [_INT, _POINTER, _TEXT, ctypes.c_size_t]),
    "rd_kafka_destroy": (None, [_POINTER]),
    "rd_kafka_mock_cluster_new": (_POINTER, [_POINTER, _INT]),
    "rd_kafka_mock_cluster_destroy": (None, [_POINTER]),
    "rd_kafka_mock_cluster_bootstraps": (_TEXT, [_POINTER]),
    "rd_kafka_mock_topic_create": (_INT, [_POINTER, _TEXT, _INT, _INT]),
    "rd_kafka_mock_push_request_errors_array": (
        None,
        [_POINTER, ctypes.c_int16, ctypes.c_size_t, _POINTER],
    ),
    "rd_kafka_mock_clear_request_errors": (None, [_POINTER, ctypes.c_int16]),
    "rd_kafka_mock_partition_delete_records": (
        _INT,
        [_POINTER, _TEXT, ctypes.c_int32, ctypes.c_int64],
    ),
}


class MockBroker:
    """A broker that runs until `close`."""

    def __init__(self) -> None:
        self._library = _library()
        self._client = self._library.rd_kafka_new(0, self._library.rd_kafka_conf_new(), None, 0)
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)
        servers = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self.port = int(servers.rpartition(":")[2])

    def create(self, name: str, partitions: int) -> None:
        """Make a topic."""
        assert not self._library.rd_kafka_mock_topic_create(
            self._cluster, name.encode(), partitions, 1
        )

    def refuse(self, kind: int, error: int, times: int = 1000) -> None:
        """Refuse so many requests of a kind with an error."""
        errors = (ctypes.c_int * times)(*[error] * times)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, kind, times, errors)

    def allow(self, kind: int) -> None:
        """Refuse no request of a kind any more."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, kind)

    def delete_before(self, name: str, partition: int, offset: int) -> None:
        """Delete messages, as retention does."""
        assert not self._library.rd_kafka_mock_partition_delete_records(
            self._cluster, name.encode(), partition, offset
        )

    def close(self) -> None:
        """End it."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)


def _library() -> ctypes.CDLL:
    spec = find_spec("confluent_kafka")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent.with_name("confluent_kafka.libs")
    found = sorted(folder.glob("librdkafka*"))
    if not found:
        pytest.skip("the client's library is not in its wheel here")
    library = ctypes.CDLL(str(found[0]))
    for name, (result, arguments) in _FUNCTIONS.items():
        if not hasattr(library, name):
            pytest.skip(f"this librdkafka has no {name}")
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


@contextlib.contextmanager
def mock_broker() -> Iterator[MockBroker]:
    """Give a mock broker; it ends with the block."""
    broker = MockBroker()
    try:
        yield broker
    finally:
        broker.close()
