"""The engine's functions of texts against the Python reference, over texts made up by hypothesis.

The engine's side is engine/examples/texts.rs: one process, which takes a text and gives its answer.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import warnings
from fnmatch import fnmatchcase, translate
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cef_bridge import casing
from cef_bridge.mapping import transforms

ENGINE = Path(__file__).parent.parent / "engine"

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="needs cargo")
many = settings(max_examples=300, deadline=None)


class Engine:
    """The example program, waiting for texts."""

    def __init__(self, *command: str | Path) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, function: str, *texts: str) -> str:
        request = struct.pack("<I", 1 + len(texts))
        for text in (function, *texts):
            encoded = text.encode()
            request += struct.pack("<I", len(encoded)) + encoded
        self.process.stdin.write(request)
        self.process.stdin.flush()
        (length,) = struct.unpack("<I", self.process.stdout.read(4))
        return self.process.stdout.read(length).decode()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(10) == 0


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    build = ("cargo", "build", "--offline", "--locked", "--example", "texts", "--target-dir")
    subprocess.run((*build, ENGINE / "target"), cwd=ENGINE, check=True)
    cases = tmp_path_factory.mktemp("engine") / "cases"
    cases.write_bytes(casing.table())
    running = Engine(ENGINE / "target/debug/examples/texts", cases)
    yield running
    running.close()


# White space of Python, of others (U+200B is none), and what Unicode folds to k, s and i.
ODD = "\t\n\x0b\x0c\r\x1c\x1f\x85\xa0\u1680\u2000\u200a\u200b\u2028\u202f\u3000\u212aſİıéßΣς😀"
PLAIN = st.characters(codec="utf-8")


def texts_of(pieces):
    """Texts that are put together from some pieces, odd characters, and any others."""
    return st.lists(st.sampled_from([*pieces, *ODD]) | PLAIN, max_size=12).map("".join)


GLOB_PIECES = [
    *"**??[[]]!!--^&|~\\abckszKSZ/._ ",
    "[!",
    "[a-c]",
    "[!a-c]",
    "[z-a",
    "[]",
    "a-z",
    "--",
]


@many
@given(pattern=texts_of(GLOB_PIECES), text=texts_of("aabbckszKSZ-!]^[/._"))
@example("[z-a!-~]", "-")
@example("[z-a!b]", "a")
@example("[!z-a]x", "\nx")
@example("[k]*[!s]", "\u212aſ")
def test_globs(engine, pattern, text):
    # What the pattern says literally is a text that often matches.
    texts = [text, pattern, pattern.replace("*", text).replace("?", "a").upper()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # "possible nested set" of re
        any_case = re.compile(translate(pattern), re.IGNORECASE | re.ASCII)
        for each in texts:
            exactly = fnmatchcase(each, pattern)
            assert engine.ask("glob", pattern, each) == ("yes" if exactly else "no")
            matches = any_case.match(each) is not None
            assert engine.ask("glob in any case", pattern, each) == ("yes" if matches else "no")


PATH_PIECES = [*"/ab|:,.- 12", "//", "@sha256:", "a:b", "aa", "(", ")", " -c "]
ARGUMENTS = sorted({it for each in transforms.TRANSFORMS.values() for it in each.arguments})
CASES = {"lower": casing.lower, "upper": casing.upper}


@many
@given(text=texts_of(PATH_PIECES))
def test_transforms_without_arguments(engine, text):
    for name, transform in transforms.TRANSFORMS.items():
        if not transform.arguments and name != "redact":
            reference = CASES.get(name, transform.function)
            assert engine.ask(name, text) == reference(text)


@many
@given(text=texts_of(PATH_PIECES), data=st.data())
def test_transforms_with_arguments(engine, text, data):
    marks = st.sampled_from(PATH_PIECES) | st.text(PLAIN, min_size=1, max_size=2)
    kinds = {"part": st.integers(1, 9).map(str), "new": marks | st.just("")}
    given = {name: data.draw(kinds.get(name, marks)) for name in ARGUMENTS}
    for name, transform in transforms.TRANSFORMS.items():
        if transform.arguments:
            arguments = [given[it] for it in transform.arguments]
            expected = transform.function(text, *arguments)
            assert engine.ask(name, *arguments, text) == expected


@pytest.mark.parametrize("new", ["aa", "é" * 64, "é", ""])
def test_replace_makes_a_text_longer_by_as_much_as_the_reference(engine, new):
    text = "ab" * 5000
    assert engine.ask("replace", "a", new, text) == transforms.replace(text, "a", new)
