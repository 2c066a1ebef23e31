"""The codes of what can be wrong with a line, and the receivers that a warning is about.

In comes nothing. An error is against the standard (CEF v27; IBM's LEEF); a warning is a trap of
the receivers it names, of all when it names none; a note may be as it is meant. Codes are public,
so a number is never given twice. Must not know how a fault is found.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

RECEIVERS = {
    "arcsight": "ArcSight SmartConnectors",
    "elastic": "Elastic Agent, Filebeat",
    "graylog": "Graylog's CEF input",
    "qradar": "QRadar",
    "rsyslog": "rsyslog with its default sizes",
    "sc4s": "Splunk Connect for Syslog alone",
    "sentinel": "Microsoft Sentinel's agents",
    "splunk": "Splunk's add-on for CEF, Splunk Connect for Syslog",
    "syslog": "relays that take no more than RFC 3164 or RFC 5424 ask for",
    "wazuh": "Wazuh",
}
STANDARD = "standard"
"""As a receiver: one without traps, for which only what all would mind counts."""


class LineRule(NamedTuple):
    """A row; `receivers` are those whom a warning is about, () for all.

    A note is reported only when `--for` names one of its receivers, and is no fault of the line.
    """

    id: str
    severity: Literal["error", "warning", "note"]
    meaning: str
    receivers: tuple[str, ...] = ()


NO_MESSAGE = LineRule("L001", "error", "A line without CEF: or LEEF:.")
TOO_LONG = LineRule("L002", "warning", "A line longer than a receiver takes.")
RFC5424 = LineRule("L003", "warning", "An RFC 5424 header.", ("graylog",))
TAG = LineRule("L004", "warning", "A program's name before CEF:.", ("sentinel",))
FRAME_LENGTH = LineRule("L005", "warning", "The length of a frame at the start of the line.")
BOM = LineRule("L006", "warning", "A byte order mark before the message.")
CONTROL = LineRule("L007", "error", "A raw control character.")
BIDI = LineRule("L008", "warning", "A character that turns the reading order.")
NOT_UTF8 = LineRule("L009", "error", "Bytes that are no UTF-8.")
SECOND_BEGINNING = LineRule("L010", "warning", "CEF:0 or LEEF: inside a value.", ("sc4s", "splunk"))
MISSING_FIELD = LineRule("L011", "error", "A header with too few fields or pipes.")
NO_VERSION = LineRule("L012", "error", "A version that does not exist.")
CEF1 = LineRule("L013", "warning", "CEF:1.", ("qradar", "sc4s", "sentinel", "splunk"))
EMPTY_FIELD = LineRule("L014", "error", "An empty header field.")
LONG_FIELD = LineRule("L015", "error", "A header field that is too long.")
ESCAPED_PIPE = LineRule("L016", "warning", "An escaped pipe in the header.", ("sc4s", "splunk"))
RAW_PIPE = LineRule("L017", "error", "A raw pipe in a header field.")
NO_SEVERITY = LineRule("L018", "error", "Invalid severity.")
SWAPPED = LineRule("L019", "error", "Name and severity in each other's place.")
DATA_IN_HEADER = LineRule("L020", "warning", "Data of the event in its class id or name.")
HEADER_SPACE = LineRule("L021", "warning", "White space at an end of a header field.")
STRAY = LineRule("L022", "error", "Text that belongs to no key.")
RAW_EQUALS = LineRule("L023", "error", "An equals sign in a value that is not escaped.")
BAD_ESCAPE = LineRule("L024", "error", "Invalid escape.")
KEY_CHARACTERS = LineRule("L025", "error", "A key of other characters than the format's.")
TWICE = LineRule("L026", "error", "Duplicate key.")
EMPTY_VALUE = LineRule("L027", "warning", "A key without a value.", ("graylog", "splunk"))
VALUE_SPACE = LineRule("L028", "warning", "White space at an end of a value.")
QUOTES = LineRule("L029", "warning", "Quotes around a value.")
LEADING_SPACE = LineRule("L030", "warning", "A space behind the header's last pipe.")
FOREIGN_KEY = LineRule("L031", "warning", "A key that neither the dictionary nor the vendor owns.")
MISNAMED_KEY = LineRule("L032", "error", "A dictionary key under another name.")
CONSUMER_KEY = LineRule("L033", "error", "A key that receivers fill, not devices.")
WRONG_TYPE = LineRule("L034", "error", "A value of another type than its key.")
ISO_TIME = LineRule("L035", "error", "A time in a form that CEF does not have.")
IPV6 = LineRule("L036", "warning", "IPv6 in a key that CEF:0 has for IPv4.", ("arcsight", "qradar"))
LONG_VALUE = LineRule("L037", "error", "A value that is too long for its key.")
ALL_IN_ONE = LineRule("L038", "warning", "Many fields in the value of one key.")
JSON_VALUE = LineRule("L039", "warning", "JSON as the value of a key.")
POD_AS_HOST = LineRule("L040", "warning", "A pod's name where a host is meant.", ("splunk",))
PIPE_IN_VALUE = LineRule("L041", "warning", "A pipe in a value.", ("sentinel",))
UNREAD_TIME = LineRule(
    "L042", "warning", "No time but one that SC4S does not read.", ("sc4s", "splunk")
)
FIRST_KEY = LineRule("L043", "warning", "A key that matters in the first place.", ("splunk",))
LOST_IPV6 = LineRule("L044", "warning", "An address in c6a1 to c6a4.", ("splunk",))
NO_LABEL = LineRule("L045", "error", "A custom key without its label.")
NO_VALUE = LineRule("L046", "error", "A label without its custom key.")
LABEL_FIRST = LineRule("L047", "warning", "A label before its value.", ("splunk",))
EQUAL_LABELS = LineRule("L048", "error", "Two custom keys with one label.")
LABEL_NAME = LineRule(
    "L049", "warning", "A label that is no name of a field.", ("graylog", "splunk")
)
LABEL_DATA = LineRule("L050", "warning", "A label that is data.", ("graylog", "splunk"))
NO_DELIMITER = LineRule("L051", "error", "Invalid LEEF delimiter.")
HEX_DELIMITER = LineRule(
    "L052", "warning", "A LEEF delimiter that SC4S does not read.", ("sc4s", "splunk")
)
LEEF_PIPE = LineRule("L053", "warning", "A pipe in a LEEF value.", ("sc4s", "splunk"))
NO_ATTRIBUTE = LineRule("L054", "error", "Text between LEEF delimiters that is no attribute.")
BAD_SEV = LineRule("L055", "error", "A LEEF sev outside 1 to 10.")
BAD_DEVTIME = LineRule("L056", "error", "A LEEF devTime that QRadar cannot read.")
REWRITTEN_TAB = LineRule("L057", "error", "A TAB that a relay wrote as #011.")
MANY_IDS = LineRule("L058", "warning", "Class ids without end.")
MANY_NAMES = LineRule("L059", "warning", "Names without end.")
MANY_LABELS = LineRule("L060", "warning", "A custom key whose label changes from line to line.")
ORDER = LineRule("L061", "warning", "Keys in another order on each line.")
UNDECLARED = LineRule("L062", "error", "LEEF attributes that another character parts.")
NO_HEADER = LineRule("L063", "note", "No syslog header.", ("graylog", "qradar", "sc4s", "sentinel"))

CODES: dict[str, LineRule] = {
    row.id: row for row in list(globals().values()) if isinstance(row, LineRule)
}
