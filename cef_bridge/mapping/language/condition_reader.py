"""Conditions read from nodes: the tests of a field, and problems with their places.

In come nodes, out go `spec.Condition`s, also noted in the draft. The rest of a mapping is read by
`reader`, which builds upon this. Must not know rules.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from cef_bridge.errors import Problem, Replacement
from cef_bridge.mapping.language import codes, condition_forms, spec
from cef_bridge.mapping.language.mapping_file import Named
from cef_bridge.mapping.language.nodes import Node, YamlInvalid, YamlList, YamlMapping, YamlScalar
from cef_bridge.mapping.language.values import test_of
from cef_bridge.wording import did_you_mean, only_one_near, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cef_bridge.errors import Fix, Location
    from cef_bridge.mapping.language.mapping_file import MappingFile

BAD: Final = object()
"""What could not be read; the problem has been reported."""


def found(node: Node) -> str:
    """Return what a node is, in words."""
    if isinstance(node, YamlScalar):
        return f'the text "{shown(node.text)}"'
    return "a list" if isinstance(node, YamlList) else "a mapping"


class ConditionReader:
    """Reads conditions, and reports what is wrong into a draft; `section` is where it reads."""

    def __init__(self, draft: MappingFile) -> None:
        self.draft = draft
        self.section = ""

    def text(self, node: Node, what: str = "a text") -> str | None:
        """Return a node's text as it is written; None for what is none, which is reported."""
        if isinstance(node, YamlInvalid):
            return None
        if not isinstance(node, YamlScalar):
            self.expected(node, what)
        elif node.is_null:
            message = 'A value is missing here. Write one; "" is an empty text.'
            self.report(node.at, codes.WRONG_KIND, message)
        else:
            return node.text
        return None

    def report(
        self, at: Location, code: codes.LintRule, message: str, fix: Fix | None = None
    ) -> object:
        """Note a problem, and return BAD."""
        self.draft.problems.append(Problem(at, code.id, message, code.severity, fix))
        return BAD

    def expected(self, node: Node, what: str) -> object:
        """Report a node of the wrong kind."""
        return self.report(node.at, codes.WRONG_KIND, f"Expected {what}. Found {found(node)}.")

    def refuse(self, node: Node, text: str, hint: str) -> object:
        """Report a text that is not possible where it stands."""
        message = f'Invalid value "{shown(text)}".{hint}'
        return self.report(node.at, codes.BAD_VALUE, message)

    def refuse_other(self, node: Node, text: str, known: Sequence[str]) -> object:
        """Report a text that is none of those that are possible where it stands."""
        message = f'Invalid value "{shown(text)}".{did_you_mean(text, known)}'
        return self.report(node.at, codes.BAD_VALUE, message, meant(node.at, text, known))

    def conditions(self, node: Node) -> object:
        """Return the conditions of `when` or of an item of a filter, or BAD."""
        if not isinstance(node, YamlMapping):
            return self.expected(node, "conditions such as {Operation: File}")
        conditions = []
        for key, inner in node.pairs:
            self.draft.names.append(Named("field", key.text, key.at))
            if isinstance(inner, YamlInvalid):
                continue
            found = [test for item in items_of(inner) for test in self._tests(item, key.text)]
            condition = spec.Condition(key.text, tuple(found), key.at)
            if not found and not (isinstance(inner, YamlList) and not inner.items):
                continue  # reported already
            conditions.append(condition)
            self.draft.conditions.append(condition)
        return tuple(conditions)

    def _tests(self, node: Node, path: str) -> list[spec.Test]:
        """Read one item of a condition: a text, or one of the forms of `condition_forms.WORDS`."""
        if isinstance(node, YamlScalar):
            return self._text_test(node, path)
        if isinstance(node, YamlMapping):
            return self._form(node, path)
        if not isinstance(node, YamlInvalid):
            self.expected(node, "a text, a list of texts, or a form such as {is: ipv4}")
        return []

    def _text_test(self, node: YamlScalar, path: str) -> list[spec.Test]:
        if node.is_null:
            message = "Empty value. For an absent field write {is: absent}."
            self.report(node.at, codes.WRONG_KIND, message)
            return []
        if meant := condition_forms.meant_by(path, node.text):
            text = shown(node.text)
            message = (
                f'"{text}" looks like a condition, and would be compared as a text. '
                f'Write {shown(meant)}, or for this very text {{text: "{text}"}}.'
            )
            self.report(node.at, codes.LOOKS_LIKE_TEST, message)
            return []
        return [test_of(node.text)]

    def _form(self, node: YamlMapping, path: str) -> list[spec.Test]:
        said = {key.text: inner for key, inner in node.pairs}
        for key, _ in node.pairs:
            if key.text not in condition_forms.WORDS:
                hint = did_you_mean(key.text, list(condition_forms.WORDS))
                message = f'"{shown(key.text)}" is no form of a condition.{hint}'
                fix = meant(key.at, key.text, condition_forms.WORDS)
                self.report(key.at, codes.UNKNOWN_SETTING, message, fix)
                return []
        if not said or (len(said) > 1 and set(said) != {"min", "max"}):
            self.expected(node, "one form, such as {is: ipv4}, {not: shop} or {min: 7}")
            return []
        if "is" in said:
            return [test for item in items_of(said["is"]) for test in self._class(item)]
        if "text" in said:
            text = self.text(said["text"])
            if text == "":
                self.refuse(said["text"], text, " Expected a text that is not empty.")
            return [spec.Test("literal", text)] if text else []
        if "not" in said:
            inner = [test for item in items_of(said["not"]) for test in self._tests(item, path)]
            if isinstance(said["not"], YamlList) and not said["not"].items:
                self.expected(said["not"], "what must not hold")
            return [spec.Test("not", tests=tuple(inner))] if inner else []
        return self._range(node, said)

    def _class(self, node: Node) -> list[spec.Test]:
        text = self.text(node)
        if text is not None and text not in spec.IS_CLASSES:
            self.refuse_other(node, text, spec.IS_CLASSES)
        return [spec.Test("is", text)] if text in spec.IS_CLASSES else []

    def _range(self, node: YamlMapping, said: Mapping[str, Node]) -> list[spec.Test]:
        bounds: dict[str, str] = {}
        for name, inner in said.items():
            text = self.text(inner)
            if text is not None and condition_forms.number_of(text) is None:
                self.refuse(inner, text, " Expected a number, such as 7 or -0.5.")
            elif text is not None:
                bounds[name] = text
        least, most = bounds.get("min"), bounds.get("max")
        if len(bounds) < len(said):
            return []
        if least is not None and most is not None and Decimal(least) > Decimal(most):
            self.refuse(node, f"min: {least}, max: {most}", " No number is as much and as little.")
            return []
        return [spec.Test("range", least=least, most=most)]


def meant(at: Location, text: str, known: Iterable[str]) -> Fix | None:
    """Return the fix that writes the known word that was meant; None unless only one is near."""
    word = only_one_near(text, known)
    return None if word is None else Replacement(at, text, word)


def items_of(node: Node) -> list[Node]:
    """Return the items of a list, or the one that stands for it."""
    return node.items if isinstance(node, YamlList) else [node]
