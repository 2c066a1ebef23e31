"""The S3 server that the tests of object stores share."""

from __future__ import annotations

import pytest
from s3_server import S3Server, missing


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """Start a server for this process of tests, on loopback only; skip where there is none."""
    if (reason := missing()) is not None:
        pytest.skip(f"a real S3 server: {reason}")
    server = S3Server(tmp_path_factory.mktemp("s3"))
    try:
        sockets, exposed = server.exposed()
        assert sockets >= 4
        assert exposed == [], "the server listens beyond loopback"
        yield server
    finally:
        server.close()
