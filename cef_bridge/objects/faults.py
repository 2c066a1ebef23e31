"""What the libraries of the stores raise, as sentences for an operator.

In comes any exception, out goes a StoreError: its kind, and what was found and what to do next. The
libraries are not imported for it: their exceptions are known by the code that the store answered
(S3: "Error Responses" of the API reference), by the HTTP status, and by the names of their classes.
"""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST = 10  # causes of causes
_ENDS = re.compile(r"(?:Error|Exception)$")
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")


class StoreError(OSError):
    """What a store did not do; `strerror` is the sentence."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(errno.EIO, sentence)
        self.kind = kind

    @property
    def lasts(self) -> bool:
        """Whether to ask again would bring the same."""
        return self.kind in LASTING


MISSING, BUCKET, DENIED, SETUP = "missing", "bucket", "denied", "setup"
CHANGED, UNREACHABLE, TROUBLE = "changed", "unreachable", "trouble"
LASTING = (MISSING, BUCKET, DENIED, SETUP, CHANGED)
"""No object, no bucket, not allowed, wrong credentials or settings, another version. The rest may
pass."""


class _Row(NamedTuple):
    kind: str
    sentence: str
    known_by: tuple[str, ...]


_ROWS = (
    _Row(BUCKET, "no such bucket. Check its name, and AWS_ENDPOINT_URL if it is not at AWS",
         ("NoSuchBucket", "ContainerNotFound")),
    _Row(SETUP, "this is no valid name of a bucket",
         ("InvalidBucketName", "ParamValidationError", "InvalidResourceName")),
    _Row(MISSING, "no such object",
         ("NoSuchKey", "BlobNotFound", "ResourceNotFoundError", "NotFound", "404")),
    _Row(CHANGED, "the object was replaced by another version. Run this again",
         ("PreconditionFailed", "ConditionNotMet", "FileExpired", "412")),
    _Row(SETUP, "no credentials found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "AWS_PROFILE",
         ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError")),
    _Row(SETUP, "AWS_PROFILE names a profile that is not in the configuration of AWS",
         ("ProfileNotFound",)),
    _Row(SETUP, "no credentials found. Log in, or set GOOGLE_APPLICATION_CREDENTIALS",
         ("DefaultCredentialsError", "RefreshError")),
    _Row(SETUP, "the credentials were refused. Check AZURE_STORAGE_CONNECTION_STRING, or "
                "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY",
         ("ClientAuthenticationError", "CredentialUnavailableError",
          "NoAuthenticationInformation")),
    _Row(SETUP, "the store does not know the access key. Check AWS_ACCESS_KEY_ID or AWS_PROFILE, "
                "and AWS_ENDPOINT_URL if it is not at AWS",
         ("InvalidAccessKeyId",)),
    _Row(SETUP, "the secret key does not belong to the access key. Check AWS_SECRET_ACCESS_KEY",
         ("SignatureDoesNotMatch",)),
    _Row(SETUP, "the session token is invalid or has expired. Log in again",
         ("ExpiredToken", "InvalidToken", "TokenRefreshRequired", "UnauthorizedSSOTokenError",
          "SSOTokenLoadError", "TokenRetrievalError")),
    _Row(SETUP, "the clock of this machine differs from the store's. Set it",
         ("RequestTimeTooSkewed",)),
    _Row(SETUP, "the bucket is in another region. Set AWS_DEFAULT_REGION to it",
         ("PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "301", "307",
          "IllegalLocationConstraintException")),
    _Row(SETUP, "the endpoint is no valid URL. Check AWS_ENDPOINT_URL",
         ("InvalidURL", "UnknownEndpointError", "InvalidEndpointConfigurationError")),
    _Row(SETUP, "a region is needed. Set AWS_DEFAULT_REGION", ("NoRegionError",)),
    _Row(DENIED, "the object is in an archive tier, and cannot be read before it is restored",
         ("InvalidObjectState",)),
    _Row(DENIED, "access denied. The credentials in use do not allow this, or are wrong",
         ("AccessDenied", "AllAccessDisabled", "AuthorizationFailure", "403", "401",
          "AuthorizationPermissionMismatch", "PermissionError")),
    _Row(TROUBLE, "the store is overloaded. Try again later",
         ("SlowDown", "ServerBusy", "TooManyRequests", "429", "503", "ServiceUnavailable")),
    _Row(TROUBLE, "the store reported an internal error. Try again later",
         ("InternalError", "500", "502", "504")),
    _Row(UNREACHABLE, "cannot establish TLS with the store. Check its certificate and "
                      "AWS_CA_BUNDLE",
         ("SSLError", "ClientConnectorSSLError", "ClientConnectorCertificateError")),
    _Row(UNREACHABLE, "cannot reach {endpoint}. Check the network, and AWS_ENDPOINT_URL if it is "
                      "set",
         ("EndpointConnectionError", "ClientConnectorError", "ConnectTimeoutError", "gaierror",
          "ServiceRequestError", "ProxyConnectionError", "ConnectionRefusedError")),
    _Row(TROUBLE, "the store did not answer in time",
         ("ReadTimeoutError", "FSTimeoutError", "RequestTimeout", "TimeoutError",
          "ServerTimeoutError", "ServiceResponseTimeoutError")),
    _Row(TROUBLE, "the connection to the store broke",
         ("ConnectionClosedError", "ClientPayloadError", "IncompleteRead", "IncompleteReadError",
          "ResponseStreamingError", "ServerDisconnectedError", "HTTPClientError", "ClientOSError",
          "ConnectionError", "ChecksumError", "FlexibleChecksumError", "AwsChunkedWrapperError",
          "ServiceResponseError")),
    _Row(MISSING, "no such object or folder", ("FileNotFoundError",)),
)  # fmt: skip
_KNOWN = {name: row for row in _ROWS for name in row.known_by}


def translated(error: BaseException) -> StoreError:
    """Return what an operator reads of an exception."""
    if isinstance(error, StoreError):
        return error
    chain = [*_causes(error)]
    for signs in (_codes, _names):
        for each in chain:
            for sign in signs(each):
                if (row := _KNOWN.get(sign)) is not None:
                    sentence = row.sentence.format(endpoint=_endpoint(chain))
                    return StoreError(row.kind, sentence)
    code = next((code for each in chain for code in _codes(each)), None)
    what = code or _HUMPS.sub(" ", _ENDS.sub("", type(error).__name__)).lower()
    return StoreError(TROUBLE, f"the store or its library reported an unknown problem ({what})")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, and what it was raised because of."""
    now: BaseException | None = error
    for _ in range(_DEEPEST):
        if now is None:
            return
        yield now
        now = now.__cause__ or now.__context__


def _codes(error: BaseException) -> Iterator[str]:
    """Yield what a store answered: its own code (S3, Azure), the status of HTTP."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        yield str(response.get("Error", {}).get("Code"))
    for name in ("error_code", "status_code", "status", "code"):  # Azure, aiohttp, GCS
        value = getattr(error, name, None)
        if isinstance(value, (int, str)):
            yield str(value)


def _names(error: BaseException) -> Iterator[str]:
    """Yield the names of an exception's classes, its own first."""
    for each in type(error).__mro__:
        yield each.__name__


def _endpoint(chain: list[BaseException]) -> str:
    """Return scheme and host of what could not be reached, without user and password."""
    for each in chain:
        said = getattr(each, "kwargs", None)
        if isinstance(said, dict) and "endpoint_url" in said:
            url = urlsplit(str(said["endpoint_url"]))
            return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
    return "the store"
