from __future__ import annotations

import doctest
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cef_bridge import wording
from cef_bridge.mapping import redaction, transforms
from cef_bridge.mapping.redaction import redact


@pytest.mark.parametrize("module", [transforms, redaction, wording])
def test_every_docstring_example_holds(module):
    result = doctest.testmod(module)
    assert result.attempted >= 1
    assert result.failed == 0


@pytest.mark.parametrize("name", transforms.TRANSFORMS)
def test_every_transform_has_an_example(name):
    assert ">>> " + name in (transforms.TRANSFORMS[name].__doc__ or "")


@pytest.mark.parametrize("name", transforms.TRANSFORMS)
@given(text=st.text())
def test_no_text_breaks_a_transform(name, text):
    assert isinstance(transforms.find(name)(text), str)


@pytest.mark.parametrize(
    ("transform", "before", "after"),
    [
        ("basename", "", ""),
        ("basename", "/", "/"),
        ("basename", "apt", "apt"),
        ("dirname", "apt", ""),
        ("dirname", "//apt", "/"),
        ("first_word", "  sh\t-c x", "sh"),
        ("first_word", " \n ", ""),
        ("strip_digest", "repo@sha256:", "repo"),
    ],
)
def test_borders_of_transforms(transform, before, after):
    assert transforms.find(transform)(before) == after


SECRETS = [
    ("--password=x y", "--password=*** y"),
    ("--password x y", "--password *** y"),
    ("--db-password 'a b' y", "--db-password *** y"),
    ("mysql --password -u root", "mysql --password -u root"),
    ("/usr/bin/mysql -uroot -pSECRET db", "/usr/bin/mysql -uroot -p*** db"),
    ("ssh -p2222 host", "ssh -p2222 host"),
    ("mkdir -p /a/b", "mkdir -p /a/b"),
    ("sshpass -p hunter2 ssh host", "sshpass -p *** ssh host"),
    ("sshpass -phunter2 ssh host", "sshpass -p*** ssh host"),
    ("redis-cli -a hunter2 ping", "redis-cli -a *** ping"),
    ("curl -u bob:pw https://h/", "curl -u bob:*** https://h/"),
    ("curl -ubob:pw https://h/", "curl -ubob:*** https://h/"),
    ("env MYSQL_ROOT_PASSWORD=a,b&c sh", "env MYSQL_ROOT_PASSWORD=*** sh"),
    ("PASSWORD=x", "PASSWORD=***"),
    ("DB_PASS=x", "DB_PASS=***"),
    ("env PWD=/root OLDPWD=/ sh", "env PWD=/root OLDPWD=/ sh"),
    ("compass=north bypass=1", "compass=north bypass=1"),
    ("Server=s;Pwd=x", "Server=s;Pwd=***"),
    ("https://h/?token=abc", "https://h/?token=***"),
    ('{"password": "a b", "user": "bob"}', '{"password": ***, "user": "bob"}'),
    ("aws_secret_access_key = abc/def+", "aws_secret_access_key = ***"),
    ("AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_ACCESS_KEY_ID=***"),
    ("--password-file /run/secrets/db", "--password-file /run/secrets/db"),
    ("wget --header=Authorization:Basic dXNlcjpwdw== h", "wget --header=Authorization:Basic *** h"),
    ("-H Authorization: Bearer abc", "-H Authorization: Bearer ***"),
    ("-H 'X: Bearer abcdefgh'", "-H 'X: Bearer ***'"),
    (
        "git clone https://ghp_0123456789abcdefghij@github.com/x",
        "git clone https://***@github.com/x",
    ),
    ("redis://:p@ss@host:6379/0", "redis://:***@host:6379/0"),
    ("postgres://bob:p:w@db/x", "postgres://bob:***@db/x"),
    ("http://host:8080/x@y", "http://host:8080/x@y"),
    ("x eyJhbGciOiJI.eyJzdWIi.c2ln y", "x *** y"),
    ("x ghp_0123456789abcdefghij", "x ***"),
    (
        "echo -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- > k",
        "echo *** > k",
    ),
    ("echo -----BEGIN PRIVATE KEY----- MII", "echo ***"),
    ("ls -la /etc/passwd", "ls -la /etc/passwd"),
    ("kubectl get secret db -o yaml", "kubectl get secret db -o yaml"),
    ("vault --author bob --key-type x", "vault --author bob --key-type x"),
]


@pytest.mark.parametrize(("before", "after"), SECRETS)
def test_secrets_go_and_the_names_of_options_stay(before, after):
    assert redact(before) == after


PIECES = [piece for pair in SECRETS for text in pair for piece in (text, *text.split(" "))]
HOSTILE = [*PIECES, " ", "=", ":", '"', "'", "-", "--", "\n", "***", "@", "://", "eyJ", "."]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(HOSTILE), max_size=12).map("".join) | st.text())
def test_redacting_twice_changes_nothing(text):
    once = redact(text)
    assert redact(once) == once


REPEATED = [*(before for before, _ in SECRETS), *HOSTILE[len(PIECES) :]]


@pytest.mark.parametrize("piece", [*REPEATED, "a", "A", "-a", "a:", "://a", "eyJa-", "auth", "-p "])
def test_64_kib_of_hostile_text_take_no_longer_than_a_page_of_it(piece):
    text = (piece * (65536 // len(piece) + 1))[:65536]
    started = time.process_time()
    redact(f"mysql {text}")
    # Linear patterns take 5 to 60 ms here; the first quadratic one took minutes.
    assert time.process_time() - started < 2.0
