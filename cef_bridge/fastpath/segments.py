"""What a plan's line is made of: constants, and parts that change from event to event.

The kinds of parts, as values: `slots` and its neighbours make them, `template` and `bake` turn them
into code. The functions in them raise `Irregular` for what they were not made for; the event then
takes the plain path, which knows everything. Everything remembered is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from orjson import dumps

from cef_bridge.events.clock import microseconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.fastpath.memory import Memo
    from cef_bridge.fastpath.workloads import Workload

Raw: TypeAlias = "dict[str, object]"


class Irregular(Exception):  # noqa: N818 - no error: the plain path takes over
    """The event is not of the shape that a remembered plan was made for."""


class Constant(NamedTuple):
    """Text that is the same in all lines of a plan."""

    text: str


class WorkloadPiece(NamedTuple):
    """One of the workload's pieces, by its place."""

    number: int


class Integer(NamedTuple):
    """An integer field as it is; nothing for 0 with `skip_zero`, nor for the value of `other`."""

    key: str
    prefix: str
    suffix: str
    skip_zero: bool = False
    other: str = ""


class Guard(NamedTuple):
    """No text: an integer field that must be more than 0."""

    key: str


class Text(NamedTuple):
    """A text field through a rule: `memo` by the raw text, `miss` for a value that is not kept
    there, which `make` renders.
    """

    key: str
    memo: Memo[str]
    miss: Callable[[object], str]
    make: Callable[[str], str]


class Time(NamedTuple):
    """`UpdatedTime` as epoch milliseconds."""

    prefix: str


class EventId(NamedTuple):
    """The event id; `head` and `tail` are the parts of its text that the plan knows, `integers`
    the process ids that the event has; `policy`: the policy's name stands before the tail.
    """

    prefix: str
    suffix: str
    head: str
    tail: str
    integers: tuple[str, ...]
    policy: bool
    stable: Callable[[str], str] | None


class ActKey(NamedTuple):
    """The act key; `first_word`: of the path's field only the first word counts."""

    prefix: str
    suffix: str
    group: str
    key: str
    is_exec: bool
    first_word: bool


class Summary(NamedTuple):
    """The sentence about the event, by the function that makes it; `split` gives what stands
    before and after the place in it, None when that is not sure.
    """

    make: Callable[[Raw, Workload], str]
    split: Callable[[Raw], tuple[str, str] | None]


class Joined(NamedTuple):
    """One of several texts that depend on the same fields and share one look-up."""

    joint: int
    piece: int


Part: TypeAlias = (
    Constant | WorkloadPiece | Integer | Guard | Text | Time | EventId | ActKey | Summary | Joined
)


class Joint(NamedTuple):
    """Texts that depend on the same fields: `memo` by their values, `miss` makes them.

    `key` is the one field it depends on, "" when there are several: then `find` looks them up.
    `by_workload`: the workload is among what it depends on.
    """

    key: str
    memo: Memo[tuple[str, ...]]
    miss: Callable[[Raw], tuple[str, ...]]
    find: Callable[[Raw, Workload], tuple[str, ...]]
    by_workload: bool


def same(value: object) -> str:
    """Return a text that tells a list or a map from all others, for the key of a memo.

    orjson's own bytes are not kept: each holds 4 KB for as long as it lives (orjson 3.13, measured;
    with 10,000 pods that was 40 MB).
    """
    return dumps(value).decode()


def text_miss(make: Callable[[str], str], memo: Memo[str]) -> Callable[[object], str]:
    """Return what gives a text for a value that is not kept; `make` may raise Irregular."""

    def miss(value: object) -> str:
        if value is None:
            return make("")
        if not isinstance(value, str):
            raise Irregular
        piece = memo.again(value)
        if piece is None:
            piece = make(value)
            memo.note(value, piece, len(value), len(piece))
        return piece

    return miss


# "2023-08-23T18:05:48" -> epoch seconds as text: events come in bursts.
SECONDS: dict[str, str] = {}
_MOST_SECONDS = 4096
_TEN_DIGITS = 10**15  # in microseconds


def remember_second(text: object) -> str:
    """Return the epoch seconds of a time of the usual form, `2023-08-23T18:05:48.301798Z`.

    They have ten digits, in the years 2001 to 2286: CEF's timestamps of 13 digits say no others.
    """
    if not isinstance(text, str) or len(text) != 27:
        raise Irregular
    micros = microseconds(text)
    if micros is None or not _TEN_DIGITS <= micros < 10 * _TEN_DIGITS:
        raise Irregular
    if len(SECONDS) >= _MOST_SECONDS:
        SECONDS.clear()
    seconds = SECONDS[text[:19]] = str(micros // 1_000_000)
    return seconds
