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


class Code(NamedTuple):
    """A row; `receivers` are those whom a warning is about, () for all.

    A note is reported only when `--for` names one of its receivers, and is no fault of the line.
    """

    id: str
    severity: Literal["error", "warning", "note"]
    meaning: str
    receivers: tuple[str, ...] = ()


NO_MESSAGE = Code("L001", "error", "A line without CEF: or LEEF:.")
TOO_LONG = Code("L002", "warning", "A line longer than a receiver takes.")
RFC5424 = Code("L003", "warning", "An RFC 5424 header.", ("graylog",))
TAG = Code("L004", "warning", "A program's name before CEF:.", ("sentinel",))
FRAME_LENGTH = Code("L005", "warning", "The length of a frame at the start of the line.")
BOM = Code("L006", "warning", "A byte order mark before the message.")
CONTROL = Code("L007", "error", "A raw control character.")
BIDI = Code("L008", "warning", "A character that turns the reading order.")
NOT_UTF8 = Code("L009", "error", "Bytes that are no UTF-8.")
SECOND_BEGINNING = Code("L010", "warning", "CEF:0 or LEEF: inside a value.", ("sc4s", "splunk"))
MISSING_FIELD = Code("L011", "error", "A header with too few fields or pipes.")
NO_VERSION = Code("L012", "error", "A version that does not exist.")
CEF1 = Code("L013", "warning", "CEF:1.", ("qradar", "sc4s", "sentinel", "splunk"))
EMPTY_FIELD = Code("L014", "error", "An empty header field.")
LONG_FIELD = Code("L015", "error", "A header field that is too long.")
ESCAPED_PIPE = Code("L016", "warning", "An escaped pipe in the header.", ("sc4s", "splunk"))
RAW_PIPE = Code("L017", "error", "A raw pipe in a header field.")
NO_SEVERITY = Code("L018", "error", "A severity that is none.")
SWAPPED = Code("L019", "error", "Name and severity in each other's place.")
DATA_IN_HEADER = Code("L020", "warning", "Data of the event in its class id or name.")
HEADER_SPACE = Code("L021", "warning", "White space at an end of a header field.")
STRAY = Code("L022", "error", "Text that belongs to no key.")
RAW_EQUALS = Code("L023", "error", "An equals sign in a value that is not escaped.")
BAD_ESCAPE = Code("L024", "error", "A backslash that begins no escape.")
KEY_CHARACTERS = Code("L025", "error", "A key of other characters than the format's.")
TWICE = Code("L026", "error", "A key that stands twice.")
EMPTY_VALUE = Code("L027", "warning", "A key without a value.", ("graylog", "splunk"))
VALUE_SPACE = Code("L028", "warning", "White space at an end of a value.")
QUOTES = Code("L029", "warning", "Quotes around a value.")
LEADING_SPACE = Code("L030", "warning", "A space behind the header's last pipe.")
FOREIGN_KEY = Code("L031", "warning", "A key that neither the dictionary nor the vendor owns.")
MISNAMED_KEY = Code("L032", "error", "A dictionary key under another name.")
CONSUMER_KEY = Code("L033", "error", "A key that receivers fill, not devices.")
WRONG_TYPE = Code("L034", "error", "A value of another type than its key.")
ISO_TIME = Code("L035", "error", "A time in a form that CEF does not have.")
IPV6 = Code("L036", "warning", "IPv6 in a key that CEF:0 has for IPv4.", ("arcsight", "qradar"))
LONG_VALUE = Code("L037", "error", "A value that is too long for its key.")
ALL_IN_ONE = Code("L038", "warning", "Many fields in the value of one key.")
JSON_VALUE = Code("L039", "warning", "JSON as the value of a key.")
POD_AS_HOST = Code("L040", "warning", "A pod's name where a host is meant.", ("splunk",))
PIPE_IN_VALUE = Code("L041", "warning", "A pipe in a value.", ("sentinel",))
UNREAD_TIME = Code(
    "L042", "warning", "No time but one that SC4S does not read.", ("sc4s", "splunk")
)
FIRST_KEY = Code("L043", "warning", "A key that matters in the first place.", ("splunk",))
LOST_IPV6 = Code("L044", "warning", "An address in c6a1 to c6a4.", ("splunk",))
NO_LABEL = Code("L045", "error", "A custom key without its label.")
NO_VALUE = Code("L046", "error", "A label without its custom key.")
LABEL_FIRST = Code("L047", "warning", "A label before its value.", ("splunk",))
EQUAL_LABELS = Code("L048", "error", "Two custom keys with one label.")
LABEL_NAME = Code("L049", "warning", "A label that is no name of a field.", ("graylog", "splunk"))
LABEL_DATA = Code("L050", "warning", "A label that is data.", ("graylog", "splunk"))
NO_DELIMITER = Code("L051", "error", "A LEEF delimiter that is none.")
HEX_DELIMITER = Code(
    "L052", "warning", "A LEEF delimiter that SC4S does not read.", ("sc4s", "splunk")
)
LEEF_PIPE = Code("L053", "warning", "A pipe in a LEEF value.", ("sc4s", "splunk"))
NO_ATTRIBUTE = Code("L054", "error", "Text between LEEF delimiters that is no attribute.")
BAD_SEV = Code("L055", "error", "A LEEF sev outside 1 to 10.")
BAD_DEVTIME = Code("L056", "error", "A LEEF devTime that QRadar cannot read.")
REWRITTEN_TAB = Code("L057", "error", "A TAB that a relay wrote as #011.")
MANY_IDS = Code("L058", "warning", "Class ids without end.")
MANY_NAMES = Code("L059", "warning", "Names without end.")
MANY_LABELS = Code("L060", "warning", "A custom key whose label changes from line to line.")
ORDER = Code("L061", "warning", "Keys in another order on each line.")
UNDECLARED = Code("L062", "error", "LEEF attributes that another character parts.")
NO_HEADER = Code("L063", "note", "No syslog header.", ("graylog", "qradar", "sc4s", "sentinel"))

CODES: dict[str, Code] = {row.id: row for row in list(globals().values()) if isinstance(row, Code)}
