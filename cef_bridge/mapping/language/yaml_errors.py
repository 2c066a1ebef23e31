"""What a YAML parser complains about, in plain words.

In comes an error of PyYAML (libyaml's texts or its own), out go line, column and a sentence that
says what to do. Must not know mappings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.wording import shown

if TYPE_CHECKING:
    import yaml

_FALLBACK = "This is no YAML. Look at indentation, quotes and brackets here and on the line before."
_MISFIT = "This does not fit the lines before it. Line up keys; nothing may follow a quoted text."
_ESCAPE = "There is no such escape in double quotes. Write \\\\ for a backslash, or single quotes."
_BLOCK_TEXT = "After | and > the text begins on the next line."
_TAB = "A tab instead of spaces. Indent with spaces."
_COLON = 'A second ": " on one line. Put the text in quotes, or begin a new line.'
_STAR = "After & and * comes a name. For a text that begins with one of them, use quotes."
# Part of the parser's text -> what it means to a person.
_PLAIN_WORDS = (
    ("mapping values are not allowed", _COLON),
    ("found unexpected end of stream", "A quoted text begins here and never ends. Add the quote."),
    ("',' or ']'", "A list in [ ] is not closed before this. Add , or ]."),
    ("',' or '}'", "A mapping in { } is not closed before this. Add , or }."),
    ("'-' indicator", 'This does not fit into the list before it. Begin with "- ", or indent.'),
    ("did not find expected key", _MISFIT),
    ("<block end>", _MISFIT),
    ("block sequence entries are not allowed", 'A list begins on a new line: "- " cannot be here.'),
    ("unknown escape", _ESCAPE),
    ("escape sequence", _ESCAPE),
    ("node content", "A value is missing, or a bracket or comma is out of place."),
    ("could not find expected ':'", 'A key without ":". Write "key: value".'),
    ("comment or line break", _BLOCK_TEXT),
    ("indentation indicator", _BLOCK_TEXT),
    ("directive", "Lines that begin with % are not read. Remove this one."),
    ("alphabetic or numeric", _STAR),
    ("document start", "Text outside the mapping. Align the keys."),
    ("tab character", _TAB),
)


def explain(error: yaml.YAMLError, text: str) -> tuple[int, int, str]:
    """Return line and column, from 1, and a sentence for a parser's error in a text."""
    mark = getattr(error, "problem_mark", None)
    said = str(getattr(error, "problem", ""))
    context = str(getattr(error, "context", ""))
    if "quoted scalar" in context and "end of stream" in said:
        # Where the quote was opened, not where the file ends.
        mark = getattr(error, "context_mark", None) or mark
    if mark is None:
        return 1, 1, _FALLBACK
    line, column = mark.line, mark.column
    if "cannot start any token" in said:
        return line + 1, column + 1, _bad_start(text, line, column)
    message = next((words for part, words in _PLAIN_WORDS if part in said), _FALLBACK)
    return line + 1, column + 1, message


def _bad_start(text: str, line: int, column: int) -> str:
    lines = text.split("\n")
    char = lines[line][column : column + 1] if line < len(lines) else ""
    if char == "\t":
        return _TAB
    return f'A text cannot begin with "{shown(char)}". Put it in quotes.' if char else _FALLBACK
