from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.errors import FormatError, UsageError
from cef_bridge.lines import Cef, Header, ParsedMessage, parse

HEADER = Header("KubeArmor", "KubeArmor", "1.4.3", "alert.host.process.block", "Blocked", "5")
HEAD = "CEF:0|KubeArmor|KubeArmor|1.4.3|alert.host.process.block|Blocked|5|"


def test_an_event_becomes_this_line():
    line = Cef().render(
        HEADER,
        {"act": "Block", "filePath": "/usr/bin/a b", "KubeArmorLabels": "app=web", "msg": "a\nb"},
    )
    assert line == HEAD + r"act=Block filePath=/usr/bin/a b KubeArmorLabels=app\=web msg=a\nb"


def test_a_message_without_pairs_keeps_its_seventh_pipe():
    assert Cef().render(HEADER, {}) == HEAD
    assert Cef().parse(HEAD) == ParsedMessage("cef", "0", HEADER, {})


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ("a=b", r"a\=b"),
        ("a\\", r"a\\"),
        ("a\\=b", r"a\\\=b"),
        ("\\n", r"\\n"),
        ("a\r\nb", r"a\r\nb"),
        ("a|b", "a|b"),
        ("x act=allow dst=8.8.8.8", r"x act\=allow dst\=8.8.8.8"),
        ('"quoted"', '"quoted"'),
        ("two  spaces", "two  spaces"),
        ("\x1b[0m", "<U+001B>[0m"),
        ("CEF:0|a|b|c|1|n|10|act=allow", r"CEF:0|a|b|c|1|n|10|act\=allow"),
    ],
)
def test_values_are_escaped_by_the_book_and_read_back(value, wire):
    line = Cef().render(HEADER, {"reason": value, "msg": "end"})
    assert line == f"{HEAD}reason={wire} msg=end"
    assert Cef().parse(line).extension == {"reason": Cef().neutral(value), "msg": "end"}


def test_newline_in_value_cannot_forge_a_second_message():
    line = Cef().render(HEADER, {"msg": "x\nCEF:0|KubeArmor|KubeArmor|1|id|n|1|act=Allow"})
    assert line == HEAD + r"msg=x\nCEF:0|KubeArmor|KubeArmor|1|id|n|1|act\=Allow"


def test_no_pipe_or_newline_reaches_the_header():
    head = Cef().head(Header("a|b", "c\\", " d\n", "e\x00", "f=g\r\nh", "10"))
    assert head == "CEF:0|a/b|c/|d|e<U+0000>|f=g  h|10|"


def test_no_header_field_ends_with_a_backslash():
    header = Header("A\\B", "C\\", "1.2" + "\\" * 40, "id", "name", "5")
    line = Cef().render(header, {"act": "a\\"})
    assert line == "CEF:0|A\\\\B|C/|1.2" + "\\\\" * 27 + "/|id|name|5|act=a\\\\"
    assert Cef().parse(line).header == Cef().normalise(header, {})[0]


@pytest.mark.parametrize(
    ("field", "most"),
    [("device_vendor", 63), ("device_product", 63), ("device_version", 31), ("device_event_class_id", 1023), ("name", 512)],
)  # fmt: skip
def test_a_header_field_is_cut_before_it_is_escaped(field, most):
    header, _ = Cef().normalise(HEADER._replace(**{field: "\\" * 2000}), {})
    assert getattr(header, field) == "\\" * (most - 1) + "/"
    assert Cef().parse(Cef().head(header)).header == header


@pytest.mark.parametrize(
    ("given_", "written"),
    [("0", "0"), ("10", "10"), ("Very-High", "Very-High"), ("11", "Unknown"), ("", "Unknown"), ("high", "Unknown")],
)  # fmt: skip
def test_a_severity_that_is_none_is_written_as_unknown(given_, written):
    assert Cef().head(HEADER._replace(severity=given_)).endswith(f"|{written}|")


def test_a_value_is_cut_to_its_keys_length_and_an_empty_one_left_out():
    _, values = Cef().normalise(
        HEADER, {"act": "x" * 62 + " yy", "KubeArmorY": "z" * 9000, "msg": " \n ", "cat": ""}
    )
    assert values == {"act": "x" * 62, "KubeArmorY": "z" * 9000}


def test_pipes_in_values_are_replaced_when_asked_for():
    assert Cef(pipe="replace").render(HEADER, {"msg": "a|b"}) == HEAD + "msg=a/b"


def test_a_replaced_pipe_cannot_form_what_is_broken_up():
    assert Cef(pipe="replace", defang=("a/b",)).neutral("a|b") == "a<!>/b"


def test_a_text_that_cannot_be_broken_up_is_refused_at_the_start():
    with pytest.raises(UsageError, match="two characters or more"):
        Cef(defang=("C",))


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a.b", "a-b", "ä", "a\n", "_a"])
def test_a_key_is_letters_and_digits(name):
    with pytest.raises(FormatError, match="only letters and digits"):
        Cef().pair(name)
    with pytest.raises(FormatError, match="only letters and digits"):
        Cef().render(HEADER, {name: "x"})


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "<134>Aug 23 18:05:48 node-1 ",
        "Jan 18 11:07:53 host ",
        "<134>1 2023-08-23T18:05:48.301Z node-1 kubearmor - - - ",
        "<134>1 2023-08-23T18:05:48Z node-1 kubearmor - - - \ufeff",
        "<134>1 - CEF:0 - - - - ",
        "<189> Jun 18 10:55:50 host ",
        "<13>Aug 23 18:05:48 host tmes[1]: ",
        "2023-08-23T18:05:48+02:00 host app:",
    ],
)
def test_any_syslog_header_may_stand_before_a_message(prefix):
    assert parse(f"{prefix}{HEAD}act=Block") == ParsedMessage(
        "cef", "0", HEADER, {"act": "Block"}, prefix
    )


def test_the_first_beginning_counts_and_later_ones_are_text():
    message = parse(f"{HEAD}act=Block msg=see CEF:0|a|b|c|d|e|1| and LEEF:1.0|")
    assert message.extension == {"act": "Block", "msg": "see CEF:0|a|b|c|d|e|1| and LEEF:1.0|"}


def test_spaces_before_a_key_belong_to_the_value_but_one():
    assert Cef().parse(HEAD + "  act=a   msg=b  ").extension == {"act": "a  ", "msg": "b"}


def test_an_escaped_pipe_of_another_producer_is_read():
    line = r"CEF:1|a\|b|c\\|d|e|f|Very-High|_cefVer=0.1"
    assert Cef().parse(line) == ParsedMessage("cef", "1", Header("a|b", "c\\", "d", "e", "f", "Very-High"), {"_cefVer": "0.1"})  # fmt: skip


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("hello", "no CEF message. Expected CEF: at the start or after a syslog header."),
        (
            "xCEF:0|a|b|c|d|e|5|",
            "no CEF message. Expected CEF: at the start or after a syslog header.",
        ),
        ("CEF: 0|a|b|c|d|e|5|", "position 5: no version. Expected digits and a pipe after CEF:."),
        (
            "CEF:0|a|b|c|d|5|act=x",
            "position 17: the header has 6 of its 7 pipes: version, vendor, product, device version, class id, name, severity.",
        ),
        (
            "CEF:0|a|b|c|d|e\\|5|",
            "position 20: the header has 6 of its 7 pipes: version, vendor, product, device version, class id, name, severity.",
        ),
        (
            "CEF:0|a|b|c|d|e|11|",
            'position 17: "11" is no severity. Expected 0 to 10, Unknown, Low, Medium, High or Very-High.',
        ),
        (
            HEAD + "act=a\tb",
            "position 73: a raw control character U+0009. A message has it escaped or not at all.",
        ),
        (
            HEAD + "act=a\u2028b",
            "position 73: a raw control character U+2028. A message has it escaped or not at all.",
        ),
        (HEAD + r"act=a\tb", r"position 73: \t is no escape here. Expected one of \\ \= \n \r."),
        (HEAD + "act=a\\", "position 73: \\ is no escape here. Expected one of \\\\ \\= \\n \\r."),
        (r"CEF:0|a\=|b|c|d|e|5|", r"position 8: \= is no escape here. Expected one of \\ \|."),
        (HEAD + "act=a act=b", "position 74: duplicate key act. Write each key once."),
        (HEAD + "act= msg=b", "position 68: act has no value. Leave the key out."),
        (HEAD + "msg=b act=", "position 74: act has no value. Leave the key out."),
        (
            HEAD + "act=a=b",
            r"position 73: an equals sign without a key of letters and digits before it. In a value it is written \=.",
        ),
        (
            HEAD + "act=x ad.y=b",
            r"position 78: an equals sign without a key of letters and digits before it. In a value it is written \=.",
        ),
        (HEAD + "just text", "position 68: text that belongs to no key. Expected key=value."),
    ],
)
def test_what_breaks_the_standard_is_named_with_its_position(line, sentence):
    with pytest.raises(FormatError) as refused:
        Cef().parse(line)
    assert str(refused.value) == sentence


@given(st.text(alphabet="CEF:0|\\= abn5\n\x00é", max_size=60))
def test_the_reader_reads_or_refuses_and_never_breaks(tail):
    for line in (tail, HEAD + tail):
        try:
            message = parse(line)
        except FormatError as error:
            assert str(error)  # noqa: PT017 - both ends are fine, a third is not
        else:
            assert message.prefix + line[len(message.prefix) :] == line


def test_what_another_wrote_by_the_book_is_written_back_as_it_was():
    line = HEAD + r"act=a\=b cs1=c\\ cs1Label=d msg=e\nf|g"
    message = Cef().parse(line)
    assert Cef().render(message.header, message.extension) == line


def test_a_message_of_cef_1_says_so_and_is_read_back():
    line = Cef(version="1").render(Header("V", "P", "1", "id", "name", "5"), {"dst": "2001:db8::7"})
    assert line == "CEF:1|V|P|1|id|name|5|dst=2001:db8::7"
    assert Cef().parse(line).version == "1"
