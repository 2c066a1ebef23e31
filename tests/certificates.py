"""Certificates for tests with real TLS: an authority, and what it issues, as files.

Made with trustme, so that no key stands in the repository and none of them ever runs out by itself.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import trustme

if TYPE_CHECKING:
    from pathlib import Path

EXPIRED_ON = "2024-01-31"
"""The last day of the certificates that are issued with `expired=True`."""


class Pair(NamedTuple):
    """A certificate (with its chain) and its key, both as PEM files."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority that keeps its files in `folder`; `ca` is its own certificate, `name` what certificates
    that it issued call it.

    Two authorities in the same folder do not touch each other's files if their `name` differs.
    """

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = name
        self.name = f"Test authority {name}, tests"
        self._ca = trustme.CA(
            organization_name=f"Test authority {name}", organization_unit_name="tests"
        )
        self._issued = 0
        self.ca = folder / f"{name}.pem"
        self.ca.write_bytes(self._ca.cert_pem.bytes())

    def issue(
        self,
        *names: str,
        expired: bool = False,
        client: bool = False,
        days: int | None = None,
    ) -> Pair:
        """Issue a certificate for host names or addresses, "localhost" and 127.0.0.1 by default.

        `expired=True`: it ran out on EXPIRED_ON. `client=True`: it names a client, no host.
        `days`: it expires so many days from now.
        """
        self._issued += 1
        until = dt.datetime.fromisoformat(f"{EXPIRED_ON}T12:00:00") if expired else None
        if days is not None:
            until = dt.datetime.now(tz=dt.UTC).replace(tzinfo=None) + dt.timedelta(days=days)
        since = until - dt.timedelta(days=365) if until else None
        who = names or (("client@example.test",) if client else ("localhost", "127.0.0.1", "::1"))
        leaf = self._ca.issue_cert(*who, not_before=since, not_after=until)
        kind = "client" if client else "server"
        pair = Pair(
            self._folder / f"{self._name}-{kind}-{self._issued}.pem",
            self._folder / f"{self._name}-{kind}-{self._issued}.key",
        )
        pair.cert.write_bytes(b"".join(each.bytes() for each in leaf.cert_chain_pems))
        pair.key.write_bytes(leaf.private_key_pem.bytes())
        pair.key.chmod(0o600)
        return pair
