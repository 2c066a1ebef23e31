"""The site: each page is in the navigation and in the index once, and a browser needs nothing else.

The tests with a browser build the site as `make docs` does. They are skipped without MkDocs
Material, without the scripts that `make docs` fetches, and without Chromium.
"""

from __future__ import annotations

import functools
import http.server
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter

import pytest
import yaml
from transcripts import ROOT, page

PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FETCHED = ROOT / "build" / "site-assets" / "mermaid.min.js"
needs_mkdocs = pytest.mark.skipif(
    importlib.util.find_spec("material") is None or not FETCHED.is_file(),
    reason="MkDocs Material or its scripts are missing: make docs",
)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing")


class _Loader(yaml.SafeLoader):
    """Reads mkdocs.yml without importing what its tags name."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda *_: None)
CONFIG = yaml.load(page("mkdocs.yml"), _Loader)  # noqa: S506 - a safe loader


def leaves(nav: object) -> list[str]:
    match nav:
        case list():
            return [leaf for each in nav for leaf in leaves(each)]
        case dict():
            return [leaf for each in nav.values() for leaf in leaves(each)]
    return [str(nav)]


def test_the_navigation_has_each_page_once():
    assert sorted(leaves(CONFIG["nav"])) == PAGES


def test_the_index_names_each_page_once():
    named = Counter(
        re.findall(r"^\| \[[^\]]+\]\(([a-z0-9-]+\.md)\)", page("docs/README.md"), re.MULTILINE)
    )
    assert named == Counter(name for name in PAGES if name != "README.md")


def test_the_index_has_the_order_and_the_sections_of_the_navigation():
    sections = [(name, leaves(nav)) for each in CONFIG["nav"][1:] for name, nav in each.items()]
    shown = [
        (
            part.partition("\n")[0],
            re.findall(r"^\| \[[^\]]+\]\(([a-z0-9-]+\.md)\)", part, re.MULTILINE),
        )
        for part in page("docs/README.md").split("\n## ")[1:]
    ]
    assert shown == sections


def test_nothing_of_the_site_is_configured_to_come_from_elsewhere():
    assert CONFIG["theme"]["font"] is False
    for key in ("extra_css", "extra_javascript"):
        assert not [it for it in CONFIG[key] if "://" in it]
    assert not [it for it in CONFIG["extra"]["polyfills"] if "://" in it]
    assert CONFIG["strict"] is True


def build(folder, target):
    """Build a site as `make docs` does."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", target],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    done = build(ROOT, target)
    assert done.returncode == 0, done.stderr
    return target


@needs_mkdocs
def test_a_broken_link_or_anchor_fails_the_build(tmp_path):
    copy = tmp_path / "project"
    for name in ("docs", "deploy", "examples", "benchmarks", "tests/cli", "build/site-assets"):
        shutil.copytree(ROOT / name, copy / name)
    for path in [*ROOT.glob("*.md"), ROOT / "mkdocs.yml"]:
        shutil.copy(path, copy)
    broken = "\n[a](no-such-page.md) [b](delivery.md#no-such-part) [c](../NO-SUCH-FILE.md)\n"
    with (copy / "docs" / "glossary.md").open("a", encoding="utf-8") as file:
        file.write(broken)
    done = build(copy, tmp_path / "site")
    assert done.returncode != 0
    for name in ("no-such-page.md", "#no-such-part", "NO-SUCH-FILE.md"):
        assert name in done.stderr


def browse(url: str, tmp_path, *options: str) -> str:
    """Return what a page has become in a browser after some seconds of its own time."""
    words = [
        *(
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--allow-file-access-from-files",
        ),
        *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
        *(f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000", "--dump-dom"),
        *options,
    ]
    done = subprocess.run([*words, url], capture_output=True, text=True, check=True, timeout=300)
    return done.stdout


# Of a page; what Chromium asks for of its own accord has "not an origin" there.
REQUEST = re.compile(
    r'"initiator":"(?!not an origin)[^"]*"[^{}]*(?:{[^{}]*}[^{}]*)*"url":"https?://([^/":]+)'
)


def asked_for(url: str, tmp_path) -> tuple[str, set[str]]:
    """Return a page as `browse` does, and the hosts that it asked for something."""
    log = tmp_path / "net.json"
    shown = browse(url, tmp_path, f"--log-net-log={log}")
    return shown, set(REQUEST.findall(log.read_text("utf-8", errors="replace")))


DIAGRAMS = {
    html: page(name).count("\n```mermaid\n")
    for name, html in [
        ("README.md", "project/index.html"),
        *((f"docs/{name}", name.replace(".md", ".html")) for name in PAGES if name != "README.md"),
    ]
    if "\n```mermaid\n" in page(name)
}


@needs_mkdocs
@needs_browser
@pytest.mark.parametrize("name", DIAGRAMS)
def test_diagrams_are_drawn_and_no_request_leaves_the_machine(site, name, tmp_path):
    shown, hosts = asked_for(f"file://{site}/{name}", tmp_path)
    assert shown.count('<div class="mermaid"') == DIAGRAMS[name]
    assert hosts == set()


@needs_browser
def test_a_request_that_leaves_the_machine_would_be_seen(tmp_path):
    (tmp_path / "page.html").write_text('<img src="https://elsewhere.invalid/x.png">')
    _, hosts = asked_for(f"file://{tmp_path}/page.html", tmp_path)
    assert hosts == {"elsewhere.invalid"}


_MEASURE = """<!doctype html><title>measuring</title><script>
const wide = [];
function done() { document.title = "done"; document.body.textContent = JSON.stringify(wide); }
async function each() {
  for (const page of PAGES) {
    const frame = document.createElement("iframe");
    frame.style.cssText = "width:1280px;height:800px;border:0";
    await new Promise(go => { frame.onload = go; frame.src = page; document.body.append(frame); });
    for (const width of WIDTHS) {
      frame.style.width = `${width}px`;
      await new Promise(go => setTimeout(go, 50));
      const root = frame.contentDocument.documentElement;
      if (root.scrollWidth > width) wide.push([page, width, root.scrollWidth]);
    }
    frame.remove();
  }
  done();
}
addEventListener("load", each);
</script><body></body>"""


@needs_mkdocs
@needs_browser
def test_no_page_scrolls_sideways(site, tmp_path):
    names = ["index.html", *(it.replace(".md", ".html") for it in PAGES if it != "README.md")]
    text = _MEASURE.replace("PAGES", json.dumps([*names, "project/index.html", "wide.html"]))
    (site / "wide.html").write_text('<div style="width: 2000px">a page that does</div>')
    (site / "measure.html").write_text(text.replace("WIDTHS", "[1280, 390]"), encoding="utf-8")
    handler = functools.partial(_Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/measure.html"
        shown = browse(url, tmp_path, "--window-size=1400,900")
        server.shutdown()
    assert "<title>done</title>" in shown
    wide = json.loads(re.search(r"<body[^>]*>(.*)</body>", shown, re.DOTALL)[1])
    assert {(name, width) for name, width, _ in wide} == {("wide.html", 1280), ("wide.html", 390)}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""
