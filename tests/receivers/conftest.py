"""Real receivers for tests; a test that wants one that is not on this machine is skipped, with the
command that brings it.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import found
import pytest
from certificates import Authority
from daemons import Credentials, Receiver, Rsyslog, SyslogNg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KINDS: dict[str, type[Receiver]] = {"rsyslog": Rsyslog, "syslog-ng": SyslogNg}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def credentials(authority: Authority) -> Credentials:
    """Who the receivers are; of their clients they trust those of the same authority."""
    return Credentials(authority.ca, *authority.issue())


@pytest.fixture
def start(tmp_path: Path, credentials: Credentials) -> Iterator[Callable[..., Receiver]]:
    """Start a receiver: `start("rsyslog", transport="tls", queue="stock")`; they end with the test."""
    with ExitStack() as running:

        def start_one(kind: str, **words: Any) -> Receiver:
            if words.get("transport") in ("tls", "mtls"):
                words["credentials"] = credentials
            try:
                receiver = KINDS[kind](tmp_path, **words)
            except found.MissingError as missing:
                pytest.skip(str(missing))
            return running.enter_context(receiver)

        yield start_one
