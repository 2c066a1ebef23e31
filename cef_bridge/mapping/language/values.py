"""Scalars of YAML as values: tests of conditions, and the JSON of examples.

In come texts and nodes, out go values. Numbers, true, false and null are read as JSON writes them
(YAML 1.2's core schema says the same of these), so `No` and `10:30` stay texts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.mapping.language.condition_forms import GLOB
from cef_bridge.mapping.language.nodes import YamlList, YamlMapping, YamlScalar
from cef_bridge.mapping.language.spec import Test

if TYPE_CHECKING:
    from cef_bridge.mapping.language.nodes import Node

INTEGER = re.compile(r"[0-9]{1,10}")
TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}

_JSON_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,300})")
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]{1,300})?(?:[eE][-+]?[0-9]{1,3})?")


def test_of(text: str) -> Test:
    """Return the test that a scalar of a condition means."""
    return Test("glob" if GLOB.search(text) else "literal", text)


def json_scalar(text: str) -> object:
    """Return what an unquoted scalar of an example's event is: number, true, false, null, text."""
    if _JSON_INTEGER.fullmatch(text):
        return int(text)
    if _JSON_NUMBER.fullmatch(text) and abs(number := float(text)) != float("inf"):
        return number
    return {"true": True, "false": False, "null": None, "~": None, "": None}.get(text, text)


def json_value(node: Node) -> object:
    """Return a node as JSON data; what is broken is left out."""
    match node:
        case YamlScalar():
            return json_scalar(node.text) if node.plain else node.text
        case YamlList():
            return [json_value(item) for item in node.items if isinstance(item, _NODES)]
        case YamlMapping():
            return {
                key.text: json_value(inner)
                for key, inner in node.pairs
                if isinstance(inner, _NODES)
            }
    return None


_NODES = (YamlScalar, YamlList, YamlMapping)
