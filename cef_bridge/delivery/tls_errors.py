"""Why TLS failed, in a sentence with what to do: certificates, alerts, and who speaks no TLS.

In come errors of OpenSSL (their `reason` and `verify_code`), out go sentences without a subject:
the collector is named before them. Opens nothing.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cef_bridge.delivery.destination_url import Tls

# X509_V_ERR_* of openssl/x509_vfy.h
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _REVOKED = 9, 10, 18, 23
_UNKNOWN_CA = {2, 19, 20, 21, 27}
_WRONG_NAME = {62, 64}

_MOST_NAMES = 5

# Alerts about our certificate (RFC 8446 6.2), as OpenSSL names them -> what they say of it.
_CLIENT_ALERTS = {
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the authority that issued it",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it takes it for damaged or wrong",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it does not take certificates of this kind",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it was revoked",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it gives no reason",
    "TLSV1_ALERT_ACCESS_DENIED": "this client has no access",
    "TLSV1_ALERT_DECRYPT_ERROR": "its key does not fit it",
}
_WANTS_CERTIFICATE = {"TLSV13_ALERT_CERTIFICATE_REQUIRED"}
_NO_CERTIFICATE = "it asks for a client certificate. Name one with cert= and key=."
_VERSIONS = {
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "UNSUPPORTED_PROTOCOL",
    "NO_PROTOCOLS_AVAILABLE",
    "WRONG_SSL_VERSION",
}
_HANDSHAKE_ALERTS = {"SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV1_ALERT_INSUFFICIENT_SECURITY"}
_UNKNOWN_NAME = {"TLSV1_UNRECOGNIZED_NAME", "TLSV1_ALERT_UNRECOGNIZED_NAME"}


def handshake(error: ssl.SSLError, session: ssl.SSLObject, tls: Tls, name: str, head: bytes) -> str:
    """Return why a handshake failed.

    `head`: the first bytes of the other side; `name`: the one that its certificate should have.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return certificate(error, _chain(session), tls, name)
    if head and not is_tls(head):
        return (
            f"it does not speak TLS: it says {_quoted(head)}. If it takes plain text, write tcp://."
        )
    alert = client_certificate(error, tls)
    if alert is not None:
        return alert
    if error.reason in _VERSIONS:
        return "it offers no TLS that is safe: 1.2 or later is needed. Bring it up to date."
    if error.reason in _HANDSHAKE_ALERTS:
        if tls.cert is None:
            return (
                "it refuses the TLS handshake. It may ask for a client certificate: name one with "
                "cert= and key=. Else it has no cipher in common with us."
            )
        return "it refuses the TLS handshake: it has no cipher in common with us. Check its log."
    if error.reason in _UNKNOWN_NAME:
        return f"it does not know the name {name}. Set server_name= to a name it knows."
    return f"the TLS handshake failed: {_reason(error)}. Check its log."


def later(error: ssl.SSLError, tls: Tls) -> tuple[str, bool]:
    """Return why TLS broke after the handshake, and whether somebody has to act.

    With TLS 1.3 the client's certificate is judged then.
    """
    alert = client_certificate(error, tls)
    if alert is not None:
        return f"takes nothing from us: {alert}", True
    return f"broke TLS off: {_reason(error)}. Check its log.", False


def client_certificate(error: ssl.SSLError, tls: Tls) -> str | None:
    """Return what an alert says of our certificate; None when it is about something else."""
    if error.reason in _WANTS_CERTIFICATE:
        return _NO_CERTIFICATE
    said = _CLIENT_ALERTS.get(error.reason or "")
    if said is None:
        return None
    if tls.cert is None:
        return _NO_CERTIFICATE
    return (
        f"it refuses our client certificate {tls.cert}: {said}. Get one that it takes, or have it "
        "take this one."
    )


def certificate(error: ssl.SSLCertVerificationError, chain: list[Any], tls: Tls, name: str) -> str:
    """Return why a certificate is not believed; `chain` as `_chain` returns it."""
    leaf = chain[0] if chain else {}
    code = error.verify_code
    if code == _EXPIRED:
        whose, date = _out_of_date(chain, "notAfter")
        return f"{whose} expired{date and f' on {date}'}. Renew it there."
    if code == _NOT_YET_VALID:
        whose, date = _out_of_date(chain, "notBefore")
        return f"{whose} is not valid{date and f' before {date}'}. Are the clocks right?"
    if code in _WRONG_NAME:
        names = [value for _, value in leaf.get("subjectAltName", ())]
        if not names:
            return f"its certificate is not for {name}. Set server_name= to a name it covers."
        more = ", …" if len(names) > _MOST_NAMES else ""
        shown = ", ".join(map(_plain, names[:_MOST_NAMES])) + more
        return (
            f"its certificate is for {shown}, not for {name}. Connect by such a name, or say which "
            "is meant with server_name=."
        )
    if code == _SELF_SIGNED:
        return "its certificate is self-signed. If it is the right one, name its file with ca=."
    if code in _UNKNOWN_CA:
        issuer = _name(leaf.get("issuer", ()))
        by = f" ({issuer})" if issuer else ""
        where = f"not in {tls.ca}" if tls.ca else "not trusted here"
        return (
            f"the authority that issued its certificate{by} is {where}. Name the file of its CA "
            "certificate with ca=."
        )
    if code == _REVOKED:
        return "its certificate was revoked. Renew it there."
    return f"its certificate is not accepted: {_plain(error.verify_message)}."


def is_tls(head: bytes) -> bool:
    """Tell whether bytes begin like a record of TLS (RFC 8446 5.1)."""
    return head[0] in {20, 21, 22, 23} and head[1:2] in {b"\x03", b""}


def _chain(session: ssl.SSLObject) -> list[Any]:
    """Return the other side's chain, although it was refused, as `getpeercert` would show it.

    There is no public way before Python 3.13, and then only to bytes; without it the sentences say
    a little less.
    """
    try:
        found = session._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # noqa: SLF001
        return [each.get_info() for each in found or ()]
    except (AttributeError, ValueError, ssl.SSLError):
        return []


def _out_of_date(chain: list[Any], which: str) -> tuple[str, str]:
    """Return whose certificate of the chain is out of date, and the day."""
    now = datetime.now(UTC).timestamp()
    for index, each in enumerate(chain):
        try:
            seconds = ssl.cert_time_to_seconds(each[which])
        except (KeyError, ValueError):
            continue
        if (seconds < now) == (which == "notAfter"):
            date = datetime.fromtimestamp(seconds, UTC).date().isoformat()
            if index == 0:
                return "its certificate", date
            return "the certificate of the authority above its own", date
    return "a certificate that its own rests on", ""


def _name(parts: Any) -> str:  # noqa: ANN401 - as getpeercert gives it: ((("commonName", "x"),), …)
    """Return the telling part of a distinguished name."""
    found = {key: value for part in parts for key, value in part}
    return _plain(
        found.get("commonName")
        or ", ".join(
            found[key] for key in ("organizationName", "organizationalUnitName") if key in found
        )
    )


def _quoted(head: bytes) -> str:
    return '"' + _plain(head.decode("ascii", "replace").splitlines()[0] if head else "") + '"'


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:100])


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or error.strerror or "unknown reason").replace("_", " ").lower()
