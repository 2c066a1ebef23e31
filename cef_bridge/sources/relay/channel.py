"""One stream of KubeArmor's gRPC service, opened: the only place that knows how gRPC is set up.

A Place in, raw messages (bytes of protobuf) out; what gRPC raises becomes a Fault. Importing this
module costs 0.1 s, so nobody does before there is a relay to read from.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

# gRPC's C core writes lines of its own to stderr, which is for an operator's sentences; all that
# it knows comes as status and details as well. It looks at this once, when it is loaded.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
import grpc.experimental

from cef_bridge.errors import UsageError
from cef_bridge.small_files import MOST_PEM, UnreadableError, read_small
from cef_bridge.sources.relay.errors import RelayEndpoint, RelayError, refused, unreachable
from cef_bridge.sources.relay.schema import CLASSES, SERVICE, STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

RpcError = grpc.RpcError
"""What a call raises: `fault` says what it means. By this name, gRPC is imported here first."""

_GONE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_NOT_SERVING = 2

# KubeArmor's servers allow a client one ping in 5 minutes (grpc-go's default) and hang up on who
# sends more, so pings cannot tell soon whether a quiet server is alive: `ask` does.
_PING_MS = 310_000
_PING_TIMEOUT_MS = 20_000
# Bytes that gRPC reads ahead of us: while the interpreter is busy elsewhere for a tenth of a
# second, they stand between a burst and the 1,000 alerts that a relay keeps for a client.
_WINDOW = 4 << 20


def options(max_message: int, server_name: str | None) -> list[tuple[str, Any]]:
    """Return the settings of a channel; each has its own connection."""
    found: list[tuple[str, Any]] = [
        # Streams must not hold up one another, and each reconnect looks the name up again.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 0),  # a stream that was opened again in silence is a gap unseen
        ("grpc.enable_http_proxy", 0),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.max_receive_message_length", max_message),
        ("grpc.keepalive_time_ms", _PING_MS),
        ("grpc.keepalive_timeout_ms", _PING_TIMEOUT_MS),
        # Memory is bounded: no window that grows with the line's capacity.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", _WINDOW),
        # The reading thread waits for the network itself: a third less CPU (57 us a message for 87
        # beside a slow server; beside a fast one it is 10).
        (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
    ]
    if server_name:
        found.append(("grpc.ssl_target_name_override", server_name))
    return found


class CancelledError(Exception):
    """A `check` that was waited for was cancelled."""


class Channel:
    """A connection to a relay, for one stream. `read` once; `cancel` and `ask` from any thread."""

    def __init__(self, place: RelayEndpoint, max_message: int) -> None:
        self._place = place
        self._limit = max_message
        settings = options(max_message, place.server_name)
        self._channel: Any = (
            grpc.secure_channel(place.address, credentials(place), options=settings)
            if place.tls
            else grpc.insecure_channel(place.address, options=settings)
        )
        self._call: Any = None
        self._question: Any = None
        self._cancelled = False

    def open(self, kind: str, words: str) -> None:
        """Ask for a stream; whether it is given shows when it is read."""
        stream = STREAMS[kind]
        request = CLASSES["RequestMessage"](Filter=words).SerializeToString()
        self._call = self._channel.unary_stream(f"/{SERVICE}/{stream.method}")(request)

    def read(self) -> Iterator[bytes]:
        """Yield the messages of the stream; ends when it does. Raises what `fault` explains."""
        yield from self._call

    def cancel(self) -> None:
        """End the stream, and a `check` that waits; `read` and `check` then raise."""
        self._cancelled = True
        for call in (self._call, self._question):
            if call is not None:
                call.cancel()

    def close(self) -> None:
        """Close the connection."""
        self.cancel()
        self._channel.close()

    def check(self, timeout: float, health: int | None = None) -> str:
        """Ask how the server is, on this connection or, in plain text, on the port `health`.

        Returns a sentence if it says that it is not well, else "". Raises what `fault` explains
        when there is no answer on this connection; servers without a health service answer too.
        """
        place, channel = self._place, self._channel
        if health is not None:
            self._ask_health(channel, timeout)
            place = RelayEndpoint(place.host, health)
            channel = grpc.insecure_channel(place.address, options=options(self._limit, None))
        try:
            return self._ask_health(channel, timeout)
        except grpc.RpcError as error:
            if health is None:
                raise
            return f"its health port: {fault(error, place, self._limit).text}"
        finally:
            if health is not None:
                channel.close()

    def _ask_health(self, channel: Any, timeout: float) -> str:  # noqa: ANN401  # gRPC has no types
        method = channel.unary_unary("/grpc.health.v1.Health/Check")
        self._question = method.future(b"", timeout=timeout)
        if self._cancelled:
            self._question.cancel()
        try:
            answer = self._question.result()
        except grpc.FutureCancelledError as error:
            raise CancelledError from error
        except grpc.RpcError as error:
            if code(error) in _GONE:
                raise
            return ""  # there is no health service, but a server
        # HealthCheckResponse has one field, an enum: 1 is SERVING.
        ill = answer[:1] == b"\x08" and answer[1:2] == bytes((_NOT_SERVING,))
        return "it says of itself that it is not serving" if ill else ""

    def ask(self, timeout: float) -> Any:  # noqa: ANN401  # gRPC has no types
        """Ask whether anyone is there; returns a future for `alive`, None if it is closed."""
        nonce = CLASSES["NonceMessage"](nonce=1).SerializeToString()
        method = self._channel.unary_unary(f"/{SERVICE}/HealthCheck")
        try:
            return method.future(nonce, timeout=timeout)
        except ValueError:  # closed in between
            return None


def alive(answer: Any) -> bool | None:  # noqa: ANN401  # gRPC has no types
    """Return whether `ask` had an answer, whichever; None: not yet."""
    return answer.code() not in _GONE if answer.done() else None


def code(error: grpc.RpcError) -> grpc.StatusCode:
    """Return the status of an error that a call raised."""
    found: Any = error
    status: grpc.StatusCode = found.code()
    return status


def fault(error: grpc.RpcError, place: RelayEndpoint, limit: int) -> RelayError:
    """Return what an error of a call means to an operator."""
    found: Any = error
    details = found.details() or ""
    status = code(error)
    if status is grpc.StatusCode.UNAVAILABLE:
        return unreachable(place, details)
    return refused(place, status.name, details, limit)


_last_good: dict[RelayEndpoint, grpc.ChannelCredentials] = {}


def credentials(place: RelayEndpoint) -> grpc.ChannelCredentials:
    """Read the certificates, anew each time, for they are renewed.

    When they cannot be read, those that were before are returned; UsageError where there are none.
    """
    try:
        found = grpc.ssl_channel_credentials(
            _read(place.ca, "ca") if place.ca else _system_roots(),
            _read(place.key, "key") if place.key else None,
            _read(place.cert, "cert") if place.cert else None,
        )
    except UsageError:
        if place not in _last_good:
            raise
        return _last_good[place]
    _last_good[place] = found
    return found


def _system_roots() -> bytes | None:
    path = ssl.get_default_verify_paths().cafile
    try:
        return Path(path).read_bytes() if path else None
    except OSError:
        return None  # gRPC brings a list of its own


def _read(path: str, word: str) -> bytes:
    try:
        content = read_small(path, MOST_PEM)
    except UnreadableError as error:
        raise UsageError(f"{word}={path} cannot be read: {error}") from error
    if b"-----BEGIN " not in content:
        raise UsageError(f"{word}={path} holds no PEM: expected a line -----BEGIN ...-----")
    return content
