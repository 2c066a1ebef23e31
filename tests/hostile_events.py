"""Events as an attacker would write them, and the sample events, for the shipped mappings' tests."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.kubearmor.fields import RAW
from cef_bridge.kubearmor.names import canonical

DATA = Path(__file__).parent / "data"


def sample_events() -> list[dict[str, object]]:
    """Return the events of all sample files that have one a line, whatever their dialect."""
    events = []
    for path in sorted(DATA.glob("*.ndjson")):
        decoder = EventDecoder()
        for line in path.read_bytes().splitlines():
            found = decoder.decode(line)
            assert all(isinstance(each, Decoded) for each in found), (path, line)
            events += [each.fields for each in found]
    return events


FRAGMENTS = (
    "=", "\\", "\\=", "\\\\", "\\n", "|", "\\|", "\r", "\n", "\t", "\0", "\x1b[2J", "^", "^sev=10^", "<", "!", " ", "  ",
    "\u2028", "\u2029", "\u0085", "\u202e", "\u200f", "\ufeff", "\u00a0", "\u3000", "\ud800", "\udfff", "é", "日本", "🛡",
    "a", "act=", " act=allow", " cs1=x cs1Label=y", "CEF:0", "CEF:0|a|b|c|1|n|10|act=allow", "LEEF:", "C", "EF:0",
    "LEEF:2.0|a|b|c|d|^|sev=10", "<U+001B>", "<!>", "<134>Aug 23 18:05:48 h ", "x" * 90, "z" * 1100, "🛡" * 300,
    "sin_port=", "sin_addr=", "remoteip=", "port=", "domain=", "syscall=SYS_CONNECT ", "kprobe=tcp_accept ", "protocol=",
    "flags=O_RDWR|O_CREAT", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", "::1", "fe80::1%eth0", "203.0.113.9", "99999", "0", "-1",
    "4294967296", "MITRE_T1059_", ",", "app=x,", "KubeArmor", "2026-02-11T08:15:42.118273Z",
)  # fmt: skip

texts = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=8).map("".join)
numbers = st.integers() | st.floats() | st.booleans() | st.sampled_from([0, 22, 443, 2**31, 2**64])
values = st.recursive(
    texts | numbers | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
ENUMS = {
    "Type": ["MatchedPolicy", "MatchedHostPolicy", "ContainerLog", "HostLog", "SystemEvent", "Message"],
    "Operation": ["Process", "File", "Network", "Syscall", "Capabilities", "Device", "NetworkFirewall", "AlertThreshold"],
    "Action": ["Block", "Audit", "Allow"],
    "Result": ["Passed", "Permission denied", "No such file or directory"],
    "Severity": ["1", "5", "10", "0", "11"],
}  # fmt: skip
# Left over, each of these would have the name of a key that means something.
TAKEN = [
    "Truncated",
    "Suspicious",
    "EventId",
    "Format",
    "ActKey",
    "Data2",
    "LABELS",
    "event.severity",
    "cluster",
    "rt",
]
_names = st.sampled_from(sorted({path.partition(".")[0] for path in RAW}) + TAKEN) | texts
_said = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(words) for name, words in ENUMS.items()}
)
_hostile = st.dictionaries(_names, texts | values, max_size=12)
events = st.builds(
    lambda event, hostile, said: canonical({**event, **hostile, **said}),
    st.just({}) | st.sampled_from(sample_events()),
    _hostile,
    _said,
)
