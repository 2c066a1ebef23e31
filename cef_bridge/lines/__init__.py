"""The formats: a message is written and read here, and nowhere else.

In comes a header and an extension (text by key), out comes one line, and back. A format is one
file and one row of `FORMATS`. Pure: no events, no mappings, no sockets, no files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cef_bridge.errors import FormatError
from cef_bridge.lines.cef import Cef
from cef_bridge.lines.leef import Leef
from cef_bridge.lines.message import Header, ParsedMessage, locate

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.lines.dictionary import Key

__all__ = ["FORMATS", "Cef", "Format", "Header", "Leef", "ParsedMessage", "parse"]


class Format(Protocol):
    """What a format offers; `neutral`, `escape` and `pair` are for who compiles them into a loop.

    Text goes neutral -> `cut` to the key's length -> escape. The first pair of a message goes
    without its leading `separator`.
    """

    name: str
    separator: str

    def key(self, name: str) -> Key | None:
        """Return the dictionary's row of a key, None for a key of one's own."""

    def pair(self, name: str) -> str:
        """Return what stands before a value, separator included; FormatError for a bad key."""

    def neutral(self, text: str, most: int = 0) -> str:
        """Return raw text made harmless; idempotent. Of a longer text than `most` characters, if
        that is not 0, it may be the beginning only, but more than so many characters.
        """

    def escape(self, text: str) -> str:
        """Return neutral text as written on the wire."""

    def head(self, header: Header) -> str:
        """Return the header as written, its last pipe included."""

    def parse(self, line: str) -> ParsedMessage:
        """Return the message of a line; FormatError when the standard's grammar is broken."""

    def normalise(self, header: Header, extension: dict[str, str]) -> tuple[Header, dict[str, str]]:
        """Return what `parse` gives back for what `render` wrote; pure, idempotent."""

    def render(self, header: Header, extension: dict[str, str]) -> str:
        """Return the whole message: the reference writer."""


FORMATS: dict[str, Callable[..., Format]] = {"cef": Cef, "leef": Leef}

_READERS: dict[str, Format] = {name: make() for name, make in FORMATS.items()}


def parse(line: str) -> ParsedMessage:
    """Return the message of a line in whichever format begins first; FormatError if none reads."""
    name = locate(line).format
    if name is None:
        raise FormatError(
            "no message. Expected CEF: or LEEF: at the start or after a syslog header."
        )
    return _READERS[name].parse(line)
