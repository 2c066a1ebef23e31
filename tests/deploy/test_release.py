"""Versions, notes and workflows of a release. `deploy/release/twice.sh` builds one twice and compares."""

from __future__ import annotations

import re
import sys
import tomllib

import pytest
import yaml
from transcripts import ROOT, page

from cef_bridge import __version__

sys.path.append(str(ROOT / "deploy" / "release"))
import notes
import release

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_every_part_has_the_version_of_the_package():
    chart = yaml.safe_load(page("deploy/chart/cef-bridge/Chart.yaml"))
    engine = tomllib.loads(page("engine/Cargo.toml"))["package"]
    assert {chart["version"], str(chart["appVersion"]), engine["version"]} == {__version__}
    manifest = page("deploy/kubernetes.yaml")
    assert set(re.findall(r'(?:version: "|cef-bridge[-:])(\d+\.\d+\.\d+\w*)', manifest)) == {
        __version__
    }


def test_a_release_writes_its_version_into_every_part(tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("a release is made of a commit: this is no checkout of git")
    out = tmp_path / "out"
    out.mkdir()
    made = release.Release("7.8.9rc1", tmp_path, out)
    for name in (
        *("cef_bridge/__init__.py", "engine/Cargo.toml", "engine/Cargo.lock"),
        "deploy/chart/cef-bridge/Chart.yaml",
    ):
        text = (made.source / name).read_text("utf-8")
        assert re.search(r"7\.8\.9(-rc\.|rc)1", text), name
        assert not re.search(
            rf'^(__)?(appV|v)ersion(__)?\b.*"?{re.escape(__version__)}"?$', text, re.MULTILINE
        ), name


@pytest.mark.parametrize("version", ["0.2", "v0.2.0", "0.2.0-1", "1.0.0; rm"])
def test_what_is_no_version_is_refused(version, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["release.py", version, "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        release.main()
    assert ended.value.code == 2
    assert "Expected one such as 0.2.0" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_notes_are_the_section_of_the_version():
    text = "# Changelog\n\n## 0.2.0 (2026-01-01)\n\n### A\n\n- a\n\n## 0.1.0\n\n- b\n"
    assert notes.section(text, "0.2.0") == "### A\n\n- a\n"
    assert notes.section(text, "0.1.0") == "- b\n"
    with pytest.raises(SystemExit, match=r"no section for 0\.3\.0"):
        notes.section(text, "0.3.0")
    assert notes.section(page("CHANGELOG.md"), "0.1.0")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_secret_and_no_more_rights_than_each_job_names(path):
    text = path.read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert "secrets." not in text
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        writes = [right for right, kind in job.get("permissions", {}).items() if kind == "write"]
        assert set(writes) <= {"id-token", "attestations", "packages", "contents"}
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert re.fullmatch(r"[\w./-]+@\S+", step.get("uses", "a@v1"))
            # What an event of the forge says is never part of a command.
            assert "${{" not in step.get("run", "")


def test_the_workflow_of_a_tag_builds_by_make_release_and_attests_before_it_publishes():
    jobs = yaml.safe_load(page(".github/workflows/release.yml"))["jobs"]
    assert any("make release" in step.get("run", "") for step in jobs["build"]["steps"])
    assert jobs["attest"]["needs"] == "build"
    assert {jobs[name]["needs"] for name in ("pypi", "image")} == {"attest"}
    assert jobs["pypi"]["permissions"] == {"id-token": "write"}
