"""Text as an attacker would write it, for the property tests of the formats."""

from __future__ import annotations

from hypothesis import strategies as st

from cef_bridge.lines import Header

FRAGMENTS = (
    "=", "\\", "\\=", "\\\\", "\\n", "|", "\\|", "\r", "\n", "\t", "\0", "\x1b[2J", "^", "<", "!", " ", "  ",
    "\u2028", "\u2029", "\u0085", "\u202e", "\u200f", "\u2066", "\ufeff", "\u00a0", "\ud800", "\udfff",
    "é", "日本", "🛡", "a", "act=", " act=allow", "CEF:0", "CEF:0|a|b|c|1|n|10|act=allow",
    "LEEF:2.0|a|b|c|d|^|sev=10", "<U+001B>", "<!>", "C", "EF:0", "<134>Aug 23 18:05:48 h ", "x" * 1100,
)  # fmt: skip

texts = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=12).map("".join)
keys = st.sampled_from(
    [
        "act",
        "msg",
        "cs1",
        "cs1Label",
        "externalId",
        "filePath",
        "dvchost",
        "usrName",
        "KubeArmorX",
        "x1",
        "reason",
    ]
)
headers = st.builds(Header, texts, texts, texts, texts, texts, texts | st.just("5"))
extensions = st.dictionaries(keys, texts, max_size=6)
