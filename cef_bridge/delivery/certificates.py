"""Files of certificates and keys, looked at before they are needed.

In come the TLS words of a destination or a source, out go what makes them unusable and what is odd,
in sentences. Connects to nothing.
"""

from __future__ import annotations

import base64
import contextlib
import re
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import UsageError
from cef_bridge.small_files import MOST_PEM, UnreadableError, read_small

if TYPE_CHECKING:
    from cef_bridge.delivery.destination_url import Login, Tls

SOON = 14 * 86400
"""A certificate that expires within so many seconds is told of."""

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


class Faults(NamedTuple):
    """`errors` make the files unusable, `warnings` do not."""

    errors: list[str]
    warnings: list[str]


def look_at(tls: Tls, now: float) -> Faults:
    """Return what is wrong with the files of these settings at a time (epoch seconds)."""
    faults = Faults([], [])
    if not tls.verify:
        faults.warnings.append(
            "verify=no: another machine can pose as the server. Name its CA with ca=."
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca is not None and _readable("CA file", tls.ca, faults):
        try:
            context.load_verify_locations(cafile=tls.ca)
        except (OSError, ValueError):
            faults.errors.append(f"the CA file {tls.ca} holds no certificate (PEM).")
        else:
            _validity("CA certificate", tls.ca, now, faults)
    if tls.cert is not None:
        _client(tls, context, now, faults)
    return faults


def look_at_login(said: Login, now: float) -> Faults:
    """Return what is wrong with the files of certificates, where TLS is used, and of the password,
    at a time (epoch seconds).
    """
    faults = look_at(said, now) if said.tls else Faults([], [])
    try:
        said.read_password()
    except UsageError as error:
        faults.errors.append(str(error))
    return faults


def _client(tls: Tls, context: ssl.SSLContext, now: float, faults: Faults) -> None:
    cert, key = str(tls.cert), tls.key
    readable = [
        _readable("certificate", cert, faults),
        key is None or _readable("key", key, faults),
    ]
    try:
        password = tls.read_key_password()
    except UsageError as error:
        faults.errors.append(str(error))
        return
    if not all(readable):
        return
    _validity("certificate", cert, now, faults)
    try:
        # Without a password OpenSSL would ask the terminal for one.
        context.load_cert_chain(cert, key, password=password or "")
    except ssl.SSLError as error:
        faults.errors.append(_refused(error, cert, key or cert, asked=password is not None))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the password is too long"
        faults.errors.append(f"{key or cert} cannot be used: {reason}.")


def _refused(error: ssl.SSLError, cert: str, key: str, *, asked: bool) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key {key} is not that of the certificate {cert}."
    text = Path(key).read_bytes() if Path(key).is_file() else b""
    if b"ENCRYPTED" in text:
        if asked:
            return f"the key {key} does not open with this password."
        return f"the key {key} has a password. Add key_password: file:/path/of/it."
    if b"PRIVATE KEY-----" not in text:
        return f"{key} holds no private key (PEM)."
    return f"the certificate {cert} or the key {key} cannot be read: they must be PEM."


def _readable(what: str, path: str, faults: Faults) -> bool:
    try:
        read_small(path, MOST_PEM)
    except UnreadableError as error:
        faults.errors.append(f"the {what} {path} cannot be read: {error}.")
        return False
    return True


def _validity(what: str, path: str, now: float, faults: Faults) -> None:
    """Look at the dates of the first certificate of a PEM file, the one that is shown."""
    times = _times(path)
    if times is None:
        return  # OpenSSL says what is wrong with it
    begins, ends = times
    day = datetime.fromtimestamp(ends, UTC).date()
    if ends < now:
        faults.warnings.append(f"the {what} {path} expired on {day}. Renew it.")
    elif ends < now + SOON:
        faults.warnings.append(f"the {what} {path} expires on {day}.")
    elif begins > now:
        since = datetime.fromtimestamp(begins, UTC).date()
        faults.warnings.append(f"the {what} {path} is not valid before {since}.")


def _times(path: str) -> tuple[float, float] | None:
    """Return the dates of the first certificate of a PEM file; None when none can be read."""
    with contextlib.suppress(UnreadableError, ValueError, IndexError):
        match = _PEM.search(read_small(path, MOST_PEM))
        if match:
            return validity(base64.b64decode(match[1]))
    return None


def expiries(tls: Tls) -> dict[str, float]:
    """Return when the CA's and the client's certificate expire (epoch seconds), by path."""
    found = {path: _times(path) for path in (tls.ca, tls.cert) if path is not None}
    return {path: times[1] for path, times in found.items() if times is not None}


def validity(der: bytes) -> tuple[float, float]:
    """Return from when to when a certificate is valid, as epoch seconds.

    ValueError or IndexError for what is no certificate. RFC 5280 4.1: SEQUENCE { SEQUENCE {
    [0] version?, serial, algorithm, issuer, validity SEQUENCE { time, time } … } … }.
    """
    _, start, _ = _element(der, 0)
    _, place, _ = _element(der, start)
    tag, _, after = _element(der, place)
    if tag == 0xA0:  # the version, which those of version 1 lack
        place = after
    for _ in range(3):
        _, _, place = _element(der, place)
    _, place, _ = _element(der, place)
    times = []
    for _ in range(2):
        tag, begin, place = _element(der, place)
        # 0x17: UTCTime, of which 50 and above is of the last century; else GeneralizedTime.
        text = der[begin:place].decode("ascii")
        if tag == 0x17:
            text = ("19" if text >= "50" else "20") + text
        times.append(datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp())
    return times[0], times[1]


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Return an element's tag, where its contents begin and where they end (X.690 8.1)."""
    length, begin = der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, begin = int.from_bytes(der[begin : begin + count], "big"), begin + count
    if begin + length > len(der):
        raise ValueError("it ends too early")
    return der[at], begin, begin + length
