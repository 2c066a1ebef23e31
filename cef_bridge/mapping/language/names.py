"""Names of keys that no rule names: `KubeArmor<Field>` for what a mapping leaves over.

Split at what is not alphanumeric, each word capitalised, at most 64 characters; a name that is
taken gets a number, and so does one that ends with `Label`: CEF's readers take such a key for the
label of another one (SC4S, `app-syslog-cef`). Keys of CEF are letters and digits only (CEF v27,
"Extension Field").
"""

from __future__ import annotations

import re

from cef_bridge.casing import upper_ascii

PREFIX = "KubeArmor"
MOST_CHARACTERS = 64
_LABEL = "Label"
_WORD = re.compile(r"[A-Za-z0-9]+")


def camel(prefix: str, name: str, used: set[str]) -> str:
    """Return a key for a field and note it in `used`; `cluster_id` gives `KubeArmorClusterId`."""
    words = _WORD.findall(name)
    stem = (prefix + "".join(upper_ascii(word[0]) + word[1:] for word in words))[:MOST_CHARACTERS]
    key, number = stem, 2
    while key in used or key.endswith(_LABEL):
        key = f"{stem[: MOST_CHARACTERS - len(str(number))]}{number}"
        number += 1
    used.add(key)
    return key
