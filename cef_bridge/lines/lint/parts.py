"""A line taken apart: what rules see. Offsets count characters from 0.

Plain values, and what sentences call the header's fields. Must not know any rule, nor how a line
is taken apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from cef_bridge.lines.syslog import SyslogHeader

CEF_FIELDS = (
    "device_vendor",
    "device_product",
    "device_version",
    "device_event_class_id",
    "name",
    "severity",
)
LEEF_FIELDS = CEF_FIELDS[:4]

WORDS = {
    "device_vendor": "vendor",
    "device_product": "product",
    "device_version": "device version",
    "device_event_class_id": "class id",
    "name": "name",
    "severity": "severity",
}
"""Header fields as sentences call them."""


class LineSpan(NamedTuple):
    """A stretch of a line as written."""

    at: int
    raw: str


_NOTHING = LineSpan(0, "")


class Pair(NamedTuple):
    """A key and its value; `raw` is the value as written, `value` what a reader makes of it."""

    key: str
    at: int
    value_at: int
    raw: str
    value: str


class ParsedLine(NamedTuple):
    """One line. `size` is in bytes; `read_by` is the receiver that is asked for, "" for any.

    `at` is where the message begins, `format` is "" when there is none. `header` has all fields
    by name, or none when the header is not whole: `fields` are then those that were found, and
    `pipes` how many pipes. `extra_pipe` is a pipe inside of a field. `keys` are those of `pairs`;
    `inner` are pairs, by offset, that are text of an earlier value, each with the key of that one.
    `stray` is text of no key. `undeclared` is what parts the attributes of LEEF in the place of
    `delimiter`, "" where none does.
    """

    text: str
    size: int
    read_by: str = ""
    format: Literal["cef", "leef", ""] = ""
    at: int = 0
    syslog: SyslogHeader | None = None
    prefix: LineSpan = LineSpan(0, "")
    version: str = ""
    header: dict[str, LineSpan] = {}  # noqa: RUF012  # never changed: a field of a frozen value
    fields: tuple[LineSpan, ...] = ()
    pipes: int = 0
    extra_pipe: int | None = None
    extension_at: int = 0
    pairs: tuple[Pair, ...] = ()
    keys: frozenset[str] = frozenset()
    inner: dict[int, str] = {}  # noqa: RUF012  # the same
    stray: tuple[LineSpan, ...] = ()
    delimiter: str = ""
    undeclared: str = ""
    delimiter_field: LineSpan | None = None

    @property
    def product(self) -> tuple[str, str]:
        """Vendor and product, 256 characters of each; "" for what is not there."""
        vendor, product = (*self.fields, _NOTHING, _NOTHING)[:2]
        return (vendor.raw[:256], product.raw[:256])

    def having(self, keys: frozenset[str]) -> list[Pair]:
        """Return the pairs whose key is one of these, in their order."""
        # Most rules are about keys that most lines have not: this asks at once.
        if self.keys.isdisjoint(keys):
            return []
        return [pair for pair in self.pairs if pair.key in keys]

    def lacking(self, keys: frozenset[str]) -> list[Pair]:
        """Return the pairs whose key is none of these, in their order."""
        if self.keys <= keys:
            return []
        return [pair for pair in self.pairs if pair.key not in keys]


class LineFinding(NamedTuple):
    """What a rule found: at which offset, and what to say."""

    at: int
    message: str
