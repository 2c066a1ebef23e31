"""The files of the pages: those that the build made, or plain ones where it was not run.

In comes a name, out come bytes and their type. Which files there are is looked up once, at the
start: no path from a request is opened. Must not know requests.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent
_BUILT = _FOLDER / "static"
_PLAIN = _FOLDER / "plain"
_PLAIN_LIVE = _FOLDER.parent / "forward" / "plain_live"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
WORKBENCH, LIVE = "workbench.html", "live.html"
_NONCE = "{{nonce}}"


class PageFile(NamedTuple):
    """A file that may be served, with its media type."""

    path: Path
    type: str


class PageFiles:
    """The files of a folder, by name; `is_built` tells whether it is what the build made."""

    def __init__(self, built: Path = _BUILT) -> None:
        self.is_built = (built / WORKBENCH).is_file()
        folders = [built] if self.is_built else [_PLAIN_LIVE, _PLAIN]
        self._files = {
            path.name: PageFile(path, _TYPES[path.suffix])
            for folder in folders
            if folder.is_dir()
            for path in sorted(folder.iterdir())
            if path.suffix in _TYPES and path.is_file()
        }

    def find(self, name: str) -> PageFile | None:
        """Return a file that is no page, None where there is none of the name."""
        found = self._files.get(name)
        return None if found is None or found.path.suffix == ".html" else found

    def page(self, name: str, nonce: str) -> bytes | None:
        """Return a page with its nonce, None where there is none of the name."""
        found = self._files.get(name)
        if found is None:
            return None
        return found.path.read_text("utf-8").replace(_NONCE, nonce).encode()
