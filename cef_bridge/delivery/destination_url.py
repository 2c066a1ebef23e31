"""Where a destination's messages go: a URL of `--to`, or the same words of a config file.

In comes `tls://a:6514,b:6514?ca=ca.pem`, out goes a frozen `DestinationUrl` that the transports
read. The struct's fields are the words, declared once: the reader, the schema and the docs follow
them. Opens nothing; whether files are there and names are known is asked by `config`'s check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

from msgspec import Struct, field

from cef_bridge.delivery import urls
from cef_bridge.delivery.schemes import FORMS, SCHEMES
from cef_bridge.delivery.secrets import read_secret
from cef_bridge.delivery.settings import did_you_mean, quoted, setting
from cef_bridge.delivery.urls import Endpoint, UrlParameters, shown_endpoint
from cef_bridge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

_STREAMS = ("tcp", "tls")
_HEC = ("splunk-hec",)
_SEARCH = ("elasticsearch", "opensearch")
_HTTP = (*_HEC, *_SEARCH)
_KAFKA = ("kafka",)
_TLS = ("tls", *_HTTP, "kubearmor", *_KAFKA)


class Tls(Struct, frozen=True, kw_only=True):
    """Whom to believe, and how to prove who we are; for destinations and sources alike."""

    ca: Annotated[
        str | None,
        setting("File with trusted CA certificates. Default: the system's.", of=_TLS, kind="path"),
    ] = None
    cert: Annotated[
        str | None, setting("File of our client certificate, with its chain.", of=_TLS, kind="path")
    ] = None
    key: Annotated[
        str | None,
        setting(
            "File of the certificate's key, when `cert` does not hold it.", of=_TLS, kind="path"
        ),
    ] = None
    key_password: Annotated[
        str | None,
        setting(
            "The key's password: `file:/run/secrets/x` names a file that holds it.",
            of=("tls", *_HTTP, *_KAFKA),
            kind="secret",
        ),
    ] = None
    server_name: Annotated[
        str | None,
        setting("Name in the server's certificate. Default: the host.", of=("tls", "kubearmor")),
    ] = None
    verify: Annotated[
        bool, setting("`no` accepts any certificate: traffic can be intercepted.", of=_TLS)
    ] = True

    def read_key_password(self) -> str | None:
        """Return the key's password, read from its file now; UsageError when that fails."""
        return _secret(self.key_password, "the key's password")

    def tls_problems(self) -> list[str]:
        """Return what does not go together."""
        alone = [name for name in ("key", "key_password") if getattr(self, name) is not None]
        return [
            f'"{name}" does nothing without "cert". Name the certificate.'
            for name in alone
            if self.cert is None
        ]


class Login(Tls, frozen=True, kw_only=True):
    """Whether TLS is used, and who we are, where these are settings."""

    uses_tls: Annotated[
        bool | None,
        setting(
            "Use TLS; with `cert` mutual TLS. Default: `yes` for destinations by HTTP, `no` for "
            "others. Without it events and secrets can be read on the way.",
            of=(*_HTTP, "kubearmor", *_KAFKA),
        ),
    ] = field(default=None, name="tls")
    sasl: Annotated[
        Literal["plain", "scram-sha-256", "scram-sha-512"] | None,
        setting("How `user` logs in.", of=_KAFKA),
    ] = None
    user: Annotated[
        str | None, setting("User name; `password` goes with it.", of=(*_SEARCH, *_KAFKA))
    ] = None
    user_password: Annotated[
        str | None,
        setting(
            "The user's password: `file:/run/secrets/x` names a file that holds it.",
            of=(*_SEARCH, *_KAFKA),
            kind="secret",
        ),
    ] = field(default=None, name="password")

    @property
    def tls(self) -> bool:
        """Whether TLS is used."""
        return bool(self.uses_tls)

    def tls_problems(self) -> list[str]:
        """Return what does not go together, and what does nothing because TLS is not used."""
        found = super().tls_problems()
        if self.tls:
            return found
        besides = 'with "tls=no". Remove one of them' if self.uses_tls is False else _WITHOUT_TLS
        defaults = zip(Tls.__struct_fields__, Tls.__struct_defaults__, strict=True)
        said = [name for name, default in defaults if getattr(self, name) != default]
        return found + [f'"{name}" does nothing {besides}.' for name in said]

    def read_password(self) -> str | None:
        """Return the user's password, read from its file now; UsageError when that fails."""
        return _secret(self.user_password, "the user's password")


_WITHOUT_TLS = 'without "tls=yes"'


def _secret(said: str | None, what: str) -> str | None:
    return None if said is None else read_secret(said, what)


class DestinationUrl(Login, frozen=True, kw_only=True):
    """One destination. `endpoints`: a failover list, the preferred first; () for file and stdout.

    `framing` None leaves it to the mapping's envelope. Sizes are bytes, times seconds.
    """

    scheme: str
    endpoints: tuple[Endpoint, ...] = ()
    path: str = ""
    framing: Annotated[
        Literal["lf", "octet-counting"] | None,
        setting(
            "How messages are separated. Default: as the mapping's `envelope` says.", of=_STREAMS
        ),
    ] = None
    confirm: Annotated[
        Literal["auto", "off"],
        setting(
            "`auto` asks for a receipt by closing the connection in order; `off` never asks:"
            " messages then count as unconfirmed.",
            of=_STREAMS,
            values_were={"window": "off"},
        ),
    ] = "auto"
    confirm_hold: Annotated[
        int,
        setting(
            "Confirmed rounds to keep and resend after a connection failure, for collectors that "
            "hold messages in memory. With 0 the last round is kept until the next connection is "
            "established.",
            of=_STREAMS,
            ge=0,
            le=1000,
        ),
    ] = 2
    unconfirmed_window: Annotated[
        int,
        setting(
            "Bytes that must follow a message before it counts as unconfirmed.",
            of=_STREAMS,
            was="window",
            unit="bytes",
            ge=1 << 10,
            le=16 << 30,
        ),
    ] = 64 << 20
    confirm_interval: Annotated[
        float,
        setting(
            "A connection with something unconfirmed is closed for a receipt after this time.",
            of=_STREAMS,
            was="turnover",
            unit="seconds",
            ge=0.1,
            le=86400,
        ),
    ] = 5.0
    confirm_bytes: Annotated[
        int,
        setting(
            "Close a round after this many bytes.",
            of=_STREAMS,
            was="turnover_bytes",
            unit="bytes",
            ge=1 << 10,
            le=16 << 30,
        ),
    ] = 16 << 20
    connect_timeout: Annotated[
        float,
        setting(
            "Timeout for one address to answer.",
            of=(*_STREAMS, *_HTTP),
            unit="seconds",
            ge=0.1,
            le=3600,
        ),
    ] = 10.0
    tcp_user_timeout: Annotated[
        float,
        setting(
            "A connection is given up when bytes were sent and none acknowledged for this time.",
            of=_STREAMS,
            was="black_hole",
            unit="seconds",
            ge=1,
            le=86400,
        ),
    ] = 30.0
    rate: Annotated[
        int,
        setting(
            "Messages a second, at most: UDP has no back-pressure.", of=("udp",), ge=1, le=10**7
        ),
    ] = 1000
    max_datagram: Annotated[
        int,
        setting(
            "Most bytes of a datagram; the mapping's `max_bytes` applies, too.",
            of=("udp",),
            unit="bytes",
            ge=512,
            le=65507,  # RFC 768: 65,535 less the headers of IPv4 and UDP
        ),
    ] = 8192
    rotate_bytes: Annotated[
        int,
        setting(
            "Size at which a file is renamed and a new one begun.",
            of=("file",),
            unit="bytes",
            ge=1 << 10,
            le=1 << 50,
        ),
    ] = field(default=100 << 20, name="rotate")
    keep: Annotated[
        int, setting("Number of rotated files to keep.", of=("file",), ge=0, le=10_000)
    ] = 5
    token: Annotated[
        str | None,
        setting(
            "The token of the HTTP Event Collector: `file:/run/secrets/x` names a file that holds"
            " it.",
            of=_HEC,
            kind="secret",
        ),
    ] = None
    index: Annotated[str | None, setting("Splunk's index. Default: the token's.", of=_HEC)] = None
    sourcetype: Annotated[str, setting("Splunk's source type.", of=_HEC)] = "cef"
    source: Annotated[str | None, setting("Splunk's `source`. Default: the token's.", of=_HEC)] = (
        None
    )
    host: Annotated[
        str | None,
        setting("Splunk's `host`. Default: the node of each event (`dvchost`).", of=_HEC),
    ] = None
    ack: Annotated[
        bool,
        setting(
            "Ask for the indexer's acknowledgement; without it messages count as unconfirmed.",
            of=_HEC,
        ),
    ] = True
    ack_timeout: Annotated[
        float,
        setting(
            "Messages without an acknowledgement are sent again on another channel after this"
            " time.",
            of=_HEC,
            unit="seconds",
            ge=1,
            le=86400,
        ),
    ] = 300.0
    ack_window: Annotated[
        int,
        setting(
            "Bytes of messages that may wait for acknowledgements.",
            of=_HEC,
            unit="bytes",
            ge=1 << 10,
            le=1 << 30,
        ),
    ] = 32 << 20
    api_key: Annotated[
        str | None,
        setting(
            "An API key, encoded or as `id:key`: `file:/run/secrets/x` names a file that holds it.",
            of=_SEARCH,
            kind="secret",
        ),
    ] = None
    key_by: Annotated[
        Literal["externalId", "container", "none"],
        setting(
            "Key of a message: its event id (copies have the same key), or its container's id (a "
            "container's events stay in their order).",
            of=_KAFKA,
        ),
    ] = field(default="externalId", name="message_key")
    compression: Annotated[
        Literal["none", "gzip", "snappy", "lz4", "zstd"],
        setting("Compression of batches on their way and in the broker.", of=_KAFKA),
    ] = "none"
    idempotence: Annotated[
        bool,
        setting(
            "Messages that the producer resends are stored once. Set `no` if the brokers or the "
            "user's rights do not allow it.",
            of=_KAFKA,
        ),
    ] = True
    pipeline: Annotated[
        str | None, setting("Ingest pipeline that the documents go through.", of=_SEARCH)
    ] = None
    batch_bytes: Annotated[
        int,
        setting(
            "Most bytes of the messages in a request, before compression.",
            of=_HTTP,
            unit="bytes",
            ge=1 << 10,
            le=64 << 20,
        ),
    ] = 512 << 10
    batch_wait: Annotated[
        float,
        setting(
            "A request that is not full waits this time for more messages.",
            of=_HTTP,
            unit="seconds",
            ge=0,
            le=60,
        ),
    ] = 0.5
    request_timeout: Annotated[
        float,
        setting("Timeout for the answer to a request.", of=_HTTP, unit="seconds", ge=1, le=3600),
    ] = 60.0
    gzip: Annotated[bool, setting("Compress requests.", of=_HTTP)] = True

    @property
    def tls(self) -> bool:
        """Whether TLS is used."""
        return self.scheme in ("tls", *_HTTP) if self.uses_tls is None else self.uses_tls

    def problems(self) -> list[str]:
        """Return what does not go together, what is missing, and a library that is."""
        return self.tls_problems() + SCHEMES[self.scheme].problems(self)

    def __str__(self) -> str:
        if self.scheme == "stdout":
            return "-"
        path = f"/{quote(self.index or '')}" if self.scheme in _SEARCH else self.path
        return f"{self.scheme}://{','.join(map(shown_endpoint, self.endpoints))}{path}"

    def __repr__(self) -> str:  # the default one would show the password
        return f"<Target {self}>"


KNOWN = UrlParameters.of(DestinationUrl, tuple(SCHEMES))


def parse_target(url: str) -> DestinationUrl:
    """Return the target that a URL means.

    `udp://host:port`, `tcp://…`, `tls://a:6514,b:6514?framing=octet-counting&ca=…`,
    `file:///path?rotate=100M&keep=5`, `-` (stdout). Ports default to 514, with TLS to 6514. Raises
    UsageError that names every problem.
    """
    said, problems = read_url(url, KNOWN, ())
    if not problems:
        target = target_of(said)
        problems = target.problems()
    if problems:
        raise UsageError("\n".join(f"{shown_url(url)}: {problem}" for problem in problems))
    return target


def read_url(
    url: str, known: UrlParameters, besides: Container[str]
) -> tuple[dict[str, object], list[str]]:
    """Return what a URL says, by field name (scheme, endpoints, path, words), or problems.

    `known` are the words it may have; `besides` are the fields that are said beside it.
    """
    parts, problems = split_url(url)
    if parts is None:
        return {}, problems
    said, wrong = SCHEMES[parts.scheme].place(parts.rest)
    words, misread = known.read(parts, besides)
    return {**words, **said, "scheme": parts.scheme}, problems + wrong + misread


def split_url(url: str) -> tuple[urls.Url | None, list[str]]:
    """Return the parts of a destination's URL, None when it has no scheme that there is, and what
    is wrong.
    """
    if url == "-" or url.startswith("-?"):
        return urls.split(f"stdout:{url[1:]}")
    parts, problems = urls.split(url)
    if fault := _wrong_scheme(url, parts):
        return None, [fault]
    return parts, problems


def target_of(said: Mapping[str, object]) -> DestinationUrl:
    """Return the target of what was said, by field name; what is no field of it is passed over."""
    fields = set(DestinationUrl.__struct_fields__)
    return DestinationUrl(**{name: value for name, value in said.items() if name in fields})  # type: ignore[arg-type] # read by their types


def shown_url(url: str) -> str:
    """Return a URL as sentences begin with it: without its words, which may be secret."""
    return "the URL" if "@" in url else quoted(url.partition("?")[0])


def _wrong_scheme(url: str, parts: urls.Url) -> str | None:
    written = [name for name in SCHEMES if name != "stdout"]
    if parts.scheme in written and (urls.has_scheme(url) or parts.scheme == "file"):
        return None  # also file:/path (RFC 8089 2)
    if url.startswith(("/", "./", "../")):
        return "A file is written as file:///path."
    if parts.scheme in written:
        return urls.without_slashes(parts)
    meant = did_you_mean(parts.scheme, written) if parts.scheme else ""
    return f"This is no destination.{meant} Expected {FORMS} ."
