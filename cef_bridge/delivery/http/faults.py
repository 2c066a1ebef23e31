"""Why a request failed, in a sentence with what to do: names, refusals, TLS, proxies, silence.

In come errors of urllib3, out go errors of `connection`. Addresses and texts of proxies are never
repeated: a user name and a password may be part of them. Opens nothing.
"""

from __future__ import annotations

import ssl
from http.client import BadStatusLine, RemoteDisconnected
from typing import TYPE_CHECKING

from urllib3 import exceptions

from cef_bridge.delivery import tls_errors
from cef_bridge.delivery.connection import BrokenError, ConnectError, DeliveryError
from cef_bridge.delivery.transport import refusal

if TYPE_CHECKING:
    from cef_bridge.delivery.destination_url import DestinationUrl

_LOG = "Check its log."
_CERTIFICATE = (
    "If it asks for a client certificate, name one with cert= and key=; else check its log."
)
_NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}


def explained(error: Exception, peer: str, target: DestinationUrl, name: str) -> DeliveryError:
    """Return what an error of a request means; `name`: what the certificate should be for."""
    cannot = f"cannot reach {peer}:"
    match error:
        case exceptions.ProxyError(original_error=inner):
            # 407 and the like are in the text of http.client's error; it has no address.
            inner_text = str(inner) if isinstance(inner, OSError) else ""
            said = f" {inner_text.rstrip('.')}." if inner_text.startswith("Tunnel") else ""
            return ConnectError(
                f"{cannot} the proxy does not let us through.{said} Check HTTPS_PROXY, HTTP_PROXY "
                "and NO_PROXY."
            )
        case exceptions.SSLError(args=(ssl.SSLError() as inner, *_)):
            return _tls(inner, cannot, peer, target, name)
        case exceptions.NameResolutionError():
            return ConnectError(
                f"{cannot} its name is not known. Check the name, and the name server of this "
                "machine."
            )
        case exceptions.NewConnectionError(__cause__=OSError() as inner):
            return ConnectError(f"{cannot} {refusal(inner)}")
        case exceptions.ConnectTimeoutError():
            return ConnectError(
                f"{cannot} no answer within {target.connect_timeout:g} seconds. Check the address, "
                "the route, and the firewalls on the way."
            )
        case exceptions.ReadTimeoutError():
            return BrokenError(silent(peer, target.request_timeout))
        case exceptions.ProtocolError(args=(_, RemoteDisconnected(), *_)):
            return BrokenError(f"{peer} closed the connection without an answer. {_hint(target)}")
        case exceptions.ProtocolError(args=(_, BadStatusLine(), *_)):
            return ConnectError(f"{cannot} it does not speak HTTP. {_hint(target)}", permanent=True)
        case exceptions.ProtocolError(args=(_, OSError() as inner, *_)):
            return BrokenError(
                f"{peer} reset the connection: {inner.strerror or 'no reason given'}. "
                f"{_CERTIFICATE if target.tls and not target.cert else _hint(target)}"
            )
    return BrokenError(f"{peer} gave no whole answer. {_hint(target)}")


def silent(peer: str, seconds: float) -> str:
    """Return what is said of a server that does not answer a request."""
    return f"{peer} gave no answer within {seconds:g} seconds. Check its load and its log."


def _tls(
    error: ssl.SSLError, cannot: str, peer: str, target: DestinationUrl, name: str
) -> DeliveryError:
    if isinstance(error, ssl.SSLCertVerificationError):
        text = tls_errors.certificate(error, [], target, name)
        return ConnectError(f"{cannot} {text}", permanent=True)
    if error.reason in _NO_TLS:
        text = "it does not speak TLS. If it takes plain HTTP, set tls=no."
        return ConnectError(f"{cannot} {text}", permanent=True)
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        # With TLS 1.3 a server leaves so whom it asked for a certificate in vain.
        todo = _LOG if target.cert else _CERTIFICATE
        return BrokenError(f"{peer} ended TLS without an answer. {todo}")
    text, act = tls_errors.later(error, target)
    return BrokenError(f"{peer} {text}", permanent=act)


def _hint(target: DestinationUrl) -> str:
    return _LOG if target.tls else "If it takes TLS only, remove tls=no."
