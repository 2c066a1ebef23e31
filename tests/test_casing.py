"""The frozen case table: one thing on every Python, and what Python 3.11's own methods give."""

import doctest
import hashlib
import struct
import unicodedata

import pytest

from cef_bridge import casing

EVERY = [chr(code) for code in range(0x110000)]
# Of each character's lower and upper case by Python 3.11 (Unicode 14). A Python that is newer and
# gives another changes nothing here.
FROZEN = "9f8f5f2051b5650d494616170ef2f1a9fb98741d"


def test_the_table_is_the_one_of_unicode_14():
    cases = "".join(f"{casing.lower(char)}|{casing.upper(char)}" for char in EVERY)
    written = cases.encode("utf-8", "surrogatepass")
    assert hashlib.sha1(written, usedforsecurity=False).hexdigest() == FROZEN


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="Python 3.11's Unicode")
def test_a_character_by_itself_has_the_case_of_python():
    for char in EVERY:
        assert (casing.lower(char), casing.upper(char)) == (char.lower(), char.upper())


def test_ascii_case_leaves_all_else_alone():
    for char in EVERY[:0x250]:
        plain = char.isascii()
        assert casing.lower_ascii(f"{char}A") == (char.lower() if plain else char) + "a"
        assert casing.upper_ascii(f"{char}a") == (char.upper() if plain else char) + "A"
    assert casing.lower_ascii("Networ\u212a") == "networ\u212a"
    assert casing.lower("Networ\u212a") == "network"


def test_neighbors_do_not_matter():
    assert casing.lower("ΟΔΟΣ ΟΔΟΣ.") == "οδοσ οδοσ."
    assert casing.upper("ﬃ") == "FFI"


def test_the_examples_hold():
    assert doctest.testmod(casing).failed == 0


def test_the_bytes_of_the_table_say_the_same():
    """Read by their description, as the engine does."""
    table = casing.table()
    magic, *counts = struct.unpack_from("<4s4I", table)
    fours = list(struct.iter_unpack("<4I", table[20:]))
    assert (magic, sum(counts)) == (b"CASE", len(fours))
    for method, rows, specials in ((casing.lower, 0, 2), (casing.upper, 1, 3)):
        found = {}
        begin = sum(counts[:rows])
        for first, last, step, to in fours[begin : begin + counts[rows]]:
            found |= {code: chr(to + code - first) for code in range(first, last + 1, step)}
        begin = sum(counts[:specials])
        for code, *to in fours[begin : begin + counts[specials]]:
            found[code] = "".join(chr(each) for each in to if each)
        others = {ord(char): method(char) for char in EVERY[0x80:] if method(char) != char}
        assert found == others
