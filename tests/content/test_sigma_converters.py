"""The shipped rule files as sigma-cli takes them: whole files, by pySigma, with our pipelines."""

from __future__ import annotations

from importlib import import_module

import pytest
import yaml

pytest.importorskip("sigma.backends.splunk", reason="pip install -e '.[content]'")

from commands import COMMAND, run
from sigma.collection import SigmaCollection
from sigma.processing.pipeline import ProcessingPipeline
from transcripts import ROOT

RULES = sorted(it for it in (ROOT / "content" / "rules").glob("*.yml"))


def converted(siem: str, module: str, name: str):
    """Yield each rule file's name, and its queries; None for what the backend does not do."""
    words = [COMMAND, "content", "pipeline", "--for", siem]
    text = run(words, check=True, capture_output=True, text=True).stdout
    backend = getattr(import_module(f"sigma.backends.{module}"), name)
    for file in RULES:
        rules = SigmaCollection.from_yaml(file.read_text("utf-8"))
        try:
            yield file, backend(ProcessingPipeline.from_yaml(text)).convert(rules)
        except NotImplementedError:  # what sigma-cli says as "not supported by backend"
            yield file, None


@pytest.mark.parametrize(
    ("siem", "module", "name", "correlates"),
    [
        ("splunk", "splunk", "SplunkBackend", True),
        ("elastic", "elasticsearch", "ESQLBackend", True),
        ("elastic", "elasticsearch", "LuceneBackend", False),
        ("sentinel", "kusto", "KustoBackend", False),
        ("qradar", "QRadarAQL", "QRadarAQLBackend", False),
    ],
)
def test_every_rule_is_converted_but_correlations_where_there_are_none(
    siem, module, name, correlates
):
    refused = {file for file, queries in converted(siem, module, name) if not queries}
    correlations = {it for it in RULES if "\ncorrelation:" in it.read_text("utf-8")}
    assert len(correlations) == 2
    assert refused == (set() if correlates else correlations)


def test_the_order_of_a_correlation_is_in_the_file():
    file = next(it for it in RULES if it.stem == "denied-then-done")
    main_, *_ = yaml.safe_load_all(file.read_text("utf-8"))
    assert (main_["correlation"]["type"], main_["ordered"]) == ("temporal", True)
