"""The engine's functions of texts against the Python reference, over texts made up by hypothesis.

The engine's side is engine/examples/oracle.rs.
"""

from __future__ import annotations

import re
import shutil
import warnings
from fnmatch import fnmatchcase, translate

import pytest
from engine_oracle import running
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cef_bridge import casing
from cef_bridge.mapping.language import transforms
from cef_bridge.mapping.language.redaction import redact

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="needs cargo")
many = settings(max_examples=300, deadline=None)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with running(tmp_path_factory.mktemp("engine")) as oracle:
        yield oracle


# White space of Python, of others (U+200B is none), and what Unicode folds to k, s and i.
ODD = "\t\n\x0b\x0c\r\x1c\x1f\x85\xa0\u1680\u2000\u200a\u200b\u2028\u202f\u3000\u212aſİıéßΣς😀"
PLAIN = st.characters(codec="utf-8")


def texts_of(pieces):
    """Texts that are put together from some pieces, odd characters, and any others."""
    return st.lists(st.sampled_from([*pieces, *ODD]) | PLAIN, max_size=12).map("".join)


GLOB_PIECES = [
    *"**??[[]]!!--^&|~\\abckszKSZ/._ ",
    "[!",
    "[a-c]",
    "[!a-c]",
    "[z-a",
    "[]",
    "a-z",
    "--",
]


@many
@given(pattern=texts_of(GLOB_PIECES), text=texts_of("aabbckszKSZ-!]^[/._"))
@example("[z-a!-~]", "-")
@example("[z-a!b]", "a")
@example("[!z-a]x", "\nx")
@example("[k]*[!s]", "\u212aſ")
def test_globs(engine, pattern, text):
    # What the pattern says literally is a text that often matches.
    texts = [text, pattern, pattern.replace("*", text).replace("?", "a").upper()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # "possible nested set" of re
        any_case = re.compile(translate(pattern), re.IGNORECASE | re.ASCII)
        for each in texts:
            exactly = fnmatchcase(each, pattern)
            assert engine.ask("glob", pattern, each) == ("yes" if exactly else "no")
            matches = any_case.match(each) is not None
            assert engine.ask("glob in any case", pattern, each) == ("yes" if matches else "no")


PATH_PIECES = [*"/ab|:,.- 12", "//", "@sha256:", "a:b", "aa", "(", ")", " -c "]
SECRET_NAMES = [
    *("pass", "password", "passwd", "passphrase", "passcode", "secret", "token", "auth"),
    *(f"{first}{joint}key" for first in ("api", "Secret", "MASTER") for joint in ("", "-", "_")),
    *("pwd", "Pwd", "PWD", "OLDPWD", "_PWD", "credential", "CREDENTIALS", "connection-string"),
]
SECRETS = [
    *("AKIAIOSFODNN7EXAMPLE", "ASIA0123456789ABCDEF", "eyJhbGciOiJI", ".eyJzdWIi", ".c2ln"),
    *("ghp_0123456789abcdefghij", "github_pat_0123456789_bcdefghij", "glpat-0123456789abcdef"),
    *("xoxb-0123456789", "0123456789abcdef", "ABCDEFGHIJKLMNOP", "a" * 39, "a" * 256),
    *("-----BEGIN ", "-----END ", "RSA ", "PRIVATE KEY", "-----", "PRIVATE KEY-----"),
    *("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----", "-----BEGIN A"),
]
SIGNS = [
    *(
        "://",
        "//",
        "/",
        "@",
        ":",
        ":",
        "=",
        "=",
        '"',
        "'",
        '"',
        "'",
        "-",
        "--",
        "_",
        ".",
        "?",
        "***",
    ),
    *("authorization", "Authorization: ", "bearer", "Bearer ", "Basic", "token", "digest "),
    *("://bob:", "://:", "pw@", "token=", "secret: ", "--db-password ", "-api-key ", "='a ", '"b"'),
    *("-u", "--user", "-U ", "--proxy-user", "-p", "-p ", "-a", "-a ", "bob:", "x", "ſ", "k"),
]
PROGRAMS = [
    "",
    "",
    "mysql ",
    "/usr/bin/mariadb-dump ",
    "sshpass ",
    "a/redis-cli ",
    "\tcurl ",
    "mysql\t",
]
SPACES = [" "] * 4 + ["  ", "   ", " " * 4, " " * 5]
REDACT_PIECES = [*SECRET_NAMES, *SECRETS, *SIGNS, *SIGNS, *SPACES, *SPACES]
any_case = st.sampled_from([str, str, str, str.upper, str.title, str.swapcase])


def redactable():
    """Texts rich in what the patterns look for, after a program with options of its own or none."""
    pieces = st.sampled_from(REDACT_PIECES)
    odd = st.sampled_from(ODD) | PLAIN
    piece = st.one_of(
        pieces, pieces, pieces, odd, st.builds(lambda to, it: to(it), any_case, pieces)
    )
    several = st.lists(piece, max_size=14).map("".join)
    return st.builds(lambda program, text: program + text, st.sampled_from(PROGRAMS), several)


@many
@given(text=redactable())
def test_redact(engine, text):
    once = redact(text)
    assert engine.ask("via", "redact", text) == once
    # What is redacted already, and what stands in other places.
    for other in (once, text.replace(" ", "\x1f"), f"--token={text}", text[:-1], text[1:]):
        assert engine.ask("via", "redact", other) == redact(other)


BORDERS = [
    *(
        "authorization : 'Bearer  abc'",
        'Authorization: Bearer "abc"',
        "authorization=authorization =x",
    ),
    *(
        "Authorization:     x",
        "authorization\u2003=\x1fdigest\x85abc",
        'authorization="',
        "Authorization:",
    ),
    *("bearer bearer12", "'bearer    aaaaéaaa'", "bearer     aaaaaaaa", "xbearer aaaaaaaa"),
    *("apass=x", "épass=x", "a.pass=x", "auth =x", "auth:x", "auth://x", "bauth=x", "_auth=auth=x"),
    *("token   =x", "token  =  x", "token=   x", "token:= x", "token://x", "token = = x", "token="),
    *("token=***x", "token='a b", 'token="a\nb"c', 'token="\'"', 'token=" token=" token=\''),
    *(
        "OLDPWD=x",
        "X_PWD=x",
        "xPwd=x",
        "pwd=x",
        "PwD=x",
        "pwd x",
        "-pwd x",
        "--my_PWD x",
        "--PWD x",
    ),
    *(
        "secretkey=x",
        "secret__key=x",
        "sharedaccess_key=x",
        "CREDENTIALs: x",
        "connection--string=x",
    ),
    *(f"{dashes}{'a' * count}token x" for dashes in ("-", "--", "---") for count in (39, 40, 41)),
    *(
        "--token -x",
        "--token",
        "--token     x",
        "---token x",
        "-- token x",
        "--token 'a b'--key-token x",
    ),
    *("--tokenauth x", "--auth x", "--tökenkey x", "--api-key\u3000é", "token x", "x--token x"),
    *(
        "://a:b@c@d/e@f",
        "://:@",
        "://:@@",
        "://a:b://c:d@e",
        "://a@b:c@d",
        f"://{'a' * 16}@",
        "://é:é@",
    ),
    *(f"://{'é' * 15}@", f"://{'é' * 16}@x", f"://{'a' * 16}:@", f"x://{'a' * 15}?@", "://a b:c@d"),
    *(
        "xAKIAIOSFODNN7EXAMPLE",
        "AKIAIOSFODNN7EXAMPLEX",
        "AKIAIOSFODNN7EXAMPLE_",
        "éAKIAIOSFODNN7EXAMPLEé",
    ),
    *(
        "eyJaaaaaaaa.bbbb",
        "eyJaaaaaaaa.bbbb.",
        "eyJaaaaaaaa.bbb",
        "eyJaaaaaaa.bbbb",
        "eyJ.eyJaaaaaaaa.bbbb.c.d",
    ),
    *("xoxb-0123456789_a", "xoxc-0123456789", "ghp_0123456789abcdefghij_ghp_0123456789abcdefghij"),
    "-----BEGIN PRIVATE KEY-----END PRIVATE KEY----- x",
    "-----BEGIN A PRIVATE KEY-----\n-----END PRIVATE KEY----------END A PRIVATE KEY-----x",
    f"-----BEGIN {'A' * 40}PRIVATE KEY-----",
    f"-----BEGIN {'A' * 41}PRIVATE KEY-----",
    "------BEGIN -----BEGIN PRIVATE KEYPRIVATE KEY----- x",
    *(
        "mysql -px -p x -p-x",
        "-px mysql",
        " mysql -px",
        "mysql\t-px",
        "mysql\u2003-px -px",
        "a mysql -px",
    ),
    *("sshpass -p -x", "sshpass -p-x", "sshpass -p    x", "sshpass -p     x", "sshpass -p -p -p x"),
    *("redis-cli -ax", "redis-cli -a -a x", "redis-cli -a     x", "redis-cli -a"),
    *(
        "curl -u a: b",
        "curl -u -u a:b",
        "curl --user-agent=a:b",
        "curl -U    a:b:c",
        "curl --proxy-usera:b",
    ),
    *(
        f"curl -u {'é' * 256}:b",
        f"curl -u {'é' * 257}:b",
        "curl -u     a:b",
        "curl -u :b",
        "curl -u a:",
    ),
    *("", "a", "@", "\n", "é"),
]


@pytest.mark.parametrize("text", BORDERS)
def test_redact_at_borders(engine, text):
    assert engine.ask("via", "redact", text) == redact(text)


ARGUMENTS = sorted({it for each in transforms.TRANSFORMS.values() for it in each.arguments})
CASES = {"lower": casing.lower, "upper": casing.upper}


@many
@given(text=texts_of(PATH_PIECES))
def test_transforms_without_arguments(engine, text):
    for name, transform in transforms.TRANSFORMS.items():
        if not transform.arguments and name != "redact":
            reference = CASES.get(name, transform.function)
            assert engine.ask("via", name, text) == reference(text)


@many
@given(text=texts_of(PATH_PIECES), data=st.data())
def test_transforms_with_arguments(engine, text, data):
    marks = st.sampled_from(PATH_PIECES) | st.text(PLAIN, min_size=1, max_size=2)
    kinds = {"part": st.integers(1, 9).map(str), "new": marks | st.just("")}
    given = {name: data.draw(kinds.get(name, marks)) for name in ARGUMENTS}
    for name, transform in transforms.TRANSFORMS.items():
        if transform.arguments:
            arguments = [given[it] for it in transform.arguments]
            expected = transform.function(text, *arguments)
            assert engine.ask("via", name, *arguments, text) == expected


@pytest.mark.parametrize("new", ["aa", "é" * 64, "é", ""])
def test_replace_makes_a_text_longer_by_as_much_as_the_reference(engine, new):
    text = "ab" * 5000
    assert engine.ask("via", "replace", "a", new, text) == transforms.replace(text, "a", new)
