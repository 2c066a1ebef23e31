"""The certificates, keys and secrets that sources and destinations name, watched while they run.

In comes a config, out go the parts whose files were renewed, what is wrong with files that cannot
be used, and when certificates expire. Connections read the files themselves; must not know how.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.delivery.certificates import expiries
from cef_bridge.delivery.schemes import SCHEMES
from cef_bridge.forward.config.sources import SOURCES
from cef_bridge.forward.config.spec import Source
from cef_bridge.forward.watched_files import WatchedFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.forward.config.spec import Config, Destination


class CertificateExpiry(NamedTuple):
    """When a certificate expires (epoch seconds); `used_by` is such as `destination siem`."""

    file: str
    used_by: str
    expires: float


class RenewedFiles(NamedTuple):
    """Files of a part that have changed; `errors` say why they cannot be used."""

    part: Source | Destination
    used_by: str
    errors: list[str]


class _Part(NamedTuple):
    spec: Source | Destination
    used_by: str
    files: WatchedFiles
    expiries: dict[str, float]

    def look(self, now: float) -> list[str]:
        """Read the files, and return what makes them unusable."""
        spec = self.spec
        with self.files.reading():
            if isinstance(spec, Source):
                errors = SOURCES[spec.kind].check(spec, now).errors
                ends = expiries(spec)
            else:
                errors = SCHEMES[spec.target.scheme].check(spec.target, now).errors
                ends = expiries(spec.target)
        if not errors:
            self.expiries.clear()
            self.expiries.update(ends)
        return errors


class CredentialFiles:
    """The files that a config names. `clock` gives epoch seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._parts: list[_Part] = []

    def watch(self, config: Config) -> None:
        """Watch the files of this config; what is new in it has them as they are now."""
        known = {part.used_by: part for part in self._parts}
        specs: list[Source | Destination] = [*config.sources, *config.destinations]
        parts = []
        for spec in specs:
            part = known.get(used_by(spec))
            if part is None or part.spec != spec:
                part = _Part(spec, used_by(spec), WatchedFiles(), {})
                part.look(self._clock())  # what uses them says what is wrong with them
            parts.append(part)
        self._parts = parts

    def renewed(self) -> Iterator[RenewedFiles]:
        """Yield the parts whose files have changed since they were looked at."""
        for part in self._parts:
            if part.files.changed():
                yield RenewedFiles(part.spec, part.used_by, part.look(self._clock()))

    @property
    def expiries(self) -> tuple[CertificateExpiry, ...]:
        """When the certificates in use expire."""
        return tuple(
            CertificateExpiry(file, part.used_by, ends)
            for part in tuple(self._parts)
            for file, ends in tuple(part.expiries.items())
        )


def used_by(spec: Source | Destination) -> str:
    """Return what a part is called in sentences and labels."""
    if isinstance(spec, Source):
        return f"source {spec.name or spec}"
    return f"destination {spec.name}"


def reads_once(spec: Source | Destination) -> bool:
    """Tell whether a part takes renewed files only when it is started again."""
    if isinstance(spec, Source):
        return SOURCES[spec.kind].reads_once
    return SCHEMES[spec.target.scheme].reads_once
