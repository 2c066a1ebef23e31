"""What the libraries of stores raise becomes a sentence; theirs are imitated by their names only."""

from __future__ import annotations

import re

import pytest

from cef_bridge.objects.faults import _ROWS, StoreError, translated

PYTHON = re.compile(r"Traceback|Error\b|Exception|__|<|errno|\bb'")


class ClientError(Exception):
    """As botocore's: the answer of the store is in it."""

    def __init__(self, code: str) -> None:
        super().__init__(f"An error occurred ({code}) when calling the GetObject operation")
        self.response = {"Error": {"Code": code, "Message": "secret-token"}}


class HttpResponseError(Exception):
    """As Azure's."""

    def __init__(self, status: int, code: str | None = None) -> None:
        super().__init__("x")
        self.status_code, self.error_code = status, code


class EndpointConnectionError(Exception):
    def __init__(self) -> None:
        super().__init__("x")
        self.kwargs = {"endpoint_url": "https://me:pw@store.example:9000/bucket?list"}


def because(cause: BaseException) -> OSError:
    """Return an error of Python's with what it was raised from, as s3fs makes them."""
    error = PermissionError("Forbidden")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "begins"),
    [
        (ClientError("NoSuchBucket"), "bucket", "no such bucket."),
        (because(ClientError("AccessDenied")), "denied", "access denied."),
        (because(ClientError("ExpiredToken")), "setup", "the session token"),
        (ClientError("SlowDown"), "trouble", "the store is overloaded."),
        (ClientError("Weird"), "trouble", "the store or its library reported an unknown problem (Weird)"),
        (HttpResponseError(404, "ContainerNotFound"), "bucket", "no such bucket."),
        (HttpResponseError(403), "denied", "access denied."),
        (FileNotFoundError("x"), "missing", "no such object or folder"),
        (TimeoutError(), "trouble", "the store did not answer in time"),
        (BrokenPipeError(), "trouble", "the connection to the store broke"),
        (EndpointConnectionError(), "unreachable", "cannot reach https://store.example:9000."),
        (ValueError("b'x'"), "trouble", "the store or its library reported an unknown problem (value)"),
        (KeyError("x"), "trouble", "the store or its library reported an unknown problem (key)"),
    ],
)  # fmt: skip
def test_an_exception_becomes_a_sentence(error, kind, begins):
    fault = translated(error)
    assert (fault.kind, (fault.strerror or "")[: len(begins)]) == (kind, begins)
    assert not PYTHON.search(fault.strerror)
    assert "secret" not in fault.strerror
    assert translated(fault) is fault


def test_what_may_pass_is_tried_again_and_nothing_else():
    kinds = {row.kind: StoreError(row.kind, row.sentence).lasts for row in _ROWS}
    assert kinds == {
        "bucket": True,
        "missing": True,
        "changed": True,
        "setup": True,
        "denied": True,
        "trouble": False,
        "unreachable": False,
    }


def test_a_name_is_in_one_row():
    names = [name for row in _ROWS for name in row.known_by]
    assert sorted(names) == sorted(set(names))
    assert not [row for row in _ROWS if PYTHON.search(row.sentence)]
