"""`Data` and `Resource` taken apart into tokens, by the keys that their head is known to have.

KubeArmor joins `key=value` by spaces and escapes nothing (monitor/logUpdate.go), so values with
spaces, empty values and tokens without `=` can only be told apart by knowing the keys of the call.
In come the two texts, out go tokens whose raw texts, joined again, are the text: nothing is lost.
"""

from __future__ import annotations

import re
from typing import NamedTuple


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
_ANY_SYSCALL = " ".join(dict.fromkeys(" ".join(_SYSCALL_KEYS.values()).split()))
_HEADS = {
    "kprobe": "domain",
    "kfunc": "domain daddr qtype",
    "lsm": "domain protocol type",
    "Class": "SubClass Protocol Level SysPath",
    "SourceIP": "SourcePort DestinationIP DestinationPort Protocol QuotaLevel QuotaLimit",
}
_RESOURCE_KEYS = (
    "sa_family sin_port sin_addr sun_path domain type protocol remoteip port remotehost"
)
_PATTERNS: dict[tuple[str, str], re.Pattern[str]] = {}


def _scan(text: str, keys: str, separators: str) -> list[Token]:
    """Split at the known keys, each taken once; a value runs to the next key or the end."""
    pattern = _PATTERNS.get((keys, separators))
    if pattern is None:
        names = "|".join(sorted(keys.split(), key=len, reverse=True))
        pattern = re.compile(rf"(?:^|[{separators}])({names})=" if names else r"(?!)")
        _PATTERNS[keys, separators] = pattern
    starts: list[tuple[int, int, str]] = []
    seen: set[str] = set()
    for match in pattern.finditer(text):
        if match[1] not in seen:
            seen.add(match[1])
            starts.append((match.start(1), match.end(), match[1]))
    tokens = []
    if lead := text[: starts[0][0]].strip(separators) if starts else text.strip():
        tokens.append(Token("", lead, lead))
    for index, (begin, value_begin, key) in enumerate(starts):
        end = starts[index + 1][0] - 1 if index + 1 < len(starts) else len(text)
        tokens.append(Token(key, text[value_begin:end], text[begin:end]))
    return tokens


def split_data(text: str) -> list[Token]:
    """Return the tokens of a `Data` field; text without a known head is one token of key ""."""
    head, equals, rest = text.partition("=")
    if not equals:
        return [Token("", text, text)] if text.strip() else []
    if head == "syscall" or head.lower() == "syscall":
        call = rest.partition(" ")[0]
        keys = _SYSCALL_KEYS.get(call.upper(), _ANY_SYSCALL)
        return _scan(text, f"syscall {keys}", " ")
    if head == "kfunc":
        # KubeArmor 1.6.0 to 1.6.5 joined these by commas, later versions by spaces.
        return _scan(text, f"kfunc {_HEADS['kfunc']}", " ,")
    if head == "lsm":
        return _split_lsm(text)
    if head in _HEADS:
        return _scan(text, f"{head} {_HEADS[head]}", " ")
    return [Token("", text, text)]


def _split_lsm(text: str) -> list[Token]:
    """`lsm=CAPABLE CAP_NET_RAW` and `lsm=SOCKET_CREATE HOPOPT` end in a token without a key."""
    first, *others = _scan(text, f"lsm {_HEADS['lsm']}", " ")
    hook, space, bare = first.value.partition(" ")
    tokens = [Token("lsm", hook, f"lsm={hook}")]
    if space and (bare := bare.strip()):
        key = "capability" if hook == "CAPABLE" else "protocol"
        if any(token.key == key for token in others):
            key = ""
        tokens.append(Token(key, bare, bare))
    return tokens + others


def split_socket(text: str) -> list[Token]:
    """Return the tokens of a Network event's `Resource`; those of connect and bind come in random
    order (Go map). A bare word (a protocol or a DNS name) is one token of key "".
    """
    return _scan(text, _RESOURCE_KEYS, " ")


def without_remote_host(resource: str) -> str:
    """Cut off ` remotehost=…`, which the relay appends (addRemoteHostInfo) and the node has not."""
    return resource.partition(" remotehost=")[0]
