"""pySigma's backends: rules as queries of a SIEM's own language.

In come a language and a pipeline, out come queries as text. They are written, and not run: what a
rule finds is tried with SQLite (`trial`). Must not know SIEMs, mappings or packs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from cef_bridge.content.sigma import RuleConversionError, queries_of
from cef_bridge.errors import UsageError
from cef_bridge.wording import not_installed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.content.pipeline import Document

_BACKENDS = {
    "spl": ("splunk", "SplunkBackend"),
    "kql": ("kusto", "KustoBackend"),
    "lucene": ("elasticsearch", "LuceneBackend"),
    "eql": ("elasticsearch", "EqlBackend"),
    "esql": ("elasticsearch", "ESQLBackend"),
    "aql": ("QRadarAQL", "QRadarAQLBackend"),
}
QUERY_LANGUAGES = tuple(_BACKENDS)
"""The languages that rules can be written in."""


class QueryCompiler:
    """Makes queries of rules in one language with one pipeline."""

    def __init__(self, language: str, pipeline: Document) -> None:
        module, name = _BACKENDS[language]
        try:
            found = import_module(f"sigma.backends.{module}")
        except ImportError as error:
            raise UsageError(not_installed("content", "pySigma", "content")) from error
        self._backend = getattr(found, name)
        self._pipeline = pipeline
        self._language = language

    def query(self, documents: Sequence[dict[str, object]]) -> str:
        """Return the query of a rule, or of a correlation with the rules that it is made of.

        Raises RuleConversionError for what the language, or pySigma's backend for it, does not do.
        """
        found = queries_of(self._backend, self._pipeline, documents)
        if len(found) != 1:
            raise RuleConversionError(f"It makes {len(found)} queries in {self._language}.")
        return found[0]
