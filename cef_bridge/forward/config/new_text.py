"""The text of a new config: which settings are written at each kind of item, and their comments.

In come items, out goes YAML that `read` takes. What a comment says of a setting is its
declaration's (`spec`, `destination_url`). Knows no file and no command line.
"""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING, NamedTuple

from msgspec import inspect as kinds

from cef_bridge.delivery.settings import extra_of, shown_number, takes
from cef_bridge.forward.config.read import CONFIG_WORDS, LISTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cef_bridge.delivery.urls import UrlParameters

    Shown = tuple[tuple[str, str | None], ...]
    """Settings in their order, and what is written: None for the declared default. One that begins
    with "# " is a comment, to be taken in by whoever needs it."""

_WIDTH = 100
_ETC = "/etc/cef-bridge"
_CLIENT: Shown = (("# cert", f"{_ETC}/client.pem"), ("# key", f"{_ETC}/client.key"))
_CA: Shown = (("ca", f"{_ETC}/ca.pem"), *_CLIENT)
_MAYBE_TLS: Shown = (("# tls", "yes"), ("# ca", f"{_ETC}/ca.pem"), *_CLIENT)
_SASL: Shown = (
    ("# sasl", "scram-sha-512"),
    ("# user", "cef-bridge"),
    ("# password", "file:/run/secrets/kafka-password"),
)
_FRAMED: Shown = (("# framing", "octet-counting"), ("# confirm_hold", None))
_SEARCH: Shown = (("api_key", "file:/run/secrets/api-key"), *_CA, ("# pipeline", "cef"))

SOURCES: dict[str, Shown] = {
    "kubearmor": (("streams", None), ("# alerts", "policy"), ("# logs", "system"), *_MAYBE_TLS),
    "kafka": (("group", "cef-bridge"), ("# start", "latest"), *_MAYBE_TLS, *_SASL),
    "files": (("# from_end", "yes"), ("# input_format", "logfile")),
    "stdin": (("# input_format", "logfile"),),
}
"""By kind of source."""

_TARGETS: dict[str, Shown] = {
    "udp": (("# rate", None), ("# max_datagram", None)),
    "tcp": _FRAMED,
    "tls": (*_CA, *_FRAMED),
    "splunk-hec": (("token", "file:/run/secrets/hec-token"), *_CA, ("# index", "security")),
    "elasticsearch": _SEARCH,
    "opensearch": _SEARCH,
    "kafka": (*_MAYBE_TLS, *_SASL, ("# compression", "zstd")),
    "file": (("rotate", None), ("keep", None)),
    "stdout": (),
}
_ALWAYS: Shown = (
    ("name", None),
    ("mapping", None),
)
_SOME: Shown = (("# alerts_only", "yes"), ("# filters", "[soc_lean]"), ("# queue_limit", None))
_OF_TLS = frozenset(name for name, _ in (*_CA, *_MAYBE_TLS))

_HEAD = """\
# Config of cef-bridge forward. Check it, then find out what does not work:
#   cef-bridge config check THIS_FILE
#   cef-bridge doctor --config THIS_FILE
# A setting behind a # is off: remove the # to use it. docs/configuration.md has all settings.
# ${NAME} and ${NAME:-default} are replaced from the environment. Relative paths begin in this
# file's folder. A secret is ${NAME}, or file:/path of a file that holds it."""

# What YAML and the reader of configs take for one text without quotes.
_PLAIN = re.compile(r"(?![-?:,\[\]{}#&*!|>'\"%@`\s])(?!.*(?::\s|\s#|:$))[\x21-\x7e]+|\[[a-z_, ]+\]")
_NO_TEXT = frozenset(("null", "~", ""))


class ConfigItem(NamedTuple):
    """A source or a destination: the key of its URL and the URL without parameters, the settings
    that were asked for as texts, and those that are written in any case.
    """

    key: str
    url: str
    said: dict[str, str]
    shown: Shown
    words: UrlParameters

    def also(self, name: str, text: str) -> ConfigItem:
        """Return the item with one setting more, unless it has it."""
        return self._replace(shown=(*self.shown, (name, text)))

    def written(self) -> Iterator[tuple[str, str]]:
        """Yield the settings that are no comments, as texts, in the order of the file."""
        for name, text in self.rows():
            if not name.startswith("#"):
                yield name, text

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield settings as texts, comments too, in the order of the file."""
        left = dict(self.said)
        for name, text in self.shown:
            bare = name.removeprefix("# ")
            if bare in left:
                yield bare, left.pop(bare)
            else:
                yield name, _default(self.words.rows[bare]) if text is None else text
        yield from left.items()


def shown(scheme: str, typed: Mapping[str, object]) -> Shown:
    """Return the settings that are written at a destination for which these were asked for."""
    rows = _TARGETS[scheme]
    if typed.get("uses_tls") is False:
        rows = tuple(row for row in rows if row[0] not in _OF_TLS)
    if "user" in typed:  # in place of a key
        rows = tuple(row for row in rows if row[0] != "api_key")
    return (*_ALWAYS, *rows, *_SOME)


def text(
    settings: Mapping[str, str], sources: Sequence[ConfigItem], destinations: Sequence[ConfigItem]
) -> str:
    """Return the whole file."""
    top = ConfigItem("", "", dict(settings), (("# grace", None),), CONFIG_WORDS)
    lines = [_HEAD, ""]
    for name, value in (*settings.items(), *top._replace(said={}).rows()):
        lines += [*_setting(top.words, name, value, ""), ""]
    for name, items in zip(LISTS, (sources, destinations), strict=True):
        lines.append(f"{name}:")
        for item in items:
            lines += [*_item(item), ""]
    return "\n".join(lines)


def _item(item: ConfigItem) -> Iterator[str]:
    yield f"  - {item.key}: {_quoted(item.url)}"
    for name, value in item.rows():
        yield from _setting(item.words, name, value, "    ")


def _setting(words: UrlParameters, name: str, value: str, margin: str) -> Iterator[str]:
    kind = words.rows[name.removeprefix("# ")].type
    yield from _comment(kind, margin)
    if takes(kind).startswith("list of") and not value.startswith("["):
        value = f"[{', '.join(part.strip() for part in value.split(','))}]"
    yield f"{margin}{name}: {_quoted(value)}"


def _comment(kind: kinds.Type, margin: str) -> Iterator[str]:
    declared = kind.extra_json_schema if isinstance(kind, kinds.Metadata) else None
    said = str((declared or {}).get("description", "")).replace("`", "")
    if extra_of(kind, "kind") != "secret" and takes(kind) not in {"a text", "list of texts"}:
        said = f"{said.removesuffix('.')} ({takes(kind)})."
    mark = f"{margin}# "
    yield from textwrap.wrap(
        said,
        _WIDTH,
        initial_indent=mark,
        subsequent_indent=mark,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _default(row: kinds.Field) -> str:
    """Return a declared default as it can be written."""
    value = row.default
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return shown_number(value, extra_of(row.type, "unit"))
        case tuple():
            return ", ".join(map(str, value))
    return str(value)


def _quoted(text: str) -> str:
    """Return a text as YAML reads it, in quotes where it has to be."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT
    if plain:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    # What is no Unicode stays: `new_config` tells of it.
    return "".join(
        char if char.isprintable() or "\ud800" <= char <= "\udfff" else _escaped(char)
        for char in quoted
    )


def _escaped(char: str) -> str:
    """Return a character that YAML would refuse or take for a line's end, by its number."""
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"
