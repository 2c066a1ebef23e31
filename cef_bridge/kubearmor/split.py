"""`Data` and `Resource` taken apart into tokens, by the keys that their head is known to have.

KubeArmor joins `key=value` by spaces and escapes nothing (monitor/logUpdate.go), so values with
spaces, empty values and tokens without `=` can only be told apart by knowing the keys of the call.
In come the two texts, out go tokens whose raw texts, in their order, are the text but for the
separators between them: nothing is lost.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from cef_bridge.casing import upper_ascii


class Token(NamedTuple):
    """One `key=value`; `raw` is how it stood there. A key of "" is text that no key explains."""

    key: str
    value: str
    raw: str


# Keys by system call, in the order KubeArmor writes them (monitor/logUpdate.go, UpdateLogs).
_SYSCALL_KEYS = {
    "SYS_OPEN": "flags",
    "SYS_OPENAT": "fd flags",
    "SYS_UNLINK": "",
    "SYS_UNLINKAT": "flags",
    "SYS_RMDIR": "",
    "SYS_CHOWN": "userid group",
    "SYS_FCHOWNAT": "userid group mode",
    "SYS_SETUID": "userid",
    "SYS_SETGID": "userid",
    "SYS_MOUNT": "source target filesystem mountflag data",
    "SYS_UMOUNT": "target flag",
    "SYS_UMOUNT2": "target flag",
    "SYS_PTRACE": "request pid process",
    "SYS_EXECVE": "",
    "SYS_EXECVEAT": "fd flag",
    "SYS_SOCKET": "",
    "SYS_CONNECT": "fd",
    "SYS_BIND": "fd",
    "SYS_ACCEPT": "fd",
    "SYS_LISTEN": "fd",
    "SYS_CLOSE": "fd",
}
ORDERS = {call: ("syscall", *keys.split()) for call, keys in _SYSCALL_KEYS.items()}
HEADS = {
    "kprobe": ("kprobe", "domain"),
    "kfunc": ("kfunc", "domain", "daddr", "qtype"),
    "Class": ("Class", "SubClass", "Protocol", "Level", "SysPath"),
    "SourceIP": (
        "SourceIP",
        "SourcePort",
        "DestinationIP",
        "DestinationPort",
        "Protocol",
        "QuotaLevel",
        "QuotaLimit",
    ),
}
KFUNC_SEPARATORS = " ,"
CAPITAL_KEYS = frozenset(HEADS["Class"] + HEADS["SourceIP"])
"""The keys that KubeArmor itself writes with a capital letter."""


def _any_of(*keys: str) -> re.Pattern[str]:
    names = "|".join(sorted(keys, key=len, reverse=True))
    return re.compile(rf"(?:^| )({names})=")


SYSCALL_KEYS = tuple(dict.fromkeys(key for keys in ORDERS.values() for key in keys))
_ANY_SYSCALL = _any_of(*SYSCALL_KEYS)
LSM_KEYS = ("lsm", "domain", "protocol", "type")
_LSM = _any_of(*LSM_KEYS)
SOCKET_KEYS = (
    "sa_family",
    "sin_port",
    "sin_addr",
    "domain",
    "type",
    "protocol",
    "remoteip",
    "port",
    "remotehost",
)
_SOCKET = _any_of(*SOCKET_KEYS)


def _in_order(text: str, keys: tuple[str, ...], separators: str = " ") -> list[Token]:
    """Split at keys whose order is known: a value cannot pass off its text as an earlier key."""
    starts = [(0, keys[0])]
    at = len(keys[0]) + 1
    for key in keys[1:]:
        found = [
            place for separator in separators if (place := text.find(f"{separator}{key}=", at)) >= 0
        ]
        if found:
            starts.append((min(found) + 1, key))
            at = min(found) + len(key) + 2
    return _cut(text, starts)


def _in_any_order(text: str, pattern: re.Pattern[str]) -> list[Token]:
    """Split at the keys of a pattern, each taken once; a value runs to the next key or the end."""
    starts: dict[str, int] = {}
    for match in pattern.finditer(text):
        starts.setdefault(match[1], match.start(1))
    return _cut(text, [(begin, key) for key, begin in starts.items()])


def _cut(text: str, starts: list[tuple[int, str]]) -> list[Token]:
    """Return the tokens that begin at these places, and what stands before the first."""
    tokens = []
    lead = text[: starts[0][0]].strip(" ") if starts else text
    if lead.strip():
        tokens.append(Token("", lead, lead))
    ends = [begin - 1 for begin, _ in starts[1:]] + [len(text)]
    for (begin, key), end in zip(starts, ends, strict=False):
        tokens.append(Token(key, text[begin + len(key) + 1 : end], text[begin:end]))
    return tokens


def split_data(text: str) -> list[Token]:
    """Return the tokens of a `Data` field; text without a known head is one token of key ""."""
    return list(_split_data(text) if len(text) <= _MOST_KEPT else _tokens_of(text))


_MOST_KEPT = 512  # characters: what is remembered has to be bounded by bytes, not by entries


@lru_cache(maxsize=1024)  # processes do the same thing over and over
def _split_data(text: str) -> tuple[Token, ...]:
    return tuple(_tokens_of(text))


def _tokens_of(text: str) -> list[Token]:
    head, equals, rest = text.partition("=")
    if equals:
        if head == "syscall":
            # Exporters that lower-case values write sys_openat.
            order = ORDERS.get(upper_ascii(rest.partition(" ")[0]))
            return _in_order(text, order) if order else _in_any_order(text, _ANY_SYSCALL)
        if head == "lsm":
            return _split_lsm(text)
        if head == "kfunc":
            # KubeArmor 1.6.0 to 1.6.5 joined these by commas, later versions by spaces.
            return _in_order(text, HEADS[head], KFUNC_SEPARATORS)
        if head in HEADS:
            return _in_order(text, HEADS[head])
    return [Token("", text, text)] if text.strip() else []


def _split_lsm(text: str) -> list[Token]:
    """`lsm=CAPABLE CAP_NET_RAW` and `lsm=SOCKET_CREATE HOPOPT` end in a token without a key."""
    first, *others = _in_any_order(text, _LSM)
    hook, space, bare = first.value.partition(" ")
    tokens = [Token("lsm", hook, f"lsm={hook}")]
    if space and (bare := bare.strip(" ")):
        key = "capability" if upper_ascii(hook) == "CAPABLE" else "protocol"
        if any(token.key == key for token in others):
            key = ""
        tokens.append(Token(key, bare, bare))
    return tokens + others


_UNIX = "sa_family=AF_UNIX"
_SUN_PATH = "sun_path="


def split_socket(text: str) -> list[Token]:
    """Return the tokens of a Network event's `Resource`.

    Those of connect and bind come in random order (a Go map's). A bare word (a protocol or a DNS
    name) is one token of key "".
    """
    return _split_unix(text) or _in_any_order(text, _SOCKET)


def _split_unix(text: str) -> list[Token]:
    """Split the address of a Unix socket, which has two tokens in either order.

    Who chose the path must not be able to write an IP address into it: all of it is the path.
    """
    unix, path = text[: len(_UNIX)], text[len(_UNIX) + 1 :]
    if upper_ascii(unix) == upper_ascii(_UNIX) and path.startswith(_SUN_PATH):
        found = [unix, path]
    elif text.startswith(_SUN_PATH):
        found = [text]
        if upper_ascii(text[-len(_UNIX) - 1 :]) == upper_ascii(f" {_UNIX}"):
            found = [text[: -len(_UNIX) - 1], text[-len(_UNIX) :]]
    else:
        return []
    return [Token(raw.partition("=")[0], raw.partition("=")[2], raw) for raw in found]


def without_remote_host(resource: str) -> str:
    """Cut off ` remotehost=…`, which the relay appends to what a tcp_ probe reports.

    relayServer.go, addRemoteHostInfo; the node's own copy of the event has not got it.
    """
    return resource.partition(" remotehost=")[0] if resource.startswith("remoteip=") else resource


RESOURCE_KEYS = frozenset((*SOCKET_KEYS, "sun_path"))
"""The keys that a Network event's `Resource` can have."""
