"""Saving: only the mapping that was given, only with --edit, and never over what another wrote."""

from __future__ import annotations

import os

import pytest
from commands import COMMAND, run
from studio_server import applied, studio

TEXT = """\
mapping: acme
extends: splunk
cluster: harbor
"""


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "acme.yaml"
    found.write_text(TEXT)
    return found


def hash_of(client) -> str:
    return client.get("/api/start")["mapping"]["hash"]


def test_an_example_that_is_saved_passes_in_mapping_test(path):
    path.chmod(0o640)
    with studio("-m", path, "--edit") as running:
        client = running.client
        text, hash_ = client.text(), hash_of(client)
        made = client.post("/api/example", text=text, event=3, name="three")
        text = applied(text, made["edits"])
        saved = client.post("/api/save", text=text, hash=hash_)
        assert saved["tests"] == {"passed": 1, "failed": 0, "messages": []}
        assert client.get("/api/disk") == {"hash": saved["hash"], "changed": False}
        assert client.get("/api/start")["mapping"]["text"] == text
    assert path.read_text() == text
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(it.name for it in path.parent.iterdir()) == ["acme.yaml"]
    done = run([COMMAND, "mapping", "test", path], capture_output=True, check=True, text=True)
    assert done.stdout == "1 example: 1 passed, 0 failed\n"


def test_examples_that_fail_are_said_after_saving(path):
    text = TEXT + "examples:\n- {event: {Operation: File}, expect: {cat: other}, name: odd}\n"
    with studio("-m", path, "--edit") as running:
        client = running.client
        saved = client.post("/api/save", text=text, hash=hash_of(client))
    assert (saved["tests"]["passed"], saved["tests"]["failed"]) == (0, 1)
    assert 'example (odd) fails: cat: expected "other", got "File"' in saved["tests"]["messages"][0]


def test_a_text_that_is_no_mapping_is_saved_all_the_same(path):
    with studio("-m", path, "--edit") as running:
        client = running.client
        saved = client.post("/api/save", text="a: [\n", hash=hash_of(client))
        assert saved["tests"]["failed"] == 0
        assert saved["tests"]["messages"]
        again = client.post("/api/save", text=TEXT, hash=saved["hash"])
        assert again["tests"]["messages"] == [
            'acme has no examples. Write some under "examples:", in it or in acme.test.yaml beside it.'
        ]
    assert path.read_text() == TEXT


def test_without_edit_nothing_is_written(path):
    with studio("-m", path) as running:
        client = running.client
        assert client.get("/api/start")["edit"] is False
        answer = client.ask("/api/save", {"text": "x", "hash": hash_of(client)})
    assert answer.status == 403
    assert answer.json["error"]["fix"] == "Start it with --edit to save."
    assert path.read_text() == TEXT


@pytest.mark.parametrize("name", ["splunk", "by path"])
def test_a_shipped_mapping_is_never_written(name):
    from cef_bridge.mapping.language import shipped

    file = shipped.path("splunk")
    before = file.read_bytes()
    with studio("-m", "splunk" if name == "splunk" else file, "--edit") as running:
        client = running.client
        start = client.get("/api/start")
        assert (start["edit"], start["mapping"]["shipped"]) == (False, True)
        answer = client.ask("/api/save", {"text": "x", "hash": start["mapping"]["hash"]})
        assert (answer.status, "comes with cef-bridge" in answer.json["error"]["message"]) == (
            403,
            True,
        )
        assert client.post("/api/lint", text=before.decode())["findings"] == []
        _, err = running.end()
    assert "is never written" in err
    assert file.read_bytes() == before


def test_what_another_program_wrote_is_not_overwritten_and_comes_with_the_answer(path):
    with studio("-m", path, "--edit") as running:
        client = running.client
        hash_ = hash_of(client)
        theirs = TEXT + "# theirs\n"
        path.write_text(theirs)
        disk = client.get("/api/disk")
        assert disk["changed"] is True
        answer = client.ask("/api/save", {"text": TEXT + "# ours\n", "hash": hash_})
        assert answer.status == 409
        assert answer.json["disk"]["text"] == theirs
        assert path.read_text() == theirs
        now = answer.json["disk"]["hash"]
        assert now == disk["hash"]
        client.post("/api/save", text=TEXT + "# ours\n", hash=now)
    assert path.read_text() == TEXT + "# ours\n"


def test_of_two_tabs_the_second_is_told_that_the_first_one_saved(path):
    with studio("-m", path, "--edit") as running:
        client = running.client
        one = two = hash_of(client)
        one = client.post("/api/save", text=TEXT + "# one\n", hash=one)["hash"]
        assert client.get("/api/disk")["hash"] != two
        refused = client.ask("/api/save", {"text": TEXT + "# two\n", "hash": two})
        assert (refused.status, refused.json["disk"]["text"]) == (409, TEXT + "# one\n")
        assert refused.json["disk"]["hash"] == one


def test_a_file_that_is_gone_or_unreadable_is_said(path):
    with studio("-m", path, "--edit") as running:
        client = running.client
        hash_ = hash_of(client)
        path.unlink()
        assert client.get("/api/disk") == {"hash": "", "changed": True}
        answer = client.ask("/api/save", {"text": TEXT, "hash": hash_})
        assert answer.status == 400
        assert "No such file" in answer.json["error"]["message"]
        assert client.get("/api/start")["mapping"]["text"] == TEXT
        path.write_bytes(b"\xff\xfe")
        assert client.get("/api/disk")["hash"] == ""
        path.unlink()
        path.mkdir()
        assert client.ask("/api/save", {"text": TEXT, "hash": hash_}).status == 400


def test_line_ends_and_byte_order_mark_stay(path):
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    with studio("-m", path, "--edit") as running:
        client = running.client
        text = client.text()
        assert text == TEXT.replace("\n", "\r\n")
        sent = text.replace("\r\n", "\n") + "# é\n"  # as a text area of a browser has it
        saved = client.post("/api/save", text=sent, hash=hash_of(client))
        assert client.get("/api/disk") == {"hash": saved["hash"], "changed": False}
    assert path.read_bytes() == b"\xef\xbb\xbf" + sent.replace("\n", "\r\n").encode()


def test_a_link_stays_a_link(path):
    link = path.with_name("link.yaml")
    link.symlink_to(path)
    with studio("-m", link, "--edit") as running:
        client = running.client
        client.post("/api/save", text=TEXT + "# new\n", hash=hash_of(client))
    assert link.is_symlink()
    assert path.read_text() == TEXT + "# new\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(path):
    path.parent.chmod(0o500)
    with studio("-m", path, "--edit") as running:
        client = running.client
        answer = client.ask("/api/save", {"text": TEXT, "hash": hash_of(client)})
    path.parent.chmod(0o700)
    assert answer.status == 400
    assert "Permission denied" in answer.json["error"]["message"]


def test_half_a_character_and_too_much_are_not_saved(path):
    with studio("-m", path, "--edit") as running:
        client = running.client
        hash_ = hash_of(client)
        assert client.ask("/api/save", {"text": "\ud83d", "hash": hash_}).status == 400
        assert client.ask("/api/save", {"text": "é" * (1 << 20), "hash": hash_}).status == 413
    assert path.read_text() == TEXT


def test_new_names_of_slots_are_not_written_before_the_mapping_is(path):
    text = TEXT + "extension:\n  cs6: null\n  Team: {from: Labels.team, slot: auto}\n"
    slots = path.with_name("acme.slots.yaml")
    with studio("-m", path, "--edit") as running:
        client = running.client
        assert client.post("/api/lint", text=text)["valid"]
        assert client.post("/api/line", text=text, event=1)["valid"]
        client.survey(text)
        assert not slots.exists()
        client.post("/api/save", text=text, hash=hash_of(client))
    assert "Team:" in slots.read_text()


def test_a_mapping_that_does_not_exist_is_an_error(tmp_path):
    done = run(
        [COMMAND, "studio", "-m", tmp_path / "x.yaml"], capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such file" in done.stderr
    done = run([COMMAND, "studio", "-m", "splnk"], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'Did you mean "splunk"?' in done.stderr
