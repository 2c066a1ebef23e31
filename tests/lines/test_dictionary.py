from __future__ import annotations

from pathlib import Path

from cef_bridge.lines.dictionary import CEF_KEYS, HEADER_LENGTHS, LABELS, LEEF_KEYS, Key
from cef_bridge.lines.message import Header

STANDARD = Path(__file__).parent / "cef-v27-keys.txt"


def test_rows_read_as_the_standard_has_them():
    assert CEF_KEYS["act"] == Key(
        "act", "deviceAction", "string", 63, "producer", "0.1", "What the device did about it"
    )
    assert CEF_KEYS["c6a2"][:6] == (
        "c6a2",
        "deviceCustomIPv6Address2",
        "ipv6",
        None,
        "producer",
        "0.1",
    )
    assert CEF_KEYS["src"].kind == "ipv4"
    assert CEF_KEYS["dvcmac"].full_name == "deviceMacAddress"
    assert CEF_KEYS["threatAttackID"][2:6] == ("string", 32, "producer", "1.2")
    assert CEF_KEYS["agt"].role == "consumer"
    assert CEF_KEYS["mrt"].since == ""


def test_the_dictionary_has_the_keys_of_the_standard_as_it_prints_them():
    ours = [key for key in CEF_KEYS.values() if key.since]
    assert {
        f"{key.name} {key.full_name} {key.max_length or '-'} {key.role} {key.since}" for key in ours
    } == {row for row in STANDARD.read_text().splitlines() if not row.startswith("#")}


def test_every_label_names_a_custom_slot():
    assert set(LABELS) == {
        "c6a1", "c6a2", "c6a3", "c6a4", "cfp1", "cfp2", "cfp3", "cfp4", "cn1", "cn2", "cn3",
        "cs1", "cs2", "cs3", "cs4", "cs5", "cs6", "deviceCustomDate1", "deviceCustomDate2",
        "flexDate1", "flexNumber1", "flexNumber2", "flexString1", "flexString2",
    }  # fmt: skip
    assert set(LABELS) | set(LABELS.values()) <= set(CEF_KEYS)


def test_leef_addresses_take_both_families():
    assert {LEEF_KEYS[name].kind for name in ("src", "dst", "srcPreNAT", "identSrc")} == {"ip"}
    assert LEEF_KEYS["usrName"].max_length == 255
    assert LEEF_KEYS["devTime"].kind == "timestamp"


def test_header_lengths_stand_in_the_order_of_the_header():
    assert (*HEADER_LENGTHS, "severity") == Header._fields
