"""Makes the custom properties of properties.csv in QRadar, by its REST API.

    QRADAR_TOKEN=... python3 install_properties.py https://qradar.example.com [--all] [--ca FILE]

Makes the properties that rules and searches need; with --all every one. What is there already is
left as it is, so it can run again. Needs Python 3.8 or later and nothing else; the token is that of
an authorized service with the right to administer. Must not know cef-bridge: it is copied into the
pack.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

_API = "/api/config/event_sources"
_PROPERTIES = _API + "/custom_properties/regex_properties"
_EXPRESSIONS = _API + "/custom_properties/property_expressions"
_TYPES = _API + "/log_source_management/log_source_types"
_KINDS = {"AlphaNumeric": "string", "Numeric": "numeric"}


class ApiError(Exception):
    """What QRadar refused, or why it could not be asked; the text is a sentence."""


class Api:
    """QRadar's REST API."""

    def __init__(self, url: str, token: str, ca: str | None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"SEC": token, "Accept": "application/json"}
        self._tls = ssl.create_default_context(cafile=ca) if url.startswith("https:") else None

    def get(self, path: str, text_filter: str = "") -> list[dict[str, object]]:
        """Return all objects of a list."""
        query = "?" + urllib.parse.urlencode({"filter": text_filter}) if text_filter else ""
        found = self._call("GET", path + query, None)
        return found if isinstance(found, list) else []

    def post(self, path: str, data: dict[str, object]) -> dict[str, object]:
        """Make an object, and return it."""
        found = self._call("POST", path, json.dumps(data).encode())
        return found if isinstance(found, dict) else {}

    def _call(self, method: str, path: str, data: bytes | None) -> object:
        headers = dict(self._headers)
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(  # noqa: S310 - main() takes no other schemes
            self._url + path, data, headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60, context=self._tls) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode("utf-8", "replace")
            raise ApiError(f"{method} {path}: HTTP {error.code}: {said}") from error
        except (OSError, ValueError) as error:
            raise ApiError(f"{method} {path}: {error}") from error


def install(api: Api, rows: list[dict[str, str]], log_source_type: str) -> tuple[int, int]:
    """Make what is missing; return how many properties and how many expressions were made."""
    types = api.get(_TYPES, f'name="{log_source_type}"')
    if not types:
        raise ApiError(f"QRadar has no log source type {log_source_type}.")
    type_id = types[0]["id"]
    identifiers = {str(it["name"]).lower(): it["identifier"] for it in api.get(_PROPERTIES)}
    there = {
        (it.get("regex_property_identifier"), it.get("regex"))
        for it in api.get(_EXPRESSIONS, f"log_source_type_id={type_id}")
    }
    properties = expressions = 0
    for row in rows:
        name = row["property"]
        identifier = identifiers.get(name.lower())
        if identifier is None:
            made = api.post(
                _PROPERTIES,
                {
                    "name": name,
                    "property_type": _KINDS[row["type"]],
                    "use_for_rule_engine": bool(row["used_by"]),
                    "description": "KubeArmor, by cef-bridge",
                },
            )
            identifier = made["identifier"]
            properties += 1
        if (identifier, row["regex"]) not in there:
            api.post(
                _EXPRESSIONS,
                {
                    "regex_property_identifier": identifier,
                    "log_source_type_id": type_id,
                    "regex": row["regex"],
                    "capture_group": int(row["capture_group"]),
                    "enabled": True,
                },
            )
            expressions += 1
    return properties, expressions


def main() -> int:
    """Read the command line, and do it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("url", help="https://HOST of the console")
    parser.add_argument("--all", action="store_true", help="all properties, not only those in use")
    parser.add_argument("--ca", help="file with the certificate of the console's authority")
    parser.add_argument("--log-source-type", default="LOG_SOURCE_TYPE", help="default: %(default)s")
    chosen = parser.parse_args()
    token = os.environ.get("QRADAR_TOKEN", "")
    if not token or not chosen.url.startswith(("https://", "http://127.0.0.1:")):
        parser.error("set QRADAR_TOKEN, and give an address that begins with https://")
    path = Path(__file__).resolve().with_name("properties.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [it for it in csv.DictReader(file) if chosen.all or it["used_by"]]
    try:
        made = install(Api(chosen.url, token, chosen.ca), rows, chosen.log_source_type)
    except ApiError as error:
        text = "".join(char if char.isprintable() else "?" for char in str(error))
        sys.stderr.write(text + "\n")
        return 1
    sys.stdout.write(f"{len(rows)} properties: {made[0]} made, {made[1]} expressions made\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
