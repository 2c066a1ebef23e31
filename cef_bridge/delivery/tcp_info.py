"""What Linux tells about a TCP connection (TCP_INFO), and whether its other end is still there.

In come the bytes of `getsockopt(TCP_INFO)` and the time, out goes a `TcpInfo`, and for how long
nothing was answered. Pure: the socket is the transport's.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

# linux/include/net/tcp_states.h
ESTABLISHED = 1
FIN_WAIT1 = 4
FIN_WAIT2 = 5
TIME_WAIT = 6
CLOSE = 7
CLOSE_WAIT = 8
LAST_ACK = 9
CLOSING = 11

SIZE = 148
"""How many bytes to ask for: up to tcpi_notsent_bytes, which is there since Linux 4.6."""

# struct tcp_info of linux/include/uapi/linux/tcp.h: eight bytes, 24 numbers of 32 bits, four of 64
# (rates, bytes), three of 32 (segments out, segments in, bytes not sent).
_LAYOUT = struct.Struct("=8B24I4Q3I")


class TcpInfo(NamedTuple):
    """`state` as in tcp_states.h; ages in milliseconds; `unacked` in segments."""

    state: int
    retransmits: int  # of the oldest segment that is not acknowledged
    probes: int  # zero window and keepalive probes since the last answer
    unacked: int  # on their way
    last_data_sent: int  # how long ago, retransmissions included
    last_ack_recv: int  # how long ago anything was acknowledged, or a probe answered
    rtt: int  # microseconds that an answer takes, as measured
    total_retrans: int
    notsent: int  # bytes that wait here: for the window, or for what is on its way

    @property
    def window_closed(self) -> bool:
        """Whether the other end has no room: nothing is on its way although something waits."""
        return self.notsent > 0 and self.unacked == 0


def parse(raw: bytes) -> TcpInfo:
    """Return what the bytes of TCP_INFO say; what an older kernel does not say is 0."""
    it = _LAYOUT.unpack(raw[:SIZE].ljust(SIZE, b"\0"))
    return TcpInfo(
        state=it[0],
        retransmits=it[2],
        probes=it[3],
        unacked=it[12],
        last_data_sent=it[17],
        last_ack_recv=it[20],
        rtt=it[23],
        total_retrans=it[31],
        notsent=it[38],
    )


class Silence:
    """For how long something was sent, probes included, and nothing at all came back.

    A collector that stalls answers probes, though the kernel sends them up to two minutes apart:
    what counts is not the time since the last answer but since something went unanswered.
    """

    def __init__(self) -> None:
        self._since: float | None = None
        self._looked = 0.0
        self._retrans = 0
        self._resent: float | None = None  # no later than this was something last sent again

    def seconds(self, now: float, unacknowledged: int, info: TcpInfo) -> float:
        """Return for how long there has been no answer, looked at `now` (a monotonic clock)."""
        if info.total_retrans != self._retrans:
            self._retrans = info.total_retrans
            # Between the last look and this one: it counts as unanswered only when not even the
            # earlier of the two has been answered.
            self._resent = self._looked or now
        self._looked = now
        if not unacknowledged or not self._unanswered(now, info):
            self._since = None
            return 0.0
        if self._since is None:
            self._since = now
        return min(now - self._since, info.last_ack_recv / 1000)

    def _unanswered(self, now: float, info: TcpInfo) -> bool:
        if info.unacked == 0:
            return info.probes > 0
        sent_ago = float(info.last_data_sent)
        if self._resent is not None:  # a FIN sent again does not count as data
            sent_ago = min(sent_ago, (now - self._resent) * 1000)
        return info.last_ack_recv > sent_ago
