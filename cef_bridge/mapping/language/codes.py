"""The codes of what can be wrong with a mapping, each with its meaning in one line.

In comes nothing. Codes are public: people grep for them and CI ignores them by name, so a number
is never given twice. Must not know how a problem is found.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class LintRule(NamedTuple):
    """A row; an "error" makes a mapping unusable, a "warning" does not.

    `fix` is what `mapping lint --fix` does: a sentence without its subject.
    """

    id: str
    severity: Literal["error", "warning"]
    meaning: str
    fix: str = ""


_NAME_MEANT = "writes the name that was meant, where only one is near."
_VALUE_MEANT = "writes the value that was meant, where only one is near."

UNKNOWN_SETTING = LintRule("M001", "error", "A setting that mappings do not have.", _NAME_MEANT)
UNKNOWN_KEY = LintRule(
    "M002", "error", "An output key that is nearly one of the format's.", _NAME_MEANT
)
NO_LABEL = LintRule(
    "M003",
    "error",
    "A custom key (cs1, cn1, c6a2 …) without its label.",
    "adds the label that the message says, unless another key has it.",
)
NEEDLESS_LABEL = LintRule(
    "M004",
    "error",
    "A label on a key without labels.",
    "removes the label of a key that takes none.",
)
WRONG_KIND = LintRule("M005", "error", "A list where a text is expected, and the like.")
BAD_VALUE = LintRule("M006", "error", "A value that the setting does not take.", _VALUE_MEANT)
TWICE = LintRule(
    "M007", "error", "Duplicate entry.", "removes the second of two that say the same."
)
UNKNOWN_FIELD = LintRule("M008", "error", "A misspelled event field.", _NAME_MEANT)
NEW_FIELD = LintRule("M009", "warning", "An event field that this version does not know.")
UNKNOWN_TRANSFORM = LintRule("M010", "error", "A transform that does not exist.", _NAME_MEANT)
UNKNOWN_FILTER = LintRule("M011", "error", "A named filter that does not exist.", _NAME_MEANT)
NO_SOURCE = LintRule(
    "M012", "error", "A rule has not exactly one of from, value, template and spread."
)
NO_PARTNER = LintRule("M013", "error", "A setting that does nothing without another one.")
BAD_TABLE = LintRule("M014", "error", "A table file that cannot be read, or is not two columns.")
UNSET_VARIABLE = LintRule("M015", "error", "An environment variable that is not set.")
UNREADABLE = LintRule("M016", "error", "A mapping that cannot be read: missing, empty, too large.")
CIRCLE = LintRule("M017", "error", "Mappings that extend each other in a circle.")
OTHER_FORMAT = LintRule("M018", "error", "A mapping that extends one of another format.")
NOT_YAML = LintRule("M019", "error", "A text that is no YAML.")
TAG = LintRule("M020", "error", "A YAML tag.")
YAML_FEATURE = LintRule("M021", "error", "Merge keys, second documents and aliases of nothing.")
TOO_BIG = LintRule("M022", "error", "Nesting too deep, or too many parts.")
MISSING = LintRule("M023", "error", "Missing required setting.")
KEY_CHARACTERS = LintRule("M024", "error", "An output key with characters that the format forbids.")
BAD_SPREAD = LintRule("M025", "error", "A spread of what is no map, or where none can go.")
LABELS_CLASH = LintRule("M026", "error", "One key with two labels, or one label on two keys.")
UNREACHABLE = LintRule("M027", "warning", "A rule that can never win.")
NOTHING_TO_REMOVE = LintRule(
    "M028", "warning", "A removal of a key that no parent has.", "removes the line."
)
NO_CLUSTER = LintRule("M029", "warning", "A mapping of one's own that does not name the cluster.")
RECEIVER_KEY = LintRule("M030", "warning", "A key that receivers fill, not devices.")
DROPS_ALL = LintRule("M031", "error", "Conditions that hold for every event, or for none.")
NEVER_EQUAL = LintRule(
    "M032", "error", "A comparison with a value that the field never has.", _VALUE_MEANT
)
LABEL_DIFFERS = LintRule("M033", "warning", "A label that is not the one a parent gives the key.")
LABEL_CHARACTERS = LintRule(
    "M034",
    "warning",
    "A label that cannot be a field's name.",
    "writes the label that the message says, unless another key has it.",
)
CONSTANT_UNFIT = LintRule("M035", "error", "A constant that does not fit its key's type or length.")
NEVER_FITS = LintRule("M036", "warning", "A field that its key's type never takes.")
WILL_BE_CUT = LintRule("M037", "warning", "A field that is longer than its key by nature.")
IDLE_LENGTH = LintRule("M038", "warning", "A max_length above the key's own length.", "removes it.")
IPV6_LOST = LintRule("M039", "warning", "An address whose IPv6 form no key takes.")
SLOT_EMPTIED = LintRule("M040", "warning", "c6a1 to c6a4 for Splunk, which empties them.")
NO_HOST = LintRule("M041", "warning", "The name of a pod or workload where receivers read a host.")
TIME_LOST = LintRule("M042", "warning", "A header for Splunk whose time has whole seconds.")
FORGED_RECORD = LintRule(
    "M043", "warning", "Values that may hold what a receiver takes for a record's beginning."
)
VERSION_UNREAD = LintRule("M044", "warning", "CEF:1 for a receiver that reads CEF:0 only.")
RECEIVER_SETTING = LintRule("M045", "warning", "A setting that the receiver does not support.")
RECEIVER_NEEDS = LintRule("M046", "warning", "A key that the receiver needs is not written.")
HEADER_VARIES = LintRule("M047", "warning", "A header field that has no end of values.")
NO_EVENT_ID = LintRule("M048", "warning", "No key with the event's id.")
NO_EXAMPLES = LintRule("M049", "warning", "A mapping of one's own without examples.")
NEVER_TOGETHER = LintRule("M050", "warning", "Conditions that no kind of event meets together.")
DROPS_ALERTS = LintRule("M051", "warning", "An item of drop_events that takes alerts as well.")
SHEDS_NOTHING = LintRule(
    "M052", "warning", "A key under truncate_first that nothing writes.", _NAME_MEANT
)
IDLE_SETTING = LintRule(
    "M053", "warning", "A setting of the other format, or one that another overrules."
)
SLOTS_DISAGREE = LintRule(
    "M054", "warning", "Two mappings of one run that use a label or slot differently."
)
EXCUSE_UNREASONED = LintRule("M055", "warning", "A suppression without a reason.")
EXCUSE_UNKNOWN = LintRule("M056", "warning", "A suppression of an unknown code.")
EXCUSE_OF_ERROR = LintRule("M057", "warning", "A suppression of an error.")
EXCUSE_IDLE = LintRule("M058", "warning", "A suppression without a problem.")
FIELD_AS_TEXT = LintRule("M059", "warning", "A constant that is the name of a field.")
NEVER_WRITTEN = LintRule("M060", "warning", "A rule that reads only what the mapping drops.")
LABEL_SHADOWS = LintRule("M061", "warning", "A label that is the name of another field.")

BAD_NAME = LintRule("M062", "error", "A name of a custom slot that cannot be its label.")
NO_SLOT_HERE = LintRule("M063", "error", "`slot: auto` where there are no custom slots.")
NO_FREE_SLOT = LintRule("M064", "error", "No custom slot is free for a name.")
KEPT_SLOT = LintRule("M065", "error", "A custom slot that is kept for another name.")
BAD_SLOTS_FILE = LintRule("M066", "error", "A slots file that cannot be read as one.")
SLOTS_NOT_WRITTEN = LintRule("M067", "error", "A slots file that has to be written and cannot be.")
TEXT_IN_NUMBER_SLOT = LintRule(
    "M068", "warning", "A text for a name that is kept in a number slot."
)
SECONDS = LintRule("M069", "warning", "Seconds in a key whose times are milliseconds.")
NO_SEVERITY = LintRule("M070", "error", "Events that no rule of the severity is about.")
HEADER_DIFFERS = LintRule("M071", "error", "A key that repeats the header and says something else.")
LOOKS_LIKE_TEST = LintRule("M072", "error", "A text that looks like a condition.")
KEEPS_NO_ALERTS = LintRule("M073", "warning", "A list of keep_events without any alert.")
ROW_LOOKS_LIKE_TEST = LintRule("M074", "warning", "A row of a table that looks like a condition.")
NO_FACILITY = LintRule("M080", "warning", "Events that no rule of the facility is about.")
BLINDS_RULES = LintRule(
    "M081", "warning", "A field of shipped detection rules that no key has any longer."
)

CODES: dict[str, LintRule] = {
    row.id: row for row in list(globals().values()) if isinstance(row, LintRule)
}
