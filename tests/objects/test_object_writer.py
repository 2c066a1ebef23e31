from __future__ import annotations

import gc
import hashlib

import pytest

pytest.importorskip("fsspec")

from stores import cat, found, memory, put

from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.objects.writer import ObjectFile


def test_an_object_appears_when_it_is_complete():
    url = memory()
    with ObjectFile(f"{url}/deep/out", hashed=True) as file:
        assert file.write(b"one\n") == 4
        assert [each.startswith("deep/.out.") for each in found(url)] == [True]
        file.write(memoryview(b"two\n"))
        assert file.size == 8
    assert found(url) == ["deep/out"]
    assert cat(f"{url}/deep/out") == b"one\ntwo\n"
    assert file.sha256() == hashlib.sha256(b"one\ntwo\n").hexdigest()


def test_an_empty_object_is_an_object():
    url = memory()
    with ObjectFile(f"{url}/out"):
        pass
    assert (found(url), cat(f"{url}/out")) == (["out"], b"")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_object_and_no_other(error):
    url = memory()
    put(f"{url}/out", b"old")

    def fail() -> None:
        with ObjectFile(f"{url}/out") as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        fail()
    gc.collect()
    assert (found(url), cat(f"{url}/out")) == (["out"], b"old")


def test_what_is_committed_or_discarded_is_that_for_good():
    url = memory()
    file = ObjectFile(f"{url}/a")
    file.commit()
    file.discard()
    file.commit()
    assert found(url) == ["a"]
    with pytest.raises(CefBridgeError, match=f"cannot write {url}/a: it is closed"):
        file.write(b"x")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a/", "it names no object; add a name behind the bucket"),
        ("a*", "it is a pattern; name one object"),
    ],
)
def test_a_url_that_names_no_object_cannot_be_written(name, why):
    url = memory()
    with pytest.raises(UsageError) as caught:
        ObjectFile(f"{url}/{name}")
    assert str(caught.value) == f"cannot write {url}/{name}: {why}"
    assert found(url) == []
