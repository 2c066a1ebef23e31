"""Secrets in command lines, replaced by `***`; the name of the option that held one stays.

In comes a text that an attacker may have written, out comes a text without what looks like a
secret. Over-redaction is the smaller harm: what a SIEM has stored cannot be called back. Each
pattern is linear: it starts at word borders or at fixed words, and its parts are disjoint or
bounded. Words of ours match in any case of ASCII, `(?ai:…)`, and white space is all of Unicode's.
The engine has the same passes by hand: engine/src/redact.rs. Must not know mappings or events.
"""

from __future__ import annotations

import re
from functools import cache

MARK = "***"

_NAMES = (
    r"(?ai:(?<![a-z])pass|password|passwd|passphrase|passcode|secret|token"
    r"|(?:api|access|secret|private|account|shared|encryption|signing|master)[_-]?key"
    # PWD and OLDPWD are working directories
    r"|(?-i:(?<![A-Za-z])[Pp]wd|(?<=_)PWD)|credentials?|connection[_-]?string"
    r"|(?<![a-z])auth(?=[=:]))"
)
# What is redacted already comes first: the comma of `"password": ***, "user": …` stays.
_VALUE = r"(?:\*\*\*|\"[^\"]*\"|'[^']*'|\S+)"

_KEY_BLOCK = (
    r"(?s:-----BEGIN ([A-Z0-9 ]{0,40})PRIVATE KEY-----.*?(?:-----END \1PRIVATE KEY-----|\Z))"
)
# A user's password or a bare token before a host: neither part holds a slash, so starts are far
# enough apart to keep this linear.
_URL = r"(://[^\s/?#:@]*):[^\s/]+@"
_URL_TOKEN = r"://[^\s/?#:@]{16,}@"  # noqa: S105 - a pattern
_AUTHORIZATION = (
    r"((?ai:authorization)[\"']?\s{0,4}[:=]\s{0,4}[\"']?"
    r"(?:(?ai:bearer|basic|token|digest|negotiate)\s{1,4}[\"']?)?)[^\s\"']+"
)
_BEARER = r"((?<!\S)[\"']?(?ai:bearer)\s{1,4}[\"']?)[^\s\"']{8,}"
_ASSIGNED = rf"({_NAMES}[\"']?\s{{0,2}}(?:=|:(?!//))\s{{0,2}}){_VALUE}"
# The next word, unless it is an option itself: `mysql --password -u root` asks for it instead.
_OPTION = rf"((?<!\S)-{{1,2}}[A-Za-z0-9_.-]{{0,40}}?{_NAMES}\s{{1,4}})(?!-){_VALUE}"
_TOKENS = (
    r"(?<![A-Za-z0-9_-])(?:"
    r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # AWS access key ids
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"  # JSON web tokens
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10,}"
    r")"
)
_PASSES = (
    (_KEY_BLOCK, MARK),
    (_URL, rf"\1:{MARK}@"),
    (_URL_TOKEN, f"://{MARK}@"),
    (_TOKENS, MARK),
    (_AUTHORIZATION, rf"\1{MARK}"),
    (_BEARER, rf"\1{MARK}"),
    (_ASSIGNED, rf"\1{MARK}"),
    (_OPTION, rf"\1{MARK}"),
)
"""Patterns in the order in which they are looked for, and what takes the place of each."""
# Short options that hold a secret, by program; where no program is known, `-p` is anything.
_GLUED = r"((?<=\s)-p)\S+"
_GLUED_OR_NEXT = r"((?<=\s)-p\s{0,4})(?!-)\S+"
_REDIS = r"((?<=\s)-a\s{1,4})\S+"
_USER = r"((?<=\s)(?:-u|--user|-U|--proxy-user)\s{0,4}[^\s:]{0,256}:)\S+"
_BY_PROGRAM = {
    **dict.fromkeys(
        ("mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlsh", "mariadb", "mariadb-dump"),
        _GLUED,
    ),
    "sshpass": _GLUED_OR_NEXT,
    "redis-cli": _REDIS,
    "curl": _USER,
}


def redact(text: str) -> str:
    """Return a command line with `***` for what looks like a secret. Idempotent.

    Passwords, tokens and keys as options, assignments, headers and JSON; passwords in URLs; AWS
    key ids, JSON web tokens, GitHub, GitLab and Slack tokens; private key blocks.

    >>> redact("mysql -u root --password=hunter2 -h db")
    'mysql -u root --password=*** -h db'
    >>> redact("curl -H 'Authorization: Bearer abc.def' https://bob:pw@host/x")
    "curl -H 'Authorization: Bearer ***' https://bob:***@host/x"
    """
    program = text.lstrip().partition(" ")[0].rpartition("/")[2]
    by_program = _BY_PROGRAM.get(program)
    if by_program:
        text = re.sub(by_program, rf"\1{MARK}", text)
    for pattern, by in _passes():
        text = pattern.sub(by, text)
    return text


@cache
def _passes() -> list[tuple[re.Pattern[str], str]]:
    # Slow to compile, and the engine redacts without them
    return [(re.compile(pattern), by) for pattern, by in _PASSES]
