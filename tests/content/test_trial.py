"""Each shipped rule fires on its events, on no others, in every SIEM; and a rule that does not is seen."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import commands
import pytest
from commands import COMMAND

from cef_bridge.content import pipeline, rule_files, shipped_rules, trial
from cef_bridge.content.fieldmap import FieldMap
from cef_bridge.content.receivers import receivers
from cef_bridge.siems.simulators import SIMULATORS

RULES, PROBLEMS = rule_files.read(shipped_rules.rules())


@pytest.fixture(scope="module")
def verdicts():
    return {(it.rule.name, it.siem): it for it in trial.run(RULES, receivers())}


def content_test(*words, cwd):
    done = commands.run(
        [COMMAND, "content", "test", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def written(folder, rule, tests=""):
    """Write a rule of the log source `{product: kubearmor}` from its detection."""
    path = folder / "mine.yml"
    head = "title: Mine\nlogsource: {product: kubearmor}\n"
    path.write_text(rule if "logsource" in rule else head + rule, encoding="utf-8")
    if tests:
        (folder / "mine.test.yaml").write_text(tests, encoding="utf-8")
    return path


def verdict(path, siem="splunk"):
    rules, problems = rule_files.read([path])
    assert problems == []
    (found,) = trial.run(rules, receivers(None, (siem,)))
    return found


@pytest.mark.parametrize("siem", SIMULATORS)
@pytest.mark.parametrize("rule", RULES, ids=lambda it: it.name)
def test_a_shipped_rule_fires_on_its_events_and_on_no_others(verdicts, rule, siem):
    found = verdicts[rule.name, siem]
    assert found.result in (trial.FIRES, trial.NEEDS), found.why
    # What a SIEM lacks is known of two of them, and of no others.
    assert found.result == trial.FIRES or siem in ("qradar", "arcsight")


@pytest.mark.parametrize("rule", RULES, ids=lambda it: it.name)
def test_a_shipped_rule_is_whole(rule):
    main = rule.main
    assert [it.fires for it in rule.tests].count(True) >= 1
    assert [it.fires for it in rule.tests].count(False) >= 1
    assert {"title", "id", "status", "description", "level", "falsepositives"} <= main.keys()
    assert main["response"]
    for tag in main.get("tags", []):
        assert re.fullmatch(r"attack\.(?:t\d{4}(?:\.\d{3})?|[a-z]+(?:-[a-z]+)*)", tag)


def test_shipped_rules_have_no_problems_and_ids_of_their_own():
    assert PROBLEMS == []
    assert len(RULES) > 20
    assert len({it.main["id"] for it in RULES}) == len(RULES)


ALERT = "{Type: MatchedPolicy, Operation: File, Resource: /etc/shadow, PodName: p, Action: Block, Result: Permission denied}"


@pytest.mark.parametrize(
    ("selection", "tests", "result", "why"),
    [
        ("PolicyName: x", f"fires: [{{event: {ALERT}}}]", "silent", "does not fire it"),
        ("Action: Block", f"quiet: [{{event: {ALERT}}}]\nfires: [{{event: {ALERT}}}]", "extra", "fires it"),
        ("ParentCommandLine: x", "", "blind", "ParentCommandLine: KubeArmor has no such field"),
        ("ProcessName: x", "", "blind", "a category"),
        ("Action|re: '('", f"fires: [{{event: {ALERT}}}]", "blind", "expression"),
        ("Action: Block", f"fires: [{{event: {ALERT}}}]", "fires", ""),
        # Sigma knows no case, and SQLite's = does.
        ("Action: bLOCK", f"fires: [{{event: {ALERT}}}]", "fires", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule_is_seen(tmp_path, selection, tests, result, why):
    rule = f"detection:\n  s:\n    {selection}\n  condition: s\n"
    found = verdict(written(tmp_path, rule, tests))
    assert found.result == result, found.why
    assert why in " ".join(found.why)


@pytest.mark.parametrize(
    ("logsource", "detection", "why"),
    [
        ("{product: windows, category: process_creation}", "{s: {Image: x}, condition: s}", "no events of windows"),
        ("{product: linux, service: auditd}", "{s: {type: EXECVE}, condition: s}", "auditd"),
        ("{product: kubearmor}", "{s: [word], condition: s}", "words outside of fields"),
        ("{product: kubearmor}", "{s: {Action: x}}", "ondition"),
        ("{product: kubearmor}", "{s: {Action|nosuch: x}, condition: s}", "nosuch"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_work_says_why(tmp_path, logsource, detection, why):
    found = verdict(
        written(tmp_path, f"title: X\nlogsource: {logsource}\ndetection: {detection}\n")
    )
    assert found.result == trial.BLIND
    assert why in " ".join(found.why)


def test_text_of_an_attacker_is_a_value_and_no_sql(tmp_path):
    """The text is in the event, in the rule, and in what a parser makes of it."""
    text = "x'); DROP TABLE events; -- \\\" ` % _ ;"
    rule = "detection:\n  s:\n    Labels: " + json.dumps(text) + "\n  condition: s\n"
    event = json.dumps({"Type": "ContainerLog", "Operation": "File", "Labels": text})
    other = json.dumps({"Type": "ContainerLog", "Operation": "File", "Labels": "x"})
    tests = f"fires: [{{event: {event}}}]\nquiet: [{{event: {other}}}]\n"
    path = written(tmp_path, rule.replace("\\\\", "\\\\\\\\"), tests)
    assert verdict(path, "elastic").result == trial.FIRES


@pytest.mark.parametrize("command_line", ["crontab -l", "/usr/bin/crontab -l", "*crontab -l"])
def test_a_command_line_of_sigma_is_found_behind_the_path_that_kubearmor_writes(
    tmp_path, command_line
):
    rule = (
        "title: X\nlogsource: {product: linux, category: process_creation}\n"
        f"detection:\n  s:\n    CommandLine: '{command_line}'\n  condition: s\n"
    )
    event = "{Type: HostLog, Operation: Process, ProcessName: /usr/bin/crontab, Resource: /usr/bin/crontab -l, Data: syscall=SYS_EXECVE}"
    other = event.replace("crontab -l", "crontab -le")
    tests = f"fires: [{{event: {event}}}]\nquiet: [{{event: {other}}}]\n"
    assert verdict(written(tmp_path, rule, tests)).result == trial.FIRES


@pytest.mark.parametrize("siem", SIMULATORS)
def test_text_that_a_siem_stores_otherwise_is_found(tmp_path, siem):
    rule = (
        "title: X\nlogsource: {product: linux, category: process_creation}\n"
        "detection:\n  s:\n    CommandLine|contains: 'a=b|c\\d'\n  condition: s\n"
    )
    event = "{Type: HostLog, Operation: Process, ProcessName: /bin/x, Resource: '/bin/x a=b|c\\d', Data: syscall=SYS_EXECVE}"
    tests = f"fires: [{{event: {event}}}]\n"
    assert verdict(written(tmp_path, rule, tests), siem).result in (trial.FIRES, trial.NEEDS)


def test_a_mapping_that_takes_a_field_from_a_rule_fails(tmp_path):
    (tmp_path / "acme.yaml").write_text(
        "mapping: acme\nextends: splunk\nunmapped: drop\nextension: {filePath: null}\n",
        encoding="utf-8",
    )
    done = content_test("-m", "acme.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 3
    found = json.loads(done.stdout)
    blind = {it["rule"] for it in found if it["result"] == "blind"}
    assert {"token-read", "new-binary", "denied-then-done"} <= blind
    assert "unblocked" not in blind
    assert {it["siem"] for it in found} == {"splunk", "sc4s"}
    (why,) = next(it["why"] for it in found if it["rule"] == "token-read")
    assert why == "file.path: the mapping acme writes it to no key"


def test_a_mapping_that_filters_events_says_so(tmp_path):
    (tmp_path / "acme.yaml").write_text(
        "mapping: acme\nextends: splunk\ndrop_events: [{Action: Block}]\n", encoding="utf-8"
    )
    done = content_test("-m", "acme.yaml", "--siem", "splunk", "shell-blocked", cwd=tmp_path)
    assert done.returncode == 3
    assert "filters it out" in done.stdout


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("title: [", "mine.yml:2:1"),
        ("title: x\nlogsource: !!python/object/apply:os.system [id]\n", "mine.yml:2:"),
        ("title: x\n---\n- a\n", "mine.yml:3:1"),
        ("- a\n", "mine.yml:1:1"),
        ("", "mine.yml:1:1"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"c{n}: &c{n} [*{'b' if not n else f'c{n - 1}'}, *{'b' if not n else f'c{n - 1}'}]\n" for n in range(30)), "mine.yml:"),
    ],
)  # fmt: skip
def test_a_rule_that_is_no_yaml_for_us_is_told_with_its_place(tmp_path, text, where):
    (tmp_path / "mine.yml").write_text(text, encoding="utf-8")
    done = content_test("mine.yml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(where)


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ("fire: []", 'mine.test.yaml:1:1 R002 Unknown key "fire". Did you mean "fires"?'),
        ("fires: {}", "mine.test.yaml:1:8 R002 Expected a list"),
        ("fires: [{name: x}]", "mine.test.yaml:1:9 R002 A test has either event or events."),
        ("fires: [{event: x}]", "mine.test.yaml:1:17 R002 Expected an event"),
        (
            "fires: [{event: {}, repeat: 100000}]",
            "mine.test.yaml:1:29 R002 Expected a whole number",
        ),
        ("fires: [{events: [{}, {}], repeat: 9999}]", "R002 A test has at most 10,000 events."),
    ],
)
def test_test_events_that_are_wrong_are_told_with_their_place(tmp_path, tests, said):
    written(tmp_path, "detection: {s: {Action: x}, condition: s}\n", tests)
    done = content_test("mine.yml", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_folder_is_read_whole_and_its_test_files_are_no_rules(tmp_path):
    inner = tmp_path / "rules" / "linux"
    inner.mkdir(parents=True)
    written(
        inner, "detection: {s: {Action: Block}, condition: s}\n", f"fires: [{{event: {ALERT}}}]"
    )
    (inner / "other.yaml").write_text(
        "title: x\nlogsource: {product: linux, category: file_event}\n"
        "detection: {s: {TargetFilename|endswith: /x}, condition: s}\n",
        encoding="utf-8",
    )
    done = content_test("rules", "--siem", "splunk", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = {it["rule"]: (it["result"], it["synthetic"]) for it in json.loads(done.stdout)}
    assert found == {"mine": ("fires", False), "other": ("fires", True)}
    assert done.stderr == "2 rules: 2 passed, 0 failed\n"


def test_nothing_is_asked_of_the_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    rules, _ = rule_files.read([shipped_rules.path_of("many-denials")])
    assert [it.result for it in trial.run(rules, receivers(None, ("splunk",)))] == [trial.FIRES]


def test_who_converts_and_forwards_does_not_load_pysigma():
    program = (
        "import sys, cef_bridge.cli.forward, cef_bridge.cli.convert, cef_bridge.cli.content.pipeline\n"
        "assert not any(name.partition('.')[0] == 'sigma' for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_who_has_no_pysigma_is_told_how_to_get_it(tmp_path):
    (tmp_path / "sigma.py").write_text("raise ImportError('not here')", encoding="utf-8")
    program = "from cef_bridge.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "content", "test"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'cef-bridge[content]'" in done.stderr


BACKENDS = {
    "splunk": ("sigma.backends.splunk", "SplunkBackend"),
    "sentinel": ("sigma.backends.kusto", "KustoBackend"),
    "elastic": ("sigma.backends.elasticsearch", "LuceneBackend"),
    "qradar": ("sigma.backends.QRadarAQL", "QRadarAQLBackend"),
}


@pytest.mark.parametrize("siem", BACKENDS)
def test_what_is_printed_makes_queries_of_all_single_rules_with_the_siems_backend(siem):
    import importlib

    from sigma.collection import SigmaCollection
    from sigma.processing.pipeline import ProcessingPipeline

    (store,) = receivers(None, (siem,))
    module, name = BACKENDS[siem]
    printed = pipeline.text(pipeline.document(FieldMap(store)))
    backend = getattr(importlib.import_module(module), name)(ProcessingPipeline.from_yaml(printed))
    single = [it for it in RULES if len(it.documents) == 1]
    for rule in single:
        (query,) = backend.convert(SigmaCollection.from_dicts(list(rule.documents)))
        assert "event.class_id" not in query
    assert len(single) > 20


def test_a_pipeline_refuses_what_is_missing():
    from sigma.backends.splunk import SplunkBackend
    from sigma.collection import SigmaCollection
    from sigma.exceptions import SigmaError
    from sigma.processing.pipeline import ProcessingPipeline

    done = commands.run(
        [COMMAND, "content", "pipeline", "--for", "splunk"],
        capture_output=True,
        text=True,
        check=True,
    )
    backend = SplunkBackend(ProcessingPipeline.from_yaml(done.stdout))
    for field in ("NoSuchField", "ParentCommandLine"):
        rule = {
            "title": "x",
            "logsource": {"product": "linux", "category": "process_creation"},
            "detection": {"s": {field: "x"}, "condition": "s"},
        }
        with pytest.raises(SigmaError, match="no such field"):
            backend.convert(SigmaCollection.from_dicts([rule]))


def test_the_rules_are_in_the_wheel():
    text = (
        Path("pyproject.toml").read_text(encoding="utf-8")
        if Path("pyproject.toml").exists()
        else ""
    )
    root = Path(shipped_rules.__file__).parent.parent.parent
    text = text or (root / "pyproject.toml").read_text(encoding="utf-8")
    assert '"content/rules" = "cef_bridge/content/rules"' in text
