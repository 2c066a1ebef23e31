from __future__ import annotations

import doctest
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cef_bridge import wording
from cef_bridge.mapping.examples import written
from cef_bridge.mapping.language import redaction, transforms
from cef_bridge.mapping.language.dump import to_yaml
from cef_bridge.mapping.language.redaction import redact
from cef_bridge.mapping.language.spec import Mapping, Rule, Step
from cef_bridge.mapping.load import load, problems
from cef_bridge.mapping.program.compile import Program


@pytest.mark.parametrize("module", [transforms, redaction, wording])
def test_every_docstring_example_holds(module):
    result = doctest.testmod(module)
    assert result.attempted >= 1
    assert result.failed == 0


@pytest.mark.parametrize("name", transforms.TRANSFORMS)
def test_every_transform_has_an_example(name):
    assert ">>> " + name in (transforms.TRANSFORMS[name].function.__doc__ or "")


@pytest.mark.parametrize("name", transforms.TRANSFORMS)
@given(text=st.text())
def test_no_text_breaks_a_transform(name, text):
    arguments = transforms.TRANSFORMS[name].arguments
    given = tuple("2" if it == "part" else "e" for it in arguments)
    assert isinstance(transforms.find(Step(name, given) if given else name)(text), str)


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
    ('-H Authorization: Bearer "abc"', '-H Authorization: Bearer "***"'),
    ("--header 'Bearer' \"abcdefgh\"", "--header 'Bearer' \"abcdefgh\""),
    ("x bearer 'abcdefgh' y", "x bearer '***' y"),
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


@pytest.mark.parametrize(
    "text",
    [
        "to\u212aen=x",
        "\u017fecret: x",
        "--pa\u017f\u017fword x",
        "author\u0130zation: x",
        "api\u212aey=x",
    ],
)
def test_words_of_secrets_match_in_any_case_of_ascii_alone(text):
    assert redact(text) == text
    plain = text.translate({0x212A: "K", 0x17F: "S", 0x130: "I"})
    assert redact(plain) == plain.removesuffix("x") + "***"


@pytest.mark.parametrize("space", ["\x1c", "\x85", "\xa0", "\u2003", "\u3000"])
def test_white_space_of_all_kinds_ends_a_secret(space):
    assert (
        redact(f"--token{space}x{space}y PASS=x{space}y")
        == f"--token{space}***{space}y PASS=***{space}y"
    )


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


def made(name, arguments, text):
    return transforms.find(Step(name, arguments))(text)


@pytest.mark.parametrize(
    ("name", "arguments", "text", "expected"),
    [
        ("before", (":",), "a:b:c", "a"),
        ("before", (":",), "abc", ""),
        ("before", (":",), ":abc", ""),
        ("before_last", (":",), "a:b:c", "a:b"),
        ("before_last", (":",), "abc", ""),
        ("after", ("::",), "a::b::c", "b::c"),
        ("after", (":",), "abc", ""),
        ("after_last", (":",), "a:b:c", "c"),
        ("after_last", (":",), "abc", ""),
        ("after_last", (":",), "abc:", ""),
        ("between", ("(", ")"), ")a(b)c)", "b"),
        ("between", ("(", ")"), "a(b", ""),
        ("between", ("(", ")"), "ab)", ""),
        ("between", ("'", "'"), "say 'a' or 'b'", "a"),
        ("part", ("1", ","), "a", "a"),
        ("part", ("1", ","), "a,b", "a"),
        ("part", ("2", ","), "a", ""),
        ("part", ("2", ","), "a,b,c", "b"),
        ("part", ("3", ","), "a,b,c", "c"),
        ("part", ("4", ","), "a,b,c", ""),
        ("part", ("2", ","), "a,,c", ""),
        ("replace", ("a", "b"), "banana", "bbnbnb"),
        ("replace", ("aa", "a"), "aaaa", "aa"),  # once: what comes out is not read again
        ("replace", ("a", "aa"), "aa", "aaaa"),
        ("replace", ("a", ""), "banana", "bnn"),
    ],
)
def test_borders_of_transforms_with_arguments(name, arguments, text, expected):
    assert made(name, arguments, text) == expected


@given(st.text(max_size=3000), st.text(min_size=1, max_size=3), st.text(max_size=64))
def test_replacing_lets_a_text_grow_by_a_bounded_number(text, old, new):
    assert len(made("replace", (old, new), text)) <= len(text) + 4096


def test_replacing_ends_where_the_bound_is_and_keeps_the_rest():
    got = made("replace", ("a", "x" * 64), "a" * 1_000_000)
    assert len(got) < 1_005_000
    assert got.endswith("aaa")


@pytest.fixture
def program(tmp_path):
    def compiled(text):
        path = tmp_path / "m.yaml"
        path.write_text(f"mapping: m\ncluster: lab\nunmapped: keep\n{text}")
        return Program(load(path))

    return compiled


EVENT = {"Type": "ContainerLog", "Operation": "File", "Cwd": "/srv/web", "Source": "tool --password=hunter2 x"}  # fmt: skip


def test_a_new_transform_by_the_recipe_loses_nothing(program, monkeypatch):
    monkeypatch.setattr(transforms, "TRANSFORMS", transforms.TRANSFORMS)
    known = dict(transforms.TRANSFORMS)
    try:

        @transforms.transform()
        def first_letter(text: str) -> str:
            """Return the first letter."""
            return text[:1]

        @transforms.transform(keeps_whole=True)
        def backwards(text: str) -> str:
            """Return the text backwards."""
            return text[::-1]

        got = written(program("extension: {KubeArmorX: {from: Cwd, via: first_letter}}\n"), EVENT)
        assert (got["KubeArmorX"], got["KubeArmorCwd"]) == ("/", "/srv/web")
        got = written(program("extension: {KubeArmorX: {from: Cwd, via: backwards}}\n"), EVENT)
        assert got["KubeArmorX"] == "bew/vrs/"
        assert "KubeArmorCwd" not in got
    finally:
        transforms.TRANSFORMS.clear()
        transforms.TRANSFORMS.update(known)


@pytest.mark.parametrize(
    "step",
    [
        '{before: "/w"}',
        '{after: "/"}',
        '{before_last: "/"}',
        '{after_last: "/"}',
        '{between: ["/", "/"]}',
        '{part: 2, of: "/"}',
        '{replace: ["/", ""]}',
    ],
)
def test_of_what_a_transform_cuts_off_nothing_is_lost(program, step):
    got = written(program(f"extension: {{KubeArmorX: {{from: Cwd, via: {step}}}}}\n"), EVENT)
    assert got["KubeArmorX"]
    assert got["KubeArmorCwd"] == "/srv/web"


@pytest.mark.parametrize("via", ["redact", "[redact, first_word]", '[{after: " "}, redact]'])
def test_what_was_redacted_stands_nowhere_as_it_was(program, via):
    got = written(program(f"extension: {{KubeArmorX: {{from: Source, via: {via}}}}}\n"), EVENT)
    assert "hunter2" not in str(got)


def test_where_a_mark_is_not_there_the_next_rule_has_its_turn(program):
    rules = '[{from: Cwd, via: {after: ":"}}, {from: Cwd, via: {after_last: "/"}}]'
    assert written(program(f"extension: {{KubeArmorX: {rules}}}\n"), EVENT)["KubeArmorX"] == "web"


def test_what_transforms_make_is_neutral_and_marked(program):
    step = '{replace: ["srv", "CEF:0|a|b\\x01"]}'
    got = written(
        program(
            f"extension: {{KubeArmorX: {{from: Cwd, via: {step}}}, KubeArmorSuspicious: {{from: event.suspicious}}}}\n"
            'envelope: {defang: ["CEF:"]}\n'
        ),
        EVENT,
    )
    assert "CEF:0" not in got["KubeArmorX"]
    assert "\x01" not in got["KubeArmorX"]
    assert got["KubeArmorSuspicious"] == "control,cef_header"


@pytest.mark.parametrize(
    ("via", "message"),
    [
        ("before", 'before does nothing by itself. Write it as {before: ":"}.'),
        ("part", 'part does nothing by itself. Write it as {part: 2, of: ","}.'),
        ('{befor: ":"}', '"befor" is no transform with arguments. Did you mean "before"?'),
        ("{lower: x}", '"lower" is no transform with arguments.'),
        ("{before: }", "A value is missing here."),
        ('{before: ""}', 'Invalid value "". Expected a text of 1 to 64 characters.'),
        ("{before: [a, b]}", 'Expected {before: ":"}. Found a mapping.'),
        ("{between: a}", 'Expected {between: ["(", ")"]}. Found a mapping.'),
        ("{replace: [a]}", 'Expected {replace: ["a", "b"]}. Found a mapping.'),
        ("{part: 2}", 'Expected {part: 2, of: ","}. Found a mapping.'),
        ("{part: 0, of: a}", 'Invalid value "0". Expected the number of a part, 1 to 1,000.'),
        ("{part: -1, of: a}", 'Invalid value "-1".'),
        ("{part: 2, off: a}", 'Expected {part: 2, of: ","}.'),
        (f"{{before: {'x' * 65}}}", "Expected a text of 1 to 64 characters."),
        ("{}", "is no transform with arguments."),
    ],
)  # fmt: skip
def test_what_is_no_transform_is_told_with_the_right_form(tmp_path, via, message):
    path = tmp_path / "m.yaml"
    path.write_text(f"mapping: m\nextension: {{KubeArmorX: {{from: Cwd, via: {via}}}}}\n")
    errors = [it.message for it in problems(path) if it.severity == "error"]
    assert len(errors) == 1
    assert message in errors[0]


def test_steps_are_written_as_they_are_read(tmp_path):
    via = (
        "lower",
        Step("before", (":",)),
        Step("between", ("(", "]")),
        Step("part", ("2", ",")),
        Step("replace", ("a", "")),
    )
    rule = Rule(from_=("Cwd",), via=via)
    path = tmp_path / "m.yaml"
    path.write_text(to_yaml(Mapping(name="m", extension={"KubeArmorX": (rule,)})))
    assert load(path).extension["KubeArmorX"][0].via == via
