"""What one studio works on: a mapping file, its text as it was last on disk, and a sample.

In come texts, out come compiled mappings (the last few are kept) and what is on disk. The only
module here that opens or writes a file, and only the mapping that it was given. Must not know
requests.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.files import AtomicFile
from cef_bridge.mapping.language.nodes import MOST_BYTES
from cef_bridge.mapping.load import path_of
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.mapping.texts import MappingTexts
from cef_bridge.siems.registry import SIEMS
from cef_bridge.siems.simulators import SIMULATORS
from cef_bridge.small_files import UnreadableError, read_small
from cef_bridge.studio.turns import Foreground
from cef_bridge.wording import shown
from cef_bridge.workbench import testing

if TYPE_CHECKING:
    from cef_bridge.mapping.texts import OpenedText
    from cef_bridge.siems.siem import Siem
    from cef_bridge.workbench.sample import SampleEvents

_BOM = "\ufeff"
_MOST_KEPT = 8


class DiskText(NamedTuple):
    """A file's text, without byte order mark, and the hash of its bytes."""

    text: str
    hash: str


class CompiledText(NamedTuple):
    """A text of the mapping that can be run, and its converter as for a network."""

    opened: OpenedText
    converter: Converter


class SaveConflictError(Exception):
    """The file is another one than was read or saved last."""

    def __init__(self, disk: DiskText) -> None:
        super().__init__("the file has changed")
        self.disk = disk


class Workspace:
    """A mapping, by name or path, and a sample. UsageError when the mapping cannot be read.

    `edit`: whether `save` writes. Its methods may be called from several threads.
    """

    def __init__(self, name: str, sample: SampleEvents, *, edit: bool = False) -> None:
        self.name = name
        self.sample = sample
        self.path = str(path_of(name))
        self.texts = MappingTexts(self.path)
        self.edit = edit and not self.texts.is_shipped
        self.foreground = Foreground()
        self._lock = threading.Lock()
        self._compiled: OrderedDict[str, Future[CompiledText | CefBridgeError]] = OrderedDict()
        self.saved = self.disk()
        about = self.texts.about(self.saved.text)
        self.format = about.format
        self.receivers = _receivers({*about.names})

    def disk(self) -> DiskText:
        """Return what the file has now; UsageError when it cannot be read."""
        try:
            data = read_small(self.path, MOST_BYTES)
            text = data.decode("utf-8").removeprefix(_BOM)
        except UnreadableError as error:
            raise UsageError(f"{shown(self.path)} cannot be read: {error}.") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{shown(self.path)} is no UTF-8. Save the file as UTF-8.") from error
        return DiskText(text, hashlib.sha256(data).hexdigest())

    def reload(self) -> None:
        """Take what the file has now for the saved text, where it can be read."""
        with contextlib.suppress(UsageError):
            self.saved = self.disk()

    def compiled(self, text: str) -> CompiledText:
        """Return a text compiled, once for all who ask; CefBridgeError when it cannot be."""
        with self._lock:
            future = self._compiled.get(text)
            if is_new := future is None:
                future = self._compiled[text] = Future()
                while len(self._compiled) > _MOST_KEPT:
                    self._compiled.popitem(last=False)
            else:
                self._compiled.move_to_end(text)
        if is_new:
            try:
                future.set_result(self._compile(text))
            except BaseException as error:  # noqa: BLE001 - whoever asked gets it
                future.set_exception(error)
                with self._lock:
                    self._compiled.pop(text, None)
        found = future.result()
        if isinstance(found, CefBridgeError):
            raise found.with_traceback(None)
        return found

    def _compile(self, text: str) -> CompiledText | CefBridgeError:
        try:
            opened = self.texts.opened(text)
            mapping = opened.mapping
            converter = Converter(mapping, syslog_header=mapping.envelope.network_header)
        except CefBridgeError as error:
            return error
        return CompiledText(opened, converter)

    def base(self) -> Converter | None:
        """Return the converter of the saved text, None where that cannot be compiled."""
        try:
            return self.compiled(self.saved.text).converter
        except CefBridgeError:
            return None

    def save(self, text: str, expected: str) -> str:
        """Write the mapping, and return the hash of the file.

        SaveConflictError when the file has another hash than `expected`; CefBridgeError when it
        cannot be written. Byte order mark and line ends stay as they are in the file.
        """
        with self._lock:
            try:
                before = read_small(self.path, MOST_BYTES)
            except UnreadableError:
                before = b""
            if hashlib.sha256(before).hexdigest() != expected:
                raise SaveConflictError(self.disk())
            data = _like(before, text).encode("utf-8")
            if len(data) > MOST_BYTES:
                raise UsageError(f"The mapping is larger than {MOST_BYTES >> 20} MiB.")
            with AtomicFile(self.path) as file:
                file.write(data)
            self.saved = DiskText(text, hashlib.sha256(data).hexdigest())
            return self.saved.hash

    def test(self) -> testing.TestReport:
        """Run the examples of the saved file, as `mapping test` does."""
        return testing.run([self.path])

    @property
    def file_name(self) -> str:
        """The mapping's file without its folder."""
        return Path(self.path).name


def _receivers(names: set[str]) -> list[tuple[Siem, bool]]:
    """Return the SIEMs whose parsers are known, and whether one of some mappings is for it.

    These come first.
    """
    found = [(it, bool(names & {*it.mappings})) for it in SIEMS.values() if it.name in SIMULATORS]
    return sorted(found, key=lambda it: not it[1])


def _like(before: bytes, text: str) -> str:
    """Return a text with the byte order mark and the line ends that a file has."""
    if b"\r\n" in before and "\r" not in text:
        text = text.replace("\n", "\r\n")
    return (_BOM if before.startswith(_BOM.encode()) else "") + text
