"""What goes to stderr: log records and sentences, as text or as JSON lines.

In come `-v`, `--log-format` and `--debug`, taken out of the words wherever they stand, out goes a
configured `logging`. Imports logging only when it is asked for: `--version` is spared 10 ms.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, NamedTuple

import click

from cef_bridge.errors import UsageError
from cef_bridge.log_fields import ATTRIBUTE, fields

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

FORMATS = ("text", "json")


class LogSettings(NamedTuple):
    """How talkative the program is: `debug` shows where errors arose, `verbose` logs DEBUG."""

    debug: bool = False
    verbose: bool = False
    log_format: str = "text"


_current = LogSettings()


def taken_from(words: list[str]) -> tuple[list[str], LogSettings]:
    """Return the words without these options, and what they or the environment said.

    Raises UsageError for what none of them can be.
    """
    end = words.index("--") if "--" in words else len(words)
    kept: list[str] = []
    debug, verbose = (_is_set(name) for name in ("CEF_BRIDGE_DEBUG", "CEF_BRIDGE_VERBOSE"))
    named = "CEF_BRIDGE_LOG_FORMAT"
    log_format = os.environ.get(named) or "text"
    rest = iter(words[:end])
    for word in rest:
        if word == "--debug":
            debug = True
        elif word in ("-v", "--verbose"):
            verbose = True
        elif word == "--log-format" or word.startswith("--log-format="):
            log_format = word.partition("=")[2] if "=" in word else next(rest, "")
            named = f'--log-format "{log_format}"'
        else:
            kept.append(word)
    if log_format not in FORMATS:
        raise UsageError(f"Invalid {named}. Expected text or json.")
    return kept + words[end:], LogSettings(debug, verbose, log_format)


def _is_set(variable: str) -> bool:
    """Read a variable of an option without a value, by the words that click takes."""
    text = os.environ.get(variable) or "no"
    try:
        return bool(click.BOOL.convert(text, None, None))
    except click.BadParameter as error:
        raise UsageError(f"Invalid {variable}. Expected 1 or 0.") from error


def set_up(settings: LogSettings) -> None:
    """Configure logging to stderr; without `-v` and JSON there is nothing to configure."""
    global _current  # noqa: PLW0603 - one stderr, one way to write to it
    _current = settings
    if settings == LogSettings():
        return
    import logging  # noqa: PLC0415 - see the module

    handler = logging.StreamHandler()
    if settings.log_format == "json":
        handler.format = _json  # type: ignore[method-assign]
    level = logging.DEBUG if settings.debug or settings.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(message)s", handlers=[handler])


def in_json() -> bool:
    """Tell whether stderr takes JSON lines, and nothing else."""
    return _current.log_format == "json"


def verbose() -> bool:
    """Tell whether DEBUG is logged."""
    return _current.verbose or _current.debug


def say(text: str, level: str = "info", code: str = "", **facts: object) -> None:
    """Say a sentence on stderr; where logs are JSON as a record, with `fields(code, **facts)`."""
    if in_json():
        known = fields(code, **facts)[ATTRIBUTE] if code else {}
        text = _record(level, "cef_bridge", text.strip(), known)
    with contextlib.suppress(OSError):  # stderr is full, or nobody reads it any more
        click.echo(text, err=True)


def _json(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info:
        import traceback  # noqa: PLC0415 - with --debug only

        text += "\n" + "".join(traceback.format_exception(*record.exc_info))
    return _record(record.levelname.lower(), record.name, text, getattr(record, ATTRIBUTE, {}))


def _record(level: str, name: str, text: str, known: Mapping[str, object]) -> str:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    record = {"time": stamp, "level": level, "logger": name, "message": text, **known}
    return json.dumps({key: _unicode(value) for key, value in record.items()}, default=str)


def _unicode(value: object) -> object:
    """Return texts as Unicode: paths have other bytes as half surrogates, which no UTF-8 has."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return [_unicode(each) for each in value] if isinstance(value, list) else value
