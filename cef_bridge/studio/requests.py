"""A request's body and answers: JSON with a limit, errors as JSON, headers that keep pages apart.

In come requests of the server, out go checked values; answers go back as ASCII JSON, so that lone
surrogates of an event do no harm. Must not know what is asked.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response

from cef_bridge.mapping.language.nodes import MOST_BYTES
from cef_bridge.request_safety import safe_headers
from cef_bridge.studio.problems import StudioError
from cef_bridge.wording import limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

MOST_MAPPING = 8 << 20
"""Bytes of a request with a mapping, whose escapes take room."""
MOST_EVENTS = 16 << 20


def answer(body: object, status: int = 200) -> Response:
    """Return an answer of JSON."""
    text = json.dumps(body, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Response(text, status, safe_headers(), "application/json")


async def read_json(request: Request, most: int) -> dict[str, object]:
    """Return the object that a request's body is; StudioError for anything else."""
    said_length = request.headers.get("Content-Length", "")
    size, pieces = 0, []
    if said_length.isdigit() and int(said_length) > most:
        raise _too_large(most)
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise _too_large(most)
        pieces.append(piece)
    try:
        said = json.loads(b"".join(pieces))
    except (ValueError, RecursionError) as error:
        raise StudioError(400, "The request is no JSON.", "Send an object as JSON.") from error
    if not isinstance(said, dict):
        raise StudioError(400, "The request is no JSON object.", "Send an object as JSON.")
    return said


def _too_large(most: int) -> StudioError:
    return StudioError(413, f"The request is larger than {limit(most)}.", "Send less at once.")


def text_in(said: Mapping[str, object], key: str, most: int | None = None) -> str:
    """Return a text of a request. StudioError if it is no text, or over `most` characters."""
    value = said.get(key)
    if not isinstance(value, str):
        raise StudioError(400, f'"{key}" is missing or no text.', f'Send "{key}" as a text.')
    if most is not None and len(value) > most:
        raise StudioError(413, f'"{key}" has more than {most:,} characters.', "Shorten it.")
    return value


def mapping_in(said: Mapping[str, object]) -> str:
    """Return the mapping's text of a request; StudioError for one that no mapping file can be."""
    text = text_in(said, "text")
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise StudioError(413, f"The mapping is larger than {limit(MOST_BYTES)}.", "Shorten it.")
    return text


def number_in(said: Mapping[str, object], key: str) -> int:
    """Return a whole number of a request. StudioError if it is no whole number."""
    value = said.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise StudioError(
            400, f'"{key}" is missing or no whole number.', f'Send "{key}" as a number.'
        )
    return value
