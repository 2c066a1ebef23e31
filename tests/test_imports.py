"""Imports run one way, from the command line down to the errors; who breaks that reads why here.

Reads the sources with ast: what stands under TYPE_CHECKING or inside a function counts as well,
for a type that is needed upstairs stands on the wrong floor. For circles, only imports that run
when a module is loaded count.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cef_bridge"

# Room -> the rooms it may import from, itself aside, and why no others.
ALLOWED = {
    "casing": (set(), "it is the ground floor too: every room compares words"),
    "errors": (set(), "it is the ground floor"),
    "log_fields": (
        set(),
        "it is the ground floor too: every room logs, and nobody asks who reads it",
    ),
    "request_safety": (set(), "it is the ground floor too: facts of a request come in"),
    "small_files": (set(), "it is the ground floor too: a path comes in, bytes go out"),
    "wording": (set(), "it is the ground floor too: whoever finds a fault has words for it"),
    "checkpoint": (set(), "a position means something to its source only"),
    "files": (set(), "bytes go in, a file comes out, and nobody asks what stands in it"),
    "generator": (set(), "it makes events, and does not care who reads them"),
    "kubearmor": (set(), "it knows KubeArmor, and neither mappings nor what is written"),
    "lines": (set(), "a format is pure: it knows neither events nor mappings"),
    "sources.records": (set(), "it cuts bytes, and does not know where they come from"),
    "stats": (set(), "counters know nothing of what they count"),
    "lines.lint": ({"lines"}, "it judges lines whoever wrote them, so it knows no mapping"),
    "mapping.language": (
        {"files", "kubearmor", "lines"},
        "it says what a mapping's YAML means, and runs none of it",
    ),
    "objects": (set(), "it carries bytes from and to a store, and does not know what they are"),
    "queue": (
        {"checkpoint", "files", "stats"},
        "it keeps messages and does not know what stands in them",
    ),
    "sources.feed": (
        {"checkpoint", "sources.records"},
        "what a source brings has one form, whatever the source is",
    ),
    "delivery": (
        {"delivery.http", "delivery.kafka", "files", "kafka", "queue"},
        "it carries messages and does not know what stands in them",
    ),
    "delivery.kafka": (
        {"delivery", "kafka", "queue"},
        "it carries messages to a topic; what they say of themselves comes by a function",
    ),
    "delivery.http": (
        {"delivery", "queue"},
        "it carries messages by HTTP; what they say of themselves comes by a function",
    ),
    "mapping.program": (
        {"kubearmor", "lines", "mapping.language"},
        "it makes one event into one message, and knows neither files nor where it goes",
    ),
    "siems": (
        {"kubearmor", "lines", "lines.lint", "mapping.language"},
        "it reads a line as a SIEM does, wherever the line comes from",
    ),
    "sources.files": (
        {"checkpoint", "objects", "sources.feed", "sources.records", "stats"},
        "it brings bytes, and knows no mapping",
    ),
    "kafka": (set(), "it knows the client, and neither sources nor destinations"),
    "sources.kafka": (
        {"checkpoint", "kafka", "sources.feed", "sources.records"},
        "it brings bytes, and knows no mapping",
    ),
    "sources.relay": (
        {"checkpoint", "sources.feed", "sources.records"},
        "it brings bytes, and knows no mapping",
    ),
    "collector": ({"delivery", "lines"}, "it reads what was sent, and knows no mapping"),
    "mapping.lint": (
        {"kubearmor", "lines", "mapping.language", "mapping.program", "siems"},
        "it judges a mapping, wherever the events come from and the messages go to",
    ),
    "mapping.program.table": (
        {"kubearmor", "lines", "mapping.language", "mapping.program"},
        "it writes down for the engine what these rooms know, and runs nothing",
    ),
    "sources": (
        {"checkpoint", "sources.feed", "sources.files", "sources.records"},
        "it brings bytes, and knows no mapping",
    ),
    "engine": (
        {"kubearmor", "mapping.program", "mapping.program.table", "sources.records", "stats"},
        "it runs lines through the engine or the reference, and knows no files",
    ),
    "mapping": (
        {"kubearmor", "mapping.language", "mapping.lint", "mapping.program", "siems"},
        "it brings a mapping's file, its lint and its examples together, and reads no input",
    ),
    "convert": (
        {"engine", "sources.files", "sources.records", "stats"},
        "it runs inputs through an engine; mappings and the command line are not its business",
    ),
    "forward.config": (
        {
            "delivery",
            "delivery.kafka",
            "mapping",
            "mapping.language",
            "mapping.lint",
            "siems",
            "sources",
            "sources.feed",
            "sources.files",
            "sources.kafka",
            "sources.relay",
        },
        "it says what a forwarder is asked to do, and does none of it; its table of sources opens them",
    ),
    "batches": (
        {"engine", "mapping", "mapping.language", "mapping.program"},
        "it makes a mapping a function, and does not know who calls it",
    ),
    "spark": (
        {
            "batches",
            "engine",
            "lines",
            "lines.lint",
            "mapping.language",
            "sources.files",
            "sources.records",
        },
        "it has columns in the place of files and queues",
    ),
    "workbench": (
        {
            "engine",
            "kubearmor",
            "lines",
            "mapping",
            "mapping.language",
            "mapping.program",
            "sources.files",
            "sources.records",
        },
        "it tells what a mapping does to events, and neither prints nor delivers",
    ),
    "content": (
        {
            "batches",
            "files",
            "kubearmor",
            "lines",
            "mapping",
            "mapping.language",
            "siems",
        },
        "it runs rules over what a SIEM stores, and neither prints nor delivers",
    ),
    "forward": (
        {
            "checkpoint",
            "delivery",
            "engine",
            "files",
            "forward.config",
            "kubearmor",
            "lines",
            "mapping",
            "mapping.program",
            "queue",
            "sources",
            "sources.feed",
            "sources.files",
            "sources.records",
            "sources.relay",
            "stats",
        },
        "it puts the parts of the forwarder together, and knows no command line",
    ),
    "doctor": (
        {
            "delivery",
            "delivery.kafka",
            "engine",
            "forward",
            "forward.config",
            "kafka",
            "kubearmor",
            "mapping",
            "mapping.language",
            "mapping.program",
            "queue",
            "sources.files",
            "sources.records",
            "sources.relay",
        },
        "it looks at each link as the forwarder uses it, and knows no command line",
    ),
    "studio": (
        {
            "files",
            "kubearmor",
            "lines",
            "mapping",
            "mapping.language",
            "mapping.lint",
            "mapping.program",
            "siems",
            "workbench",
        },
        "it answers a page by what other rooms know, and holds no rule of its own",
    ),
    "cli": (
        {
            "collector",
            "content",
            "convert",
            "delivery",
            "doctor",
            "engine",
            "files",
            "forward",
            "forward.config",
            "generator",
            "kubearmor",
            "lines",
            "lines.lint",
            "mapping",
            "mapping.language",
            "mapping.lint",
            "mapping.program",
            "mapping.program.table",
            "objects",
            "queue",
            "siems",
            "sources.files",
            "sources.records",
            "stats",
            "studio",
            "workbench",
        },
        "a command puts parts together and uses none that are hidden behind another",
    ),
}

# Everything may import these, which import nothing.
GROUND = ("casing", "errors", "log_fields", "request_safety", "small_files", "wording")

# Foreign package (and one of Python's own) -> where alone it may be imported, and why.
FOREIGN = {
    "click": ({"cli"}, "a library's user has no command line"),
    "rich": ({"cli"}, "what a terminal shows is the business of the command line"),
    "yaml": (
        {"content", "mapping.language"},
        "YAML is the language of mappings, and of Sentinel's rules; all else gets checked values",
    ),
    "msgspec": (
        {
            "delivery",
            "doctor",
            "forward.config",
            "mapping.language",
            "mapping.lint",
            "mapping.program",
        },
        "what a file may say is declared in one place",
    ),
    "zstandard": (
        {"cli", "queue", "sources.files"},
        "archives, queues and outputs are compressed where they are kept",
    ),
    "confluent_kafka": (
        {"delivery.kafka", "doctor", "kafka", "sources.kafka"},
        "the client of Kafka is an extra: who does not ask for it has none",
    ),
    "fsspec": ({"objects"}, "object stores are known in one room, and only when a URL is given"),
    "grpc": ({"sources.relay"}, "the relay is a source like others"),
    "google": ({"sources.relay"}, "the relay is a source like others"),
    "starlette": ({"studio"}, "it comes with an extra, and only the page needs it"),
    "uvicorn": ({"studio"}, "it comes with an extra, and only the page needs it"),
    "urllib3": ({"delivery.http"}, "it is an extra: who sends by TCP does not need it"),
    "pyarrow": ({"spark"}, "it comes with an extra, which others do without"),
    "pyspark": ({"spark"}, "it comes with an extra, which others do without"),
    "sigma": (
        {"content"},
        "pySigma is an extra, and is slow to load: who converts needs none of it",
    ),
    "ctypes": ({"engine"}, "it checks nothing: one wrong type in a call ends the process"),
    "prometheus_client": ({"forward"}, "all else counts with plain numbers"),
    "orjson": (
        {
            "cli",
            "convert",
            "delivery.http",
            "engine",
            "generator",
            "kubearmor",
            "mapping.program",
            "sources.records",
            "sources.relay",
        },
        "formats and errors know no JSON",
    ),
}


class Import(ast.NodeVisitor):
    """Collects (module, line, whether it runs when the file is loaded) of a file's imports."""

    def __init__(self, path: Path) -> None:
        self.found: list[tuple[str, int, bool]] = []
        self._runs = True
        self.visit(ast.parse(path.read_text(encoding="utf-8")))

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [(alias.name, node.lineno, self._runs) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, "relative imports hide where something comes from"
        module = node.module or ""
        for alias in node.names:
            whole = f"{module}.{alias.name}"
            self.found.append((whole if whole in MODULES else module, node.lineno, self._runs))

    def visit_If(self, node: ast.If) -> None:
        runs, self._runs = self._runs, self._runs and "TYPE_CHECKING" not in ast.dump(node.test)
        self.generic_visit(node)
        self._runs = runs

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        runs, self._runs = self._runs, False
        self.generic_visit(node)
        self._runs = runs


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
IMPORTS = {name: Import(path).found for name, path in MODULES.items()}


def room(module: str) -> str:
    """Return the longest name in ALLOWED that a module's begins with, or its first part."""
    parts = module.split(".")[1:]
    names = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((name for name in names if name in ALLOWED), "".join(parts[:1]))


def test_every_room_of_the_package_has_its_rule():
    assert {room(module) for module in MODULES} - {""} == set(ALLOWED)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_what_stands_below_it(name):
    if not room(name):
        assert IMPORTS[name] == [("__future__", 1, True)] * bool(IMPORTS[name])
        return
    allowed, reason = ALLOWED[room(name)]
    for module, line, _ in IMPORTS[name]:
        own = module.startswith("cef_bridge") and room(module) not in {"", room(name), *GROUND}
        assert not own or room(module) in allowed, (
            f"{MODULES[name]}:{line} imports {module}. {room(name)} must not: {reason}. "
            "If a type is what you need, it stands on the wrong floor."
        )


@pytest.mark.parametrize("name", MODULES)
def test_a_foreign_package_is_known_in_its_room_only(name):
    for module, line, _ in IMPORTS[name]:
        package = module.partition(".")[0]
        if package == "cef_bridge" or package in sys.stdlib_module_names - FOREIGN.keys():
            continue
        rooms, reason = FOREIGN[package]
        assert room(name) in rooms, f"{MODULES[name]}:{line} imports {package}: {reason}."


def test_no_modules_import_each_other_in_a_circle():
    below = {
        name: {module for module, _, runs in found if runs and module in MODULES}
        for name, found in IMPORTS.items()
    }
    done: set[str] = set()

    def descend(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, "a circle: " + " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for module in sorted(below[name]):
                descend(module, (*path, name))
            done.add(name)

    for name in below:
        descend(name, ())
