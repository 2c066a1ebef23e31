"""The kinds of sources, a row each, in the order in which they are listed.

Another one is a module of `sources` that has a `Feed`, and a row below; settings of its own are
fields of `Source`. All that asks for kinds of sources (URLs, configs, the service, help, schema,
docs, tests) goes through this table. What only some need (gRPC) is imported when it is asked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from cef_bridge.delivery import certificates, urls
from cef_bridge.delivery.certificates import Faults
from cef_bridge.delivery.kafka import settings as kafka
from cef_bridge.delivery.settings import did_you_mean
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.forward.config.spec import Source
    from cef_bridge.sources.feed import Feed

    Place = tuple[dict[str, object], list[str]]
    """Fields of a `Source`, and what is wrong with what was written."""

RELAY_PORT = 32767
"""KubeArmor's, of the relay as of a node's daemon."""

# A glob has a ? as well: words begin at the last one that a NAME= follows.
_WORDS_OF_A_PATH = re.compile(r"\?(?=[a-z_]+=)(?!.*\?[a-z_]+=)")


class SourceGlance(NamedTuple):
    """A source before anything is read; `found` is None where only a connection shows it.

    `files`: how many a path or glob names.
    """

    text: str
    found: bool | None = None
    files: int | None = None


class SourceKind(NamedTuple):
    """A kind of source.

    `scheme` is what settings name it by, `form` how it is written. `place` reads the part between
    `://` and the `?`; None where it is not written as a URL. `feed` opens it; of what can end, its
    second argument asks for the end. `can_wait`: what is not taken stays where it comes from.
    `endless`: it has no end, so that a run with `--once` needs a time. `problems` says what a
    source lacks that could be read; `check` looks at the files that it names, at a time (epoch
    seconds). `reads_once`: certificates and secrets are read when it starts, not with each
    connection. `look` says whether a source is there, without a connection to it; `advice`, what to
    do when it is not.
    """

    name: str
    scheme: str
    form: str
    feed: Callable[[Source, bool], Feed]
    place: Callable[[str], Place] | None = None
    can_wait: bool = True
    endless: bool = False
    problems: Callable[[Source], list[str]] = lambda _: []
    check: Callable[[Source, float], Faults] = lambda _, __: Faults([], [])
    reads_once: bool = False
    look: Callable[[Source], SourceGlance] = lambda _: SourceGlance("connecting")
    advice: str = ""


def _relay_place(rest: str) -> Place:
    endpoints, problems = urls.endpoints(rest, RELAY_PORT)
    return {"endpoints": endpoints}, problems


def _relay_problems(source: Source) -> list[str]:
    if source.cert is not None and source.key is None:
        return ['"cert" needs "key" with kubearmor://. Name the file of the key.']
    return []


def _relay(source: Source, _: bool) -> Feed:
    from cef_bridge.sources.relay.relay import Relay  # noqa: PLC0415 - gRPC alone takes 100 ms

    return Relay(
        source.endpoints,
        streams=source.streams,
        alerts=source.alerts,
        logs=source.logs,
        dedupe=source.dedupe or 0.0,
        tls=source.tls,
        ca=source.ca,
        cert=source.cert,
        key=source.key,
        server_name=source.server_name,
        health=source.health_port,
        max_record=source.max_record,
    )


def _kafka_place(rest: str) -> Place:
    endpoints, topics, problems = kafka.place(rest)
    return {"endpoints": endpoints, "topics": topics}, problems


def _kafka_problems(source: Source) -> list[str]:
    problems = kafka.problems(source)
    if not source.group:
        problems.append('"group" is missing. Write group=NAME: offsets are committed for it.')
    return problems


def _kafka(source: Source, once: bool) -> Feed:
    from cef_bridge.sources.kafka.kafka import KafkaTopics  # noqa: PLC0415 - as above
    from cef_bridge.sources.kafka.member import Subscription  # noqa: PLC0415 - as above

    asked = Subscription(
        source.topics,
        source.group,
        start=source.start,
        ahead=source.ahead,
        session_timeout=source.session_timeout,
        max_record=source.max_record,
        once=once,
    )
    cluster = kafka.cluster_of(source, source.endpoints)
    return KafkaTopics(cluster, asked, when_settled=source.commit == "confirmed")


def _files(source: Source, once: bool) -> Feed:
    from cef_bridge.sources.files.follow import Follow  # noqa: PLC0415 - only who asks for it pays

    return Follow(
        [source.pattern], once=once, from_end=source.from_end, max_record=source.max_record
    )


def _look_at_files(source: Source) -> SourceGlance:
    from cef_bridge.sources.files.archives import printable  # noqa: PLC0415 - as above
    from cef_bridge.sources.files.follow_paths import Pattern  # noqa: PLC0415 - as above

    pattern = Pattern(source.pattern)
    if problem := pattern.unread():
        return SourceGlance(problem.removeprefix(f"{printable(source.pattern)}: "), False, 0)
    number = len(pattern.paths())
    return SourceGlance(counted(number, "file"), True, number)


def _stdin(source: Source, _: bool) -> Feed:
    from cef_bridge.sources.stdin import Pipe  # noqa: PLC0415 - as above

    return Pipe(max_record=source.max_record)


_ROWS = (
    SourceKind(
        "kubearmor",
        "kubearmor",
        "kubearmor://host:port",
        _relay,
        _relay_place,
        can_wait=False,
        endless=True,
        problems=_relay_problems,
        check=certificates.look_at_login,
        advice="Check its address, and that KubeArmor's relay runs there; connecting goes on.",
    ),
    SourceKind(
        "kafka",
        "kafka",
        "kafka://host:port/topic?group=NAME",
        _kafka,
        _kafka_place,
        problems=_kafka_problems,
        check=certificates.look_at_login,
        reads_once=True,
        advice=(
            "Check brokers, topic and login. After a crash the group may wait for "
            "session_timeout before it assigns partitions again."
        ),
    ),
    SourceKind(
        "files",
        "file",
        "a path or glob",
        _files,
        look=_look_at_files,
        advice="Check path and permissions; it is read from its beginning once it is there.",
    ),
    SourceKind("stdin", "stdin", "-", _stdin, look=lambda _: SourceGlance("standard input", True)),
)
SOURCES: dict[str, SourceKind] = {row.name: row for row in _ROWS}

FORMS = f"{', '.join(row.form for row in _ROWS[:-1])}, or {_ROWS[-1].form}"
"""How sources are written, for sentences and help."""


def split(url: str) -> tuple[urls.Url | None, dict[str, object], list[str]]:
    """Return a URL's parts, the fields of a `Source` that are no words, and what is wrong."""
    if url == "-" or url.startswith("-?"):
        parts, problems = urls.split(f"stdin:{url[1:]}")
        return parts, {"kind": "stdin"}, problems
    parts, problems = urls.split(url)
    slashes = urls.has_scheme(url)
    written = {row.scheme for row in _ROWS if row.place is not None}
    if parts.scheme in written and not slashes:
        return None, {}, [urls.without_slashes(parts)]
    # What begins like tcp:/siem is no path. A folder of such a name is written ./tcp:/siem .
    if parts.scheme in {"", "file"} or not (slashes or parts.rest.startswith("/")):
        return _path(url)
    for row in _ROWS:
        if row.scheme == parts.scheme and row.place is not None:
            said, wrong = row.place(parts.rest)
            return parts, {"kind": row.name, **said}, problems + wrong
    meant = did_you_mean(parts.scheme, [row.scheme for row in _ROWS])
    return None, {}, [f"This is no source.{meant} Expected {FORMS} ."]


def _path(url: str) -> tuple[urls.Url, dict[str, object], list[str]]:
    match = _WORDS_OF_A_PATH.search(url)
    path, query = (url[: match.start()], url[match.start() :]) if match else (url, "")
    parts, problems = urls.split(f"file:{query}")
    if path.lower().startswith("file:"):
        path = unquote(path[5:].removeprefix("//"))
        if not path.startswith("/"):
            problems.append("file:// is followed by a whole path, such as file:///var/log/x.log.")
    elif not path or "\0" in path:
        problems.append("A path is missing.")
    return parts, {"kind": "files", "pattern": path}, problems
