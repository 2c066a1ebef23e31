"""What a peer is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from measured import Cost

HERE = Path(__file__).parent


class MissingError(Exception):
    """A peer is not on this machine; the text says what would bring it."""


class Peer(NamedTuple):
    """A tool that turns a file of events into a file of CEF; `run` gets both, and a folder."""

    name: str
    version: str
    run: Callable[[Path, Path, Path], Cost]


def configured(name: str, **values: object) -> str:
    """Return a configuration of this folder, with values where @NAMES@ stand."""
    text = (HERE / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    return text
