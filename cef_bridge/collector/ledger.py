"""What came in, counted: messages, senders, faults, duplicates, and numbers that are missing.

In come messages in the order of their arrival, out comes a `Snapshot`. Bounded in all that a sender
can choose. A message's event id and number are found without parsing it, so that counting alone
keeps up with any sender. Must not know sockets, nor which mapping wrote a message.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from typing import NamedTuple

ID_KEYS = ("externalId", "eventId", "devicePayloadId")
"""Where the shipped mappings write the event id; a test reads them."""
SEQUENCE_KEY = "KubeArmorSeq"
"""`envelope.sequence`: the message's number in its queue, from 1."""
QUEUE_KEY = "KubeArmorQueue"
"""The queue that numbers, where a message says it; all others count as one queue."""

MOST_KINDS = 200
"""So many kinds of faults are counted one by one; what comes after is `OTHER`."""
OTHER = "(other)"
_LONGEST_KIND = 1000  # characters; a sentence may name what a sender wrote
_MOST_QUEUES = 64
_MOST_INTERVALS = 65_536  # of all queues together: whoever sends chooses the numbers
_MOST_SENDERS = 200
_REMEMBERED = 1_000_000
_MOST_MISSING = 20
_LONGEST_VALUE = 256


class Sequence:
    """The numbers of one queue that came, as intervals; order does not matter.

    Two lanes reach the collector out of order, so a number is missing only when nothing more will
    come. Where the intervals become too many, the lowest gap is taken for lost: `give_up`.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []  # inclusive
        self._given_up = 0
        self.repeated = 0

    def add(self, number: int) -> bool:
        """Take a number in; tell whether it is a new one."""
        starts, ends = self._starts, self._ends
        if ends and number == ends[-1] + 1:
            ends[-1] = number
            return True
        at = bisect_right(starts, number)  # the interval before it is the one that may hold it
        if at and number <= ends[at - 1]:
            self.repeated += 1
            return False
        behind = at > 0 and ends[at - 1] == number - 1
        ahead = at < len(starts) and starts[at] == number + 1
        if behind and ahead:
            ends[at - 1] = ends[at]
            del starts[at], ends[at]
        elif behind:
            ends[at - 1] = number
        elif ahead:
            starts[at] = number
        else:
            starts.insert(at, number)
            ends.insert(at, number)
        return True

    def __len__(self) -> int:
        """How many intervals there are."""
        return len(self._starts)

    def give_up(self) -> None:
        """Take the lowest gap for lost."""
        if len(self._starts) > 1:
            self._given_up += self._starts[1] - self._ends[0] - 1
            del self._starts[1], self._ends[0]

    @property
    def first(self) -> int:
        """The lowest number that came; 0 for none."""
        return self._starts[0] if self._starts else 0

    @property
    def last(self) -> int:
        """The highest number that came; 0 for none."""
        return self._ends[-1] if self._ends else 0

    @property
    def missing(self) -> int:
        """How many numbers between the first and the last did not come."""
        came = sum(self._ends) - sum(self._starts) + len(self._starts)
        span = self.last - self.first + 1 if self._starts else 0
        return span - came + self._given_up

    def gaps(self, most: int = _MOST_MISSING) -> tuple[tuple[int, int], ...]:
        """Return the first so many gaps: (first missing, last missing)."""
        pairs = zip(self._ends[:most], self._starts[1 : most + 1], strict=False)
        return tuple((end + 1, start - 1) for end, start in pairs)


class QueueNumbers(NamedTuple):
    """What is known of one queue's numbers; `gaps` are the first 20, both ends inclusive."""

    first: int
    last: int
    missing: int
    repeated: int
    gaps: tuple[tuple[int, int], ...]


class PeerCounts:
    """One connection, or one address that sent datagrams. Written by its own thread alone.

    `ended`: "" while it is open, then how it ended, a word or a sentence for people.
    """

    def __init__(self, transport: str, peer: str, listener: str) -> None:
        self.transport = transport
        self.peer = peer
        self.listener = listener
        self.framing = ""
        self.messages = 0
        self.bytes = 0
        self.ended = ""


class PeerState(NamedTuple):
    """A `PeerCounts` as it was when asked."""

    transport: str
    peer: str
    listener: str
    framing: str
    messages: int
    bytes: int
    ended: str


class Note(NamedTuple):
    """What counting a message showed: its event id ("" for none), and whether that came before."""

    event_id: str
    duplicate: bool


class Snapshot(NamedTuple):
    """All counts at one moment.

    messages = distinct + duplicates; a message without an event id is distinct. `faulty` messages
    have a fault or more; `faults` has all by kind, those of framing too, which belong to no
    message. `headless` ones have no syslog header. `troubles` befell connections and are no fault
    of what was sent. `reused` are numbers that came again with another event. `senders` are the
    last 200 of `connections`.
    """

    messages: int
    bytes: int
    distinct: int
    duplicates: int
    without_id: int
    headless: int
    faulty: int
    formats: dict[str, int]
    transports: dict[str, int]
    faults: dict[str, int]
    queues: dict[str, QueueNumbers]
    reused: int
    connections: int
    refused: int
    troubles: dict[str, int]
    datagrams_lost: int
    senders: tuple[PeerState, ...]

    @property
    def missing(self) -> int:
        """How many numbers of all queues did not come."""
        return sum(queue.missing for queue in self.queues.values())


class Ledger:
    """Counts; not thread-safe, its owner holds a lock.

    `id_keys` are the keys that hold an event id. Ids are remembered as 64-bit hashes, between one
    and two million of them: what repeats an older one counts as distinct.
    """

    def __init__(
        self, *, id_keys: tuple[str, ...] = ID_KEYS, remembered: int = _REMEMBERED
    ) -> None:
        self._id_needles = tuple(f"{key}=".encode() for key in id_keys)
        self._remembered = remembered
        self._young: set[int] = set()
        self._old: set[int] = set()
        self._sequences: dict[bytes, Sequence] = {}
        self._intervals = 0
        self._senders: deque[PeerCounts] = deque(maxlen=_MOST_SENDERS)
        self._faults: Counter[str] = Counter()
        self._troubles: Counter[str] = Counter()
        self._formats: Counter[str] = Counter()
        self._transports: Counter[str] = Counter()
        self.messages = self.bytes = self.duplicates = self.without_id = self.faulty = 0
        self.headless = 0
        self.reused = self.connections = self.refused = self.datagrams_lost = 0

    @property
    def distinct(self) -> int:
        """How many different events came."""
        return self.messages - self.duplicates

    def opened(self, sender: PeerCounts) -> None:
        """Count a connection, or an address that sends its first datagram."""
        self.connections += 1
        self._senders.append(sender)

    def take(self, sender: PeerCounts, message: bytes) -> Note:
        """Count one message of a sender."""
        sender.messages += 1
        sender.bytes += len(message)
        self.messages += 1
        self.bytes += len(message)
        self._transports[sender.transport] += 1
        self.headless += message.startswith(_BEGINNINGS)
        form, separator = _form(message)
        self._formats[form] += 1
        event_id = b""
        for needle in self._id_needles:
            event_id = _value(message, needle, separator)
            if event_id:
                break
        duplicate = bool(event_id) and self._seen(hash(event_id))
        if not event_id:
            self.without_id += 1
        elif duplicate:
            self.duplicates += 1
        number = _value(message, _SEQUENCE, separator)
        if number and not self._number(message, number, separator) and not duplicate:
            self.reused += 1
        return Note(event_id.decode("utf-8", "replace"), duplicate)

    def blame(self, kinds: list[str]) -> None:
        """Count the kinds of faults of one message."""
        self.faulty += bool(kinds)
        for kind in kinds:
            self._count(kind, self._faults)

    def blame_framing(self, kind: str, number: int = 1) -> None:
        """Count a fault of what was sent that belongs to no message."""
        self._count(kind, self._faults, number)

    def befell(self, kind: str) -> None:
        """Count what befell a connection."""
        self._count(kind, self._troubles)

    def _count(self, kind: str, counts: Counter[str], number: int = 1) -> None:
        kind = kind[:_LONGEST_KIND]
        known = kind in counts or len(counts) < MOST_KINDS
        counts[kind if known else OTHER] += number

    def snapshot(self) -> Snapshot:
        """Return all counts."""
        return Snapshot(
            self.messages,
            self.bytes,
            self.distinct,
            self.duplicates,
            self.without_id,
            self.headless,
            self.faulty,
            dict(self._formats),
            dict(self._transports),
            dict(self._faults.most_common()),
            {
                name.decode("utf-8", "replace"): QueueNumbers(
                    each.first, each.last, each.missing, each.repeated, each.gaps()
                )
                for name, each in self._sequences.items()
            },
            self.reused,
            self.connections,
            self.refused,
            dict(self._troubles.most_common()),
            self.datagrams_lost,
            tuple(
                PeerState(
                    each.transport,
                    each.peer,
                    each.listener,
                    each.framing,
                    each.messages,
                    each.bytes,
                    each.ended,
                )
                for each in self._senders
            ),
        )

    def _seen(self, key: int) -> bool:
        if key in self._young:
            return True
        seen = key in self._old
        self._young.add(key)
        if len(self._young) >= self._remembered:
            self._old, self._young = self._young, set()
        return seen

    def _number(self, message: bytes, number: bytes, separator: bytes) -> bool:
        """Take a number into its queue's; tell whether it is a new one there (or none at all)."""
        if len(number) > 18 or not number.isdigit():
            return True
        name = _value(message, _QUEUE, separator)
        sequence = self._sequences.get(name)
        if sequence is None:
            if len(self._sequences) >= _MOST_QUEUES:
                name = OTHER.encode()
            sequence = self._sequences.setdefault(name, Sequence())
        before = len(sequence)
        new = sequence.add(int(number))
        self._intervals += len(sequence) - before
        if self._intervals > _MOST_INTERVALS:
            most = max(self._sequences.values(), key=len)
            self._intervals -= len(most) > 1
            most.give_up()
        return new


_BEGINNINGS = (b"CEF:", b"LEEF:", b"\xef\xbb\xbfCEF:", b"\xef\xbb\xbfLEEF:")
_SEQUENCE = f"{SEQUENCE_KEY}=".encode()
_QUEUE = f"{QUEUE_KEY}=".encode()


def _form(message: bytes) -> tuple[str, bytes]:
    """Return the format of a message, and what parts its keys."""
    cef, leef = message.find(b"CEF:"), message.find(b"LEEF:")
    if leef < 0:
        return ("cef", b" ") if cef >= 0 else ("other", b" ")
    if 0 <= cef < leef:
        return "cef", b" "
    # LEEF:2.0|vendor|product|version|id|^|
    fields = message[leef : leef + 2048].split(b"|", 6)
    if fields[0] == b"LEEF:2.0" and len(fields) == 7 and len(fields[5]) == 1:
        return "leef", fields[5]
    return "leef", b"\t"


def _value(message: bytes, needle: bytes, separator: bytes) -> bytes:
    """Return the value behind `key=`, where the key stands at a key's place; b"" for none."""
    at = message.find(needle)
    while at > 0:
        if message[at - 1 : at] in (separator, b"|"):
            begin = at + len(needle)
            end = message.find(separator, begin, begin + _LONGEST_VALUE)
            return message[begin : end if end >= 0 else begin + _LONGEST_VALUE].rstrip(b"\r\n ")
        at = message.find(needle, at + 1)
    return b""
