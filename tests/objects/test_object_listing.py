from __future__ import annotations

import pytest

pytest.importorskip("fsspec")

from stores import memory, put

from cef_bridge.errors import UsageError
from cef_bridge.objects.listing import find
from cef_bridge.objects.urls import has_magic, is_url, local, shown
from cef_bridge.sources.files.inputs import expand

FILES = [
    "2026/01/a.json",
    "2026/01/b.json.gz",
    "2026/02/a.json",
    "2026/02/deep/er/c.json",
    "2026/.hidden/a.json",
    "2026/02/.part",
    "2026/index",
    "other[1].json",
    "top.json",
]
PATTERNS = [
    "2026",
    "2026/",
    "2026/*",
    "2026/*/*.json",
    "2026/**",
    "2026/**/*.json",
    "**/a.json",
    "**",
    "*",
    "*.json",
    "2026/0[12]/?.json",
    "2026/[!0]*",
    "2026/0*/deep",
    "**/deep/**",
    "2026/.hidden/*",
    "2026/02/.*",
    "other[1].json",
    "2026/**/er/*.json",
    "top.json",
]


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """The same files in memory and in a folder."""
    folder, url = tmp_path_factory.mktemp("tree"), memory()
    for name in FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
        put(f"{url}/{name}", name.encode())
    return folder, url


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_url_means_what_the_same_path_means(trees, pattern):
    folder, url = trees
    wanted = sorted(
        each.name.removeprefix(f"{folder}/") for each in expand([f"{folder}/{pattern}"])
    )
    objects = expand([f"{url}/{pattern}"])
    assert [each.name.removeprefix(f"{url}/") for each in objects] == wanted
    assert [each.size for each in objects] == [len(name) for name in wanted]
    assert all(
        each.open().read(99).decode() == name for each, name in zip(objects, wanted, strict=True)
    )


@pytest.mark.parametrize("name", ["none", "*.none", "2026/03/*", "none/**/x", "2026/index/*"])
def test_what_means_nothing_is_an_error(trees, name):
    with pytest.raises(UsageError) as caught:
        expand([f"{trees[1]}/{name}"])
    why = "no object matches this pattern" if "*" in name else "no such object or folder"
    assert str(caught.value) == f"{trees[1]}/{name}: {why}"


def test_all_problems_are_named_at_once(trees):
    with pytest.raises(UsageError) as caught:
        expand([f"{trees[1]}/none", "/no/such", "zz://x"])
    assert [each.partition(":")[0] for each in str(caught.value).splitlines()] == [
        "memory",
        "/no/such",
        "zz",
    ]


def test_more_objects_than_fit_are_refused(trees):
    with pytest.raises(UsageError) as caught:
        find(f"{trees[1]}/**", most=6)
    assert str(caught.value) == (
        f"{trees[1]}/**: more than 6 objects match. Convert them in several runs."
    )
    assert len(find(f"{trees[1]}/**", most=7)) == 7


def test_a_url_of_a_file_is_its_path(trees):
    folder, _ = trees
    (each,) = expand([f"file://{folder}/top.json"])
    assert (each.path, each.stored) == (f"{folder}/top.json", None)


@pytest.mark.parametrize(
    ("text", "url"),
    [("s3://a/b", True), ("C:/x", False), ("a/b", False), ("-", False), ("memory://x", True)],
)
def test_a_text_with_a_scheme_is_a_url(text, url):
    assert is_url(text) == url
    assert local(text) == text


def test_what_is_secret_in_a_url_is_not_shown():
    assert shown("https://h/a?X-Amz-Signature=abc") == "https://h/a"
    assert shown("sftp://me:pass@h/a:b@c") == "sftp://me:…@h/a:b@c"
    assert shown("abfs://box@account.dfs.core.windows.net/a?") == (
        "abfs://box@account.dfs.core.windows.net/a?"
    )
    assert not has_magic("https://h/a?b=1")
