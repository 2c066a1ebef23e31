"""Settings of HTTP destinations, looked at before anything is sent: what is missing, what is odd.

In come URLs and settings, out go sentences. Opens the files that settings name, and nothing else;
the library that makes requests is looked for and not imported.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import unquote

from cef_bridge.delivery import certificates, urls
from cef_bridge.delivery.secrets import read_header_secret, read_secret
from cef_bridge.delivery.settings import quoted
from cef_bridge.errors import UsageError
from cef_bridge.wording import not_installed

if TYPE_CHECKING:
    from cef_bridge.delivery.certificates import Faults
    from cef_bridge.delivery.destination_url import DestinationUrl

SECRETS = {"token": "the token", "api_key": "the API key", "user_password": "the password"}
"""Fields that hold a secret, and what sentences call it."""

_PORT = 9200
_MOST_INDEX = 255  # bytes
# Elasticsearch, "Create index", path parameters; OpenSearch has the same rules.
_NO_INDEX = re.compile(r'[A-Z\\/*?"<>| ,#:]|^[-_+]|^\.\.?$')


def index_place(rest: str) -> tuple[dict[str, object], list[str]]:
    """Return hosts and index of `a:9200,b:9200/index`, and what is wrong with them."""
    hosts, _, written = rest.partition("/")
    endpoints, problems = urls.endpoints(hosts, _PORT)
    index = unquote(written.removesuffix("/"))
    if "@" in rest:  # said by `endpoints`, which does not repeat it
        problems = problems or urls.endpoints(rest, _PORT)[1]
    elif not index:
        problems.append("The index is missing. Write /INDEX or /DATA-STREAM behind the hosts.")
    elif _NO_INDEX.search(index) or len(index.encode()) > _MOST_INDEX:
        problems.append(
            f"Invalid index name {quoted(index)}. It has small letters, digits, dots, dashes "
            'and underscores, and does not begin with "-", "_" or "+".'
        )
    return {"endpoints": endpoints, "index": index}, problems


def hec_problems(target: DestinationUrl) -> list[str]:
    """Return what is missing for Splunk's HTTP Event Collector."""
    missing = [] if target.token else ['"token" is missing. Write token=file:/path/of/it.']
    return missing + _common(target)


def search_problems(target: DestinationUrl) -> list[str]:
    """Return what does not go together for Elasticsearch and OpenSearch."""
    found = []
    if target.user is None and target.user_password is not None:
        found.append('"password" does nothing without "user". Name the user.')
    if target.user is not None and target.user_password is None:
        found.append('"user" needs "password". Write password=file:/path/of/it.')
    if target.api_key is not None and target.user is not None:
        found.append('"api_key" and "user" exclude each other. Remove one.')
    if target.user is not None and ":" in target.user:
        found.append('"user" cannot have a colon (RFC 7617 2). Correct it.')
    return found + _common(target)


def _common(target: DestinationUrl) -> list[str]:
    if find_spec("urllib3") is None:
        return [not_installed(f"{target.scheme}://", "urllib3", "http")]
    return []


def look_at(target: DestinationUrl, now: float) -> Faults:
    """Return what is wrong with the files that the settings name, at a time (epoch seconds)."""
    faults = certificates.Faults([], [])
    if target.tls:
        faults = certificates.look_at(target, now)
    for name, what in SECRETS.items():
        said = getattr(target, name)
        if said is None:
            continue
        # A password is sent as base64, so that it may have any character.
        read = read_secret if name == "user_password" else read_header_secret
        try:
            read(said, what)
        except UsageError as error:
            faults.errors.append(str(error))
        if not target.tls:
            faults.warnings.append(f"tls=no: {what} can be read on the way. Remove tls=no.")
    return faults
