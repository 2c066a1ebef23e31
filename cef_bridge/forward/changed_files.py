"""Files of a running forwarder that change: config, mappings, certificates, secrets.

In come the running parts, out goes what they have become: a new configuration, or parts that take
renewed files. What cannot be used changes nothing, and is logged.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cef_bridge.errors import CefBridgeError
from cef_bridge.forward.credential_files import CredentialFiles, reads_once
from cef_bridge.forward.status import Reloads
from cef_bridge.forward.watched_files import WatchedFiles
from cef_bridge.log_fields import fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.forward.config import Config
    from cef_bridge.forward.credential_files import CertificateExpiry, RenewedFiles
    from cef_bridge.forward.running_parts import RunningParts

_NEXT_START = ("queue", "metrics", "live", "live_token_file")
"""Settings that a running forwarder cannot change."""

_log = logging.getLogger(__name__)


class ChangedFiles:
    """The files behind some running parts; `config` is the one in use.

    `read` gives the config anew, None where it is not in a file.
    """

    def __init__(
        self, config: Config, parts: RunningParts, read: Callable[[], Config] | None
    ) -> None:
        self.config = config
        self.reloads = Reloads()
        self._parts = parts
        self._read = read
        self._files = WatchedFiles()  # config and mappings
        self._credentials = CredentialFiles()

    @property
    def expiries(self) -> tuple[CertificateExpiry, ...]:
        """When the certificates in use expire."""
        return self._credentials.expiries

    def begin(self, opening: Callable[[Config], None]) -> None:
        """Watch what `opening` reads of the config's files, and the files that the config names."""
        with self._files.reading():
            if self.config.watch and self._read is not None:
                self.config = self._read()
            opening(self.config)
        self._credentials.watch(self.config)

    def look(self) -> None:
        """Take what has changed; to be called once a second."""
        if self.config.watch and self._files.changed():
            self.reload()
        for renewed in self._credentials.renewed():
            self._renew(renewed)

    def reload(self) -> None:
        """Read config and mappings again, and make it so; a wrong one changes nothing."""
        try:
            with self._files.reading():
                self._change(self._read() if self._read is not None else self.config)
        except CefBridgeError as error:
            self.reloads = self.reloads.after("configuration", good=False)
            known = fields("reload-failed", reason=str(error))
            _log.error("reload failed, old configuration kept: %s", error, extra=known)
        else:
            self.reloads = self.reloads.after("configuration", good=True)
            self._credentials.watch(self.config)
            _log.info("configuration reloaded", extra=fields("reloaded"))

    def _change(self, config: Config) -> None:
        self._parts.change(config)
        if fixed := [it for it in _NEXT_START if getattr(self.config, it) != getattr(config, it)]:
            known = fields("next-start", reason=", ".join(fixed))
            _log.warning("%s: takes effect at the next start", " and ".join(fixed), extra=known)
        self.config = config

    def _renew(self, renewed: RenewedFiles) -> None:
        """Take renewed certificates and secrets of a part."""
        used_by = renewed.used_by
        self.reloads = self.reloads.after(used_by, good=not renewed.errors)
        if renewed.errors:
            why = " ".join(renewed.errors)
            _log.error(
                "%s: changed files cannot be used, earlier certificates kept: %s",
                used_by,
                why,
                extra=fields("certificates-failed", used_by=used_by, reason=why),
            )
            return
        if reads_once(renewed.part):
            self._parts.start_again(renewed.part, self.config)
        known = fields("certificates-renewed", used_by=used_by)
        _log.info("%s: changed certificates or secrets taken", used_by, extra=known)
