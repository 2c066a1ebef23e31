"""URLs of sources and destinations taken apart: `tls://a:6514,b:6514?ca=x` has endpoints and words.

In comes a text, out goes a `Url`, or everything that is wrong with it, in sentences that do not
repeat what may be secret. Must not know which schemes and words there are.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import unquote

from msgspec import inspect as kinds

from cef_bridge.delivery.settings import did_you_mean, extra_of, quoted, read
from cef_bridge.wording import closest, shown

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

Endpoint = tuple[str, int]

FILE_SECRET = "file:"  # noqa: S105 - how a secret that stands in a file is written

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//)?")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[^\s/?#@:\[\]%,\\]+")


class Url(NamedTuple):
    """`scheme` in lower case; `rest` between it and the `?`, raw; `words` decoded, as written."""

    scheme: str
    rest: str
    words: tuple[tuple[str, str], ...]


class UrlParameters(NamedTuple):
    """The words that the URLs of some schemes have: declared fields by the name that is written."""

    rows: Mapping[str, kinds.Field]
    schemes: tuple[str, ...]

    def row(self, name: str) -> kinds.Field | None:
        """Return the field of a name, also of one that it had in earlier versions."""
        return self.rows.get(self.earlier.get(name, name))

    @property
    def earlier(self) -> dict[str, str]:
        """The names of earlier versions, each with the one of today."""
        return {old: name for name, row in self.rows.items() if (old := old_name(row))}

    @classmethod
    def of(cls, struct: type, schemes: tuple[str, ...]) -> Self:
        """Return the words of a struct: its fields that `settings.setting` describes."""
        declared = kinds.type_info(struct)
        fields = declared.fields if isinstance(declared, kinds.StructType) else ()
        rows = {row.encode_name: row for row in fields if isinstance(row.type, kinds.Metadata)}
        return cls(rows, schemes)

    def __or__(self, other: UrlParameters) -> UrlParameters:
        """Return the words of both, for the schemes of this one."""
        return UrlParameters({**self.rows, **other.rows}, self.schemes)

    def has(self, row: kinds.Field) -> tuple[str, ...]:
        """Return the schemes that have a word."""
        of = extra_of(row.type, "of")
        return tuple(it for it in self.schemes if not isinstance(of, tuple) or not of or it in of)

    def read(self, url: Url, besides: Container[str]) -> tuple[dict[str, object], list[str]]:
        """Return a URL's words as values by field name, and what is wrong with them.

        `besides`: names of fields that are said beside the URL.
        """
        said: dict[str, object] = {}
        problems: list[str] = []
        for name, text in url.words:
            row = self.row(name)
            if row is None or _not_in_urls(row):
                fitting = [
                    it
                    for it, row in self.rows.items()
                    if url.scheme in self.has(row) and not _not_in_urls(row)
                ]
                hint = did_you_mean(name, fitting) or f" There are: {', '.join(fitting)}."
                problems.append(f"Unknown setting {quoted(name)} of {_shown(url.scheme)}.{hint}")
            elif url.scheme not in self.has(row):
                problems.append(self.misfit(row, url.scheme))
            elif row.name in said or row.name in besides:
                where = "" if row.name in said else " in the URL and in the file"
                problems.append(f'Duplicate "{name}"{where}. Remove one.')
            elif extra_of(row.type, "kind") == "secret" and not text.startswith(FILE_SECRET):
                problems.append(
                    f'"{name}" would be seen by everyone who lists processes. '
                    f"Write it into a file, and {name}=file:/path/of/it."
                )
            else:
                said[row.name], wrong = read(text, row.type)
                if wrong is not None:
                    problems.append(f'"{name}" cannot be {quoted(text)}. {wrong}')
        problems += [
            self.misfit(row, url.scheme)
            for row in self.rows.values()
            if row.name in besides and url.scheme not in self.has(row)
        ]
        return said, problems

    def unread(self, url: Url, said: Container[str]) -> set[str]:
        """Return the names of a URL's words that are not among `said`, fields that could be read.

        A name that does not exist counts as the one that was most likely meant.
        """
        rows = {name: self.row(name) for name, _ in url.words}
        return {self.meant(name) for name, row in rows.items() if not row or row.name not in said}

    def meant(self, name: str) -> str:
        """Return a name of today for one that was written, however it was misspelt."""
        row = self.row(name)
        return row.encode_name if row else closest(name, self.rows, 0.6) or name

    def misfit(self, row: kinds.Field, scheme: str) -> str:
        """Return what is told of a word that other schemes have."""
        *most, last = (_shown(it) for it in self.has(row))
        others = f"{', '.join(most)} and {last}" if most else last
        return f'"{row.encode_name}" does nothing with {_shown(scheme)}: it is for {others}.'


def old_name(row: kinds.Field) -> str:
    """Return what a field was called in earlier versions, "" for one that kept its name."""
    return str(extra_of(row.type, "was") or "")


def _not_in_urls(row: kinds.Field) -> bool:
    return extra_of(row.type, "kind") == "not in URLs"


def _shown(scheme: str) -> str:
    return "-" if scheme in {"stdin", "stdout"} else f"{scheme}://"


def has_scheme(text: str) -> bool:
    """Tell whether a text begins as a URL does."""
    match = _SCHEME.match(text)
    return match is not None and match[2] is not None


def without_slashes(parts: Url) -> str:
    """Return what is wrong with a URL that does not have // behind its scheme."""
    rest = parts.rest.lstrip("/")
    form = "HOST:PORT" if "@" in rest else shown(rest)  # what is before an @ may be a password
    return f"{parts.scheme}: is followed by two slashes. Write {parts.scheme}://{form}"


def split(text: str) -> tuple[Url, list[str]]:
    """Return the parts of a URL, and what is wrong with its writing."""
    problems: list[str] = []
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else ""
    rest, _, query = text[match.end() if match else 0 :].partition("?")
    if not text.isprintable() or " " in text:
        problems.append("There is a space or an invisible character in it. Write it as %20 or so.")
    if _BAD_ESCAPE.search(text):
        problems.append("A % is written as %25; before two hex digits it encodes a character.")
    if "#" in text:
        problems.append("A # is written as %23.")
    words = []
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if not equals or not value:
            problems.append(f"{quoted(unquote(name))} has no value. Write {unquote(name)}=VALUE.")
        else:
            words.append((unquote(name), unquote(value)))
    return Url(scheme, rest, tuple(words)), problems


def endpoints(rest: str, default_port: int) -> tuple[tuple[Endpoint, ...], list[str]]:
    """Return hosts with ports of `a:6514,[::1],b`, and what is wrong with them."""
    problems: list[str] = []
    if "@" in rest:
        # What stands before it may be a password: it is not repeated.
        return (), ["There is an @ in it. User names and passwords do not belong into a URL."]
    hosts = rest.removesuffix("/")
    if "/" in hosts:
        return (), [f"Nothing but a ? may follow host and port. Found {quoted(rest)}."]
    found: list[Endpoint] = []
    for part in hosts.split(","):
        place = endpoint(unquote(part), default_port)
        if isinstance(place, str):
            problems.append(place)
        elif place in found:
            problems.append(f"Duplicate endpoint {shown_endpoint(place)}.")
        else:
            found.append(place)
    return tuple(found), problems


def endpoint(text: str, default_port: int | None = None, least: int = 1) -> Endpoint | str:
    """Return host and port of `host:port`, or what is wrong; without a default it needs a port."""
    default = "" if default_port is None else str(default_port)
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        try:
            IPv6Address(host)
        except ValueError:
            closed = ""
        if not closed or (port and not port.startswith(":")):
            return f"Invalid IPv6 address {quoted(text)}. With a port it is [2001:db8::7]:6514."
        port = port[1:] if port else default
    else:
        if text.count(":") > 1:
            return f"{quoted(text)}: put an IPv6 address in brackets, such as [2001:db8::7]:6514."
        host, colon, port = text.partition(":")
        if not _HOST.fullmatch(host):
            return "A host's name is missing." if not host else f"Invalid host name {quoted(host)}."
        port = port if colon else default
        if not colon and not default:
            return f"{quoted(text)} has no port. Expected HOST:PORT."
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and least <= int(port) <= 65535):
        return f"Invalid port {quoted(port)}. Expected {least} to 65535."
    return host, int(port)


def shown_endpoint(place: Endpoint) -> str:
    """Return `host:port`, with an IPv6 address in brackets."""
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
