"""Certificates and secrets of a config: which parts have renewed ones, and when certificates expire."""

from __future__ import annotations

import time

import pytest
from certificates import Authority

from cef_bridge.forward.config import load_config
from cef_bridge.forward.credential_files import CredentialFiles, reads_once

CONFIG = """\
sources:
  - {{from: "kafka://k/t", group: g, name: k, tls: yes, ca: {folder}/ca.pem}}
destinations:
  - {{name: siem, to: "tls://siem", ca: {folder}/ca.pem, cert: {folder}/c.pem, key: {folder}/c.key}}
  - {{name: hec, to: "splunk-hec://h", token: "file:{folder}/token"{more}}}
  - {{name: plain, to: "tcp://h"}}
"""


@pytest.fixture
def folder(tmp_path):
    ca = Authority(tmp_path / "pki")
    client = ca.issue(client=True, days=40)
    (tmp_path / "ca.pem").write_bytes(ca.ca.read_bytes())
    (tmp_path / "c.pem").write_bytes(client.cert.read_bytes())
    (tmp_path / "c.key").write_bytes(client.key.read_bytes())
    (tmp_path / "token").write_text("one")
    return tmp_path


def config(folder, more=""):
    path = folder / "forward.yaml"
    path.write_text(CONFIG.format(folder=folder, more=more))
    return load_config(path, env={})


def renewed(files):
    """Return what is renewed, once it is the same twice."""
    return [(it.used_by, bool(it.errors)) for _ in range(2) for it in files.renewed()]


def replace(path, text):
    new = path.with_name("new")
    new.write_text(text)
    new.rename(path)


def test_only_the_parts_whose_files_changed_are_renewed_and_each_once(folder):
    files = CredentialFiles()
    files.watch(config(folder))
    assert renewed(files) == []
    replace(folder / "token", "two")
    assert renewed(files) == [("destination hec", False)]
    assert renewed(files) == []
    replace(folder / "ca.pem", (folder / "ca.pem").read_text() + "\n")
    assert renewed(files) == [("source k", False), ("destination siem", False)]
    replace(folder / "token", "")
    assert renewed(files) == [("destination hec", True)]
    assert renewed(files) == []


def test_a_change_that_falls_together_with_another_config_is_not_missed(folder):
    files = CredentialFiles()
    files.watch(config(folder))
    assert renewed(files) == []
    replace(folder / "ca.pem", (folder / "ca.pem").read_text() + "\n")
    files.watch(config(folder, more=", index: main"))
    assert renewed(files) == [("source k", False), ("destination siem", False)]


def test_expiry_is_that_of_the_certificates_that_can_be_used(folder):
    files = CredentialFiles()
    files.watch(config(folder))
    before = {(it.file.rpartition("/")[2], it.used_by): it.expires for it in files.expiries}
    assert set(before) == {
        ("ca.pem", "source k"),
        ("ca.pem", "destination siem"),
        ("c.pem", "destination siem"),
    }
    assert abs(before["c.pem", "destination siem"] - (time.time() + 40 * 86400)) < 86400
    replace(folder / "c.pem", "half")
    assert renewed(files) == [("destination siem", True)]
    assert {it.expires for it in files.expiries} == set(before.values())


def test_only_what_reads_its_files_once_is_started_again(folder):
    read = config(folder)
    assert [reads_once(it) for it in (*read.sources, *read.destinations)] == [
        *(True, False, False, False)
    ]
