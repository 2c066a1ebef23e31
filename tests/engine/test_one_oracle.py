r"""What decides about lines means the same on every Python: nothing in it asks Python's Unicode.

Python follows another version of Unicode in each release: `\d` is 660 characters in 3.11 and 680 in
3.12, a letter gets a capital when one is added, and `datetime.fromisoformat` learned new forms in
3.11. The same line has to come out everywhere, and the engine has to say it, too. So texts of
events are read by grammars with ASCII digits (`kubearmor/clock.py`, `kubearmor/numbers.py`) and compared
by one case table (`casing.py`). White space is asked of Python: `str.strip`, `str.split` and `\s`
have not changed since Unicode 6.3.
"""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from cef_bridge.kubearmor import classes, names
from cef_bridge.kubearmor.identity import event_id
from cef_bridge.mapping.language import values
from cef_bridge.mapping.language.spec import Condition
from cef_bridge.mapping.program import conditions

PACKAGE = Path(__file__).parent.parent.parent / "cef_bridge"
READS_EVENTS = sorted(path.stem for path in (PACKAGE / "kubearmor").glob("*.py"))
MODULES = [
    *(f"kubearmor/{name}" for name in READS_EVENTS),
    *(
        "mapping/program/conditions",
        "mapping/program/rules",
        "mapping/program/compile",
        "mapping/language/transforms",
    ),
    *("mapping/language/template", "mapping/language/names"),
    *("lines/text", "lines/cef", "lines/leef", "lines/syslog"),
    "mapping/program/header",
]

# Where the use of a name is allowed, and why its meaning does not move there.
ALLOWED = {
    ("kubearmor/clock", "microseconds", "int"): "digits that the grammar has found",
    ("kubearmor/clock", "number", "int"): "a number, no text",
    ("kubearmor/decode", "_restored", "int"): "a number of the state file",
    ("kubearmor/identity", "id_text", "int"): "a float, no text",
    ("kubearmor/identity", "container_key", "int"): "bytes of a digest, no text",
    ("kubearmor/numbers", "is_digits", "isdigit"): "of ASCII",
    ("kubearmor/numbers", "read_number", "float"): "what the grammar has found",
    ("kubearmor/numbers", "read_number", "int"): "what the grammar has found",
    ("kubearmor/numbers", "whole", "int"): "a float, no text",
    ("kubearmor/numbers", "is_integer", "int"): "digits of ASCII",
    ("kubearmor/internal", "_event", "int"): "a time of our own, no text",
    ("lines/leef", "read_delimiter", "int"): "digits that the pattern has found",
    ("lines/syslog", "read_loosely", "int"): "digits that the pattern has found",
    ("lines/syslog", "split", "int"): "digits that the pattern has found",
    ("lines/text", "sanitize", "isprintable"): "a first look; a fixed pattern decides",
    ("lines/text", "suspicions", "isprintable"): "a first look; fixed patterns decide",
    ("mapping/program/compile", "_first_severity", "int"): "digits of ASCII",
    ("mapping/program/compile", "_say_header", "int"): "a severity that was a number",
    ("mapping/program/compile", "evaluate", "int"): "a severity that was a number",
    (
        "mapping/program/conditions",
        "_test",
        "IGNORECASE",
    ): "with ASCII: A to Z alone have two cases",
    ("mapping/program/conditions", "to_text", "int"): "a float, no text",
    ("mapping/program/rules", "_is_int32", "int"): "digits of ASCII",
    (
        "mapping/language/transforms",
        "part",
        "int",
    ): "an argument, checked when the mapping is loaded",
    ("mapping/language/transforms", "wrong_argument", "int"): "digits of ASCII",
}
# Whose meaning moves with Unicode, or with what a version of Python takes.
MOVES = {
    *("lower", "upper", "casefold", "title", "capitalize", "swapcase", "islower", "isupper"),
    *("isalnum", "isalpha", "isdecimal", "isdigit", "isnumeric", "isidentifier", "isprintable"),
    *("istitle", "fromisoformat", "strptime", "IGNORECASE", "I", "unicodedata", "normalize"),
    *("int", "float", "complex", "Fraction"),
}
CLASSES = re.compile(r"\\[dDwWbB]|\(\?[a-zA-Z]*i")
# Their patterns may say `\d`: all of them are compiled with re.ASCII, as is tested below.
ASCII_PATTERNS = {"lines/syslog"}


class Uses(ast.NodeVisitor):
    """Collects (function, name, line) of what moves, and the line of each pattern that does."""

    def __init__(self, tree: ast.Module) -> None:
        self.names: list[tuple[str, str, int]] = []
        self.patterns: list[int] = []
        self._function = ""
        self.visit(tree)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outer, self._function = self._function, node.name
        docstring = node.body[0] if ast.get_docstring(node) is not None else None
        for child in ast.iter_child_nodes(node):
            if child is not docstring and child is not node.returns:
                self.visit(child)
        self._function = outer

    def visit_arg(self, node: ast.arg) -> None:
        """A type says `int` and asks nothing."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for child in node.body:
            if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
                self.visit(child)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass"):
            node = ast.Call(node.func, node.args[:1], [])
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        self.visit(node.left)
        for operator, other in zip(node.ops, node.comparators, strict=True):
            if not isinstance(operator, (ast.Is, ast.IsNot)):  # `kind is float` asks for a type
                self.visit(other)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if node.attr in MOVES and owner != "casing":
            self.names.append((self._function, node.attr, node.lineno))
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        # `map(int, …)` asks as a call does.
        if node.id in MOVES and node.id in ("int", "float", "complex", "Fraction", "unicodedata"):
            self.names.append((self._function, node.id, node.lineno))

    def visit_Constant(self, node: ast.Constant) -> None:
        # A pattern of bytes knows ASCII alone.
        if isinstance(node.value, str) and CLASSES.search(node.value):
            self.patterns.append(node.lineno)


def uses(module: str) -> Uses:
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    if ast.get_docstring(tree) is not None:
        del tree.body[0]
    return Uses(tree)


@pytest.mark.parametrize("module", MODULES)
def test_no_name_whose_meaning_moves_is_used(module):
    for function, name, line in uses(module).names:
        assert (module, function, name) in ALLOWED, (
            f"{module}.py:{line} uses {name}. Use cef_bridge.casing, kubearmor.clock or kubearmor.numbers, "
            "or add the place and its reason to ALLOWED."
        )


@pytest.mark.parametrize("module", MODULES)
def test_no_pattern_asks_for_classes_of_unicode(module):
    lines = [] if module in ASCII_PATTERNS else uses(module).patterns
    assert not lines, f"{module}.py:{lines[0]}: write [0-9], or [A-Za-z] for what ignores case"


@pytest.mark.parametrize("module", MODULES)
def test_patterns_that_ask_for_classes_are_compiled_for_ascii(module):
    loaded = importlib.import_module(f"cef_bridge.{module.replace('/', '.')}")
    for name, value in vars(loaded).items():
        if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
            asks = CLASSES.search(value.pattern) or value.flags & re.IGNORECASE
            assert not asks or value.flags & re.ASCII, f"{module}.py: {name} has no re.ASCII"


def test_each_allowed_place_is_in_use():
    found = {
        (module, function, name) for module in MODULES for function, name, _ in uses(module).names
    }
    assert set(ALLOWED) <= found


@pytest.mark.parametrize(
    "source",
    [
        "x.lower()",
        "list(map(str.isalpha, x))",
        "re.compile('x', re.IGNORECASE)",
        "re.compile('x', flags=re.I)",
        "re.compile(r'\\d+')",
        "re.compile(rf'{x}\\w+')",
        "re.compile('(?i:x)')",
        "int(x)",
        "map(float, x)",
        "datetime.fromisoformat(x)",
        "def f(x: str) -> int:\n    return int(x)",
    ],
)
def test_the_look_finds_what_moves(source):
    found = Uses(ast.parse(source))
    assert found.names or found.patterns


@pytest.mark.parametrize(
    "source",
    [
        "def f(x: int) -> float:\n    '''(?i:x)'''\n    y: int = 0",
        "isinstance(x, (int, float))",
        "x.__class__ is float",
        "casing.lower(x)",
        "re.compile(rb'\\d')",
        "re.compile('[0-9]')",
        "x.strip().split()",
    ],
)
def test_the_look_passes_what_does_not_move(source):
    found = Uses(ast.parse(source))
    assert [*found.names, *found.patterns] == []


def test_white_space_is_what_the_engine_takes_for_it():
    codes = [code for code in range(0x110000) if chr(code).isspace()]
    assert codes == [
        *(*range(0x9, 0xE), *range(0x1C, 0x21), 0x85, 0xA0, 0x1680),
        *(*range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000),
    ]
    assert [code for code in range(0x110000) if re.match(r"\s", chr(code))] == codes
    assert [code for code in range(0x110000) if not chr(code).strip()] == codes


def test_words_of_kubearmor_have_two_cases_in_ascii_alone():
    """U+212A is a capital k, U+017F a small s, U+0131 a small i; each is one of Unicode's cases."""
    assert classes.kind_of({"Type": "CONTAINERLOG"}) == "log"
    assert classes.kind_of({"Type": "container\u017flog", "PolicyName": "p"}) == "alert"
    assert names.is_name("UPDATEDTIME")
    assert not names.is_name("\u212aubearmorversion")
    for test in ("networ\u212a", "networ\u212a*"):
        holds = conditions.holds(Condition("Operation", (values.test_of(test),)))
        assert not holds({"Operation": "Network"})
        assert holds({"Operation": "NETWOR\u212a"})
    holds = conditions.holds(Condition("Operation", (values.test_of("net[V-X]or[!a]*"),)))
    assert holds({"Operation": "NETwORK"})


def test_the_recipe_of_ids_takes_case_from_the_table():
    resource = {"Resource": "remoteip=10.0.0.1 remotehost=pod/a/b"}
    without = {"Resource": "remoteip=10.0.0.1"}
    for word in ("Networ\u212a", "NETWOR\u212a"):
        assert event_id({"Operation": word, **resource}) == event_id({"Operation": word, **without})


def test_floats_in_nested_values_do_not_depend_on_the_version_of_orjson():
    value = {"a": [1e16, -1.5e300, 1e15, 0.5, 1.5e-5, 1e-6], "b": float("inf"), "c": 2**53}
    written = (
        '{"a":[1e+16,-1.5e+300,1000000000000000.0,0.5,0.000015,1e-6],"b":null,"c":9007199254740992}'
    )
    assert conditions.compact_json(value) == written
