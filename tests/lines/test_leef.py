from __future__ import annotations

import pytest

from cef_bridge.errors import FormatError, UsageError
from cef_bridge.lines import Header, Leef, ParsedMessage, parse

HEADER = Header("KubeArmor", "KubeArmor", "1.4.3", "alert.host.process.block", "", "")
HEAD = "LEEF:2.0|KubeArmor|KubeArmor|1.4.3|alert.host.process.block|^|"


def test_an_event_becomes_this_line():
    line = Leef().render(HEADER, {"sev": "5", "labels": "app=web", "msg": "a|b^c\td\r\ne"})
    assert line == HEAD + "sev=5^labels=app=web^msg=a/b c<U+0009>d  e"


def test_leef_1_has_tabs_and_no_delimiter_field():
    line = Leef(version="1.0").render(HEADER, {"sev": "5", "cat": "a^b"})
    assert line == "LEEF:1.0|KubeArmor|KubeArmor|1.4.3|alert.host.process.block|sev=5\tcat=a^b"
    assert parse(line) == ParsedMessage("leef", "1.0", HEADER, {"sev": "5", "cat": "a^b"}, "", "\t")


def test_a_tab_is_written_in_hexadecimal():
    line = Leef(delimiter="\t").render(HEADER, {"sev": "5", "cat": "x"})
    assert line == "LEEF:2.0|KubeArmor|KubeArmor|1.4.3|alert.host.process.block|x09|sev=5\tcat=x"


def test_no_text_forges_an_attribute():
    line = Leef().render(HEADER, {"commandLine": "sh^usrName=root|sev=1"})
    assert line == HEAD + "commandLine=sh usrName=root/sev=1"


def test_the_header_has_no_pipe_backslash_or_long_event_id():
    head = Leef().head(Header("a|b\\", "p", "v", "e" * 300, "name", "7"))
    assert head == f"LEEF:2.0|a/b/|p|v|{'e' * 255}|^|"


def test_a_user_name_is_cut_to_what_qradar_holds():
    assert Leef().normalise(HEADER, {"usrName": "u" * 300, "x": ""})[1] == {"usrName": "u" * 255}


def test_name_and_severity_of_the_header_have_no_place():
    assert Leef().normalise(HEADER._replace(name="n", severity="5"), {})[0] == HEADER


@pytest.mark.parametrize(
    ("written", "delimiter"),
    [("^", "^"), ("x5E", "^"), ("0x5e", "^"), ("x09", "\t"), ("0x0009", "\t"), ("\t", "\t"), ("", "\t"), ("\x1e", "\x1e")],
)  # fmt: skip
def test_the_reader_takes_the_delimiter_in_each_form(written, delimiter):
    line = f"LEEF:2.0|a|b|c|d|{written}|sev=5{delimiter}cat=x y"
    message = Leef().parse(line)
    assert (message.extension, message.delimiter) == ({"sev": "5", "cat": "x y"}, delimiter)


def test_without_a_delimiter_field_it_is_a_tab():
    assert Leef().parse("LEEF:2.0|a|b|c|d|sev=5\tcat=x|y").extension == {"sev": "5", "cat": "x|y"}


@pytest.mark.parametrize(
    "delimiter", ["", "|", "=", " ", "a", "<", "!", "+", "/", "-", "^^", "x7c", "\n"]
)
def test_a_delimiter_that_values_need_is_refused(delimiter):
    with pytest.raises(UsageError, match="cannot part LEEF attributes"):
        Leef(delimiter=delimiter)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("CEF:0|a|b|c|d|e|5|", "no LEEF message. Expected LEEF:1.0| or LEEF:2.0| after any header."),
        ("LEEF:3.0|a|b|c|d|", "no LEEF message. Expected LEEF:1.0| or LEEF:2.0| after any header."),
        (
            "LEEF:1.0|a|b|c",
            "position 10: the header has 3 of its 5 pipes: version, vendor, product, product version, event id.",
        ),
        ("LEEF:2.0|a|b|c|d|^^|x=1", '"^^" is no delimiter. Expected one character or its form in hexadecimal (x09).'),
        ("LEEF:2.0|a|b\t|c|d|^|x=1", "position 13: a raw control character U+0009. A message has it escaped or not at all."),
        ("LEEF:2.0|a|b|c|d|^|x=1\ty", "position 23: a raw control character U+0009. A message has it escaped or not at all."),
        ("LEEF:2.0|a|b|c|d|^|x=1^y", "position 24: no attribute. Expected key=value between delimiters."),
        ("LEEF:2.0|a|b|c|d|^|x=1^y=", "position 24: y has no value. Leave the key out."),
        ("LEEF:2.0|a|b|c|d|^|x=1^x=2", "position 24: duplicate key x. Write each key once."),
        ("LEEF:2.0|a|b|c|d|^|x=1^", "position 24: no attribute. Expected key=value between delimiters."),
    ],
)  # fmt: skip
def test_what_breaks_the_format_is_named_with_its_position(line, sentence):
    with pytest.raises(FormatError) as refused:
        Leef().parse(line)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a^b", "a|b"])
def test_a_key_cannot_hold_what_parts_attributes(name):
    with pytest.raises(FormatError, match="is no LEEF key"):
        Leef().pair(name)
