"""What the site has besides docs/: scripts of others, and files of the project that pages link to.

In comes what MkDocs knows of the pages, out come more files and links that lead to them. A page
links to a file outside of docs/ as it does on a forge (`../CHANGELOG.md`); here it gets a copy.
"""

# ruff: noqa: INP001 - a script that MkDocs loads

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
_FETCHED = ROOT / "build" / "site-assets"
_SCRIPTS = ("mermaid.min.js", "iframe-worker.js")
_DIAGRAM = '<pre class="mermaid">'
_DRAWS = re.compile(r'<script src="[^"]*assets/mermaid.min.js"></script>')
_PROJECT = "project"  # the folder of the site that has copies of the project's files
_LINK = re.compile(r"(?<=\]\()([^)#\s:]+)((?:#[^)]*)?\))")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the scripts, the style, and every file outside of docs/ that a page links to."""
    for name in _SCRIPTS:
        if not (_FETCHED / name).is_file():
            raise PluginError(f"{_FETCHED / name} is missing. Run: make docs")
        _add(files, config, f"assets/{name}", _FETCHED / name)
    _add(files, config, "assets/extra.css", HERE / "extra.css")
    todo = [(ROOT / "docs" / it.src_uri) for it in files.documentation_pages()]
    while todo:
        page = todo.pop()
        for target in _links(page):
            uri = f"{_PROJECT}/{target.relative_to(ROOT).as_posix()}"
            if files.get_file_from_path(uri) is None:
                _add(files, config, uri, target)
                if target.suffix == ".md":
                    todo.append(target)
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Have links to files outside of docs/ lead to their copies; one to a folder is plain text."""
    return "".join(
        part if part.startswith("```") else _moved(part, page.file)
        for part in _FENCE.split(markdown)
    )


def on_post_page(output: str, **_: object) -> str:
    """Leave out what draws diagrams (3.5 MB) where there is none."""
    return output if _DIAGRAM in output else _DRAWS.sub("", output)


def _add(files: Files, config: MkDocsConfig, uri: str, source: Path) -> None:
    beside = InclusionLevel.NOT_IN_NAV
    files.append(File.generated(config, uri, abs_src_path=str(source), inclusion=beside))


def _links(page: Path) -> list[Path]:
    """Return the files outside of docs/ that a page links to."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = {(page.parent / link).resolve() for link, _ in _LINK.findall(text)}
    return [it for it in sorted(targets) if it.is_file() and _outside(it)]


def _outside(path: Path) -> bool:
    return path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "docs")


def _moved(text: str, file: File) -> str:
    own = Path(str(file.abs_src_path)).parent

    def moved(found: re.Match[str]) -> str:
        target = (own / found[1]).resolve()
        if target.is_relative_to(ROOT / "docs"):
            uri = target.relative_to(ROOT / "docs").as_posix()
        elif target.is_file() and _outside(target):
            uri = f"{_PROJECT}/{target.relative_to(ROOT).as_posix()}"
        else:
            return found[0]
        return posixpath.relpath(uri, posixpath.dirname(file.src_uri) or ".") + found[2]

    # A folder has no page in the site.
    text = re.sub(
        r"\[([^\]]+)\]\(([^)#\s:]+)\)",
        lambda it: it[1] if (own / it[2]).is_dir() else it[0],
        text,
    )
    return _LINK.sub(moved, text)
