"""The codes of what can be wrong with a mapping, each with its meaning in one line.

In comes nothing. Codes are public: people grep for them and CI ignores them by name, so a number
is never given twice. Must not know how a problem is found.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Code(NamedTuple):
    """A row; an "error" makes a mapping unusable, a "warning" does not."""

    id: str
    severity: Literal["error", "warning"]
    meaning: str


UNKNOWN_SETTING = Code("M001", "error", "A setting that mappings do not have.")
UNKNOWN_KEY = Code("M002", "error", "An output key that is no CEF or LEEF key nor KubeArmor….")
NO_LABEL = Code("M003", "error", "A custom key (cs1, cn1, c6a2 …) without its label.")
NEEDLESS_LABEL = Code("M004", "error", "A label where none goes.")
WRONG_KIND = Code("M005", "error", "A list where a text is expected, and the like.")
BAD_VALUE = Code("M006", "error", "A value that the setting does not take.")
TWICE = Code("M007", "error", "Something that may stand once stands twice.")
UNKNOWN_FIELD = Code("M008", "error", "A misspelled event field.")
NEW_FIELD = Code("M009", "warning", "An event field that this version does not know.")
UNKNOWN_TRANSFORM = Code("M010", "error", "A transform that does not exist.")
UNKNOWN_FILTER = Code("M011", "error", "A named filter that does not exist.")
NO_SOURCE = Code("M012", "error", "A rule has not exactly one of from, value and spread.")
NO_PARTNER = Code("M013", "error", "A setting that does nothing without another one.")
BAD_TABLE = Code("M014", "error", "A table file that cannot be read, or is not two columns.")
UNSET_VARIABLE = Code("M015", "error", "An environment variable that is not set.")
UNREADABLE = Code("M016", "error", "A mapping that cannot be read: missing, empty, too large.")
CIRCLE = Code("M017", "error", "Mappings that extend each other in a circle.")
OTHER_FORMAT = Code("M018", "error", "A mapping that extends one of another format.")
NOT_YAML = Code("M019", "error", "A text that is no YAML.")
TAG = Code("M020", "error", "A YAML tag.")
YAML_FEATURE = Code("M021", "error", "Merge keys, second documents and aliases of nothing.")
TOO_BIG = Code("M022", "error", "Nesting too deep, or too many parts.")
MISSING = Code("M023", "error", "A setting that must be there is not.")
KEY_CHARACTERS = Code("M024", "error", "An output key with characters that the format forbids.")
BAD_SPREAD = Code("M025", "error", "A spread of what is no map, or where none can go.")
LABELS_CLASH = Code("M026", "error", "One key with two labels, or one label on two keys.")
UNREACHABLE = Code("M027", "warning", "A rule that can never win.")
NOTHING_TO_REMOVE = Code("M028", "warning", "A removal of a key that no parent has.")
NO_CLUSTER = Code("M029", "warning", "A mapping of one's own that does not name the cluster.")
RECEIVER_KEY = Code("M030", "warning", "A key that receivers fill, not devices.")
DROPS_ALL = Code("M031", "error", "Conditions that hold for every event, or for none.")
NEVER_EQUAL = Code("M032", "error", "A comparison with a value that the field never has.")

BAD_NAME = Code("M060", "error", "A name of a custom slot that cannot be its label.")
NO_SLOT_HERE = Code("M061", "error", "`slot: auto` where there are no custom slots.")
NO_FREE_SLOT = Code("M062", "error", "No custom slot is free for a name.")
KEPT_SLOT = Code("M063", "error", "A custom slot that is kept for another name.")
BAD_SLOTS_FILE = Code("M064", "error", "A slots file that cannot be read as one.")
SLOTS_NOT_WRITTEN = Code("M065", "error", "A slots file that has to be written and cannot be.")
TEXT_IN_NUMBER_SLOT = Code("M066", "warning", "A text for a name that is kept in a number slot.")

CODES: dict[str, Code] = {row.id: row for row in list(globals().values()) if isinstance(row, Code)}
