"""What must hold for any bytes: of events, archives, messages, configs and mappings.

A target takes bytes and raises whatever must not happen. `run.py` calls one for hours, led by
coverage; `test_fuzz.py` calls all of them with a few hundred inputs. Both begin with SEEDS.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard

from cef_bridge.errors import CefBridgeError, FormatError
from cef_bridge.forward.config import load_config
from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.lines import parse
from cef_bridge.lines.lint.lenient import read_leniently
from cef_bridge.mapping.load import load, load_text
from cef_bridge.mapping.program.converter import Converted, Converter
from cef_bridge.sources.files.archives import open_stream
from cef_bridge.sources.files.raw import Raw
from cef_bridge.sources.records.units import DamagedError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

DATA = Path(__file__).parents[1] / "data"
MAPPINGS = DATA.parents[1] / "mappings"
_MOST_UNPACKED = 8 << 20
_CONVERTERS = [Converter(load(name), syslog_header="rfc5424") for name in ("splunk", "qradar-leef")]
_FOLDER = tempfile.TemporaryDirectory(prefix="cef-bridge-fuzz-")
CONFIG = b"""\
queue: /var/lib/cef-bridge
metrics: 127.0.0.1:9464
heartbeat: 60s
sources:
  - from: /var/log/kubearmor.log
  - {from: "kubearmor://relay:32767", tls: yes}
  - {from: "kafka://a:9092,b/topic", group: g}
destinations:
  - {name: siem, to: "tls://siem:6514", mapping: splunk, ca: /etc/ca.pem, when_full: block, queue_limit: 1GiB}
  - {name: hec, to: "splunk-hec://splunk:8088", token: "${TOKEN:-x}", mapping: splunk}
  - {name: file, to: "file:///tmp/x.cef", mapping: kubearmor-cef, alerts_only: yes, syslog_header: none}
"""


def decoder(data: bytes) -> None:
    """Any lines: they are read, in parts too; a message of what was read is one line that reads back."""
    whole = EventDecoder(max_record=1 << 16)
    found = [each for line in data.split(b"\n") for each in whole.decode(line)]
    pending = whole.pending()
    EventDecoder(max_record=1 << 16, pending=pending).finish()
    for each in [*found, *whole.finish()]:
        if not isinstance(each, Decoded):
            continue
        assert isinstance(each.fields, dict)
        for converter in _CONVERTERS:
            made = EventDecoder().decode(each.raw)
            for message in filter(None, (text_of(converter, it) for it in made)):
                assert "\n" not in message
                assert "\r" not in message
                parse(message)


def text_of(converter: Converter, found: object) -> str:
    """Return the message of an event; nothing where there is none."""
    made = converter.convert(found.fields) if isinstance(found, Decoded) else None
    return made.message if isinstance(made, Converted) else ""


def archive(data: bytes) -> None:
    """Any input: it is unpacked as far as it goes, within bounds."""
    size = 0
    for stream in open_stream(Raw(io.BytesIO(data)), "fuzz"):  # type: ignore[arg-type]
        with contextlib.suppress(DamagedError):
            while piece := stream.read(1 << 16):
                size += len(piece)
                assert size <= _MOST_UNPACKED + 400 * len(data)
                if size > _MOST_UNPACKED:
                    return


def message(data: bytes) -> None:
    """Any text: it is a message or a FormatError that says why not."""
    text = data.decode("utf-8", "replace")
    for read in (parse, read_leniently):
        with contextlib.suppress(FormatError):
            read(text)


def config(data: bytes) -> None:
    """Any file: it is a config, or all problems of it are named."""
    path = Path(_FOLDER.name, "forward.yaml")
    path.write_bytes(data)
    _problems(lambda: load_config(path, env={"TOKEN": "x"}))


def mapping(data: bytes) -> None:
    """Any file: it is a mapping, or all problems of it are named."""
    _problems(lambda: load_text(data.decode("utf-8", "replace"), "fuzz.yaml", env={}))


def _problems(work: Callable[[], object]) -> None:
    """Do something that may refuse its input, in words."""
    problem: CefBridgeError | None = None
    try:
        work()
    except CefBridgeError as error:
        problem = error
    assert problem is None or str(problem)


def _archives() -> list[bytes]:
    events = (DATA / "seed.ndjson").read_bytes()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(DATA / "seed.ndjson", "logs/seed.ndjson")
    return [gzip.compress(events, mtime=0), zstandard.compress(events), packed.getvalue(), events]


def _messages() -> list[bytes]:
    events = [line for line in (DATA / "kinds.ndjson").read_bytes().splitlines() if line]
    found = [it for line in events for it in EventDecoder().decode(line)]
    return [
        text_of(converter, it).encode("utf-8", "replace")
        for it in found[:20]
        for converter in _CONVERTERS
    ]


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (decoder, archive, message, config, mapping)
}

SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "decoder": lambda: [
        path.read_bytes()[:8192] for path in sorted(DATA.iterdir()) if path.is_file()
    ],
    "archive": _archives,
    "message": _messages,
    "config": lambda: [CONFIG],
    "mapping": lambda: [path.read_bytes() for path in sorted(MAPPINGS.glob("*.yaml"))],
}

_PIECES = (
    *(b"\n", b"\r", b"\0", b'"', b"'", b"{", b"}", b"[", b"]", b":", b",", b"|", b"\\", b"=", b" "),
    *(
        b"- ",
        b": ",
        b"&a ",
        b"*a",
        b"<<: *a",
        b"!!python/object:x ",
        b"---\n",
        b"null",
        b"1e999",
        b"0x",
    ),
    *(
        b"\xff",
        b"\xed\xa0\x80",
        b"\xe2\x80\xae",
        b"\xef\xbb\xbf",
        b"\x1b[2J",
        b"CEF:0|",
        b"LEEF:2.0|",
    ),
    *(b"${", b"$", b"%", b"file://", b"extends: splunk\n", b'{"a":' * 70, b"[" * 300, b"9" * 400),
)


def changed(rng: random.Random, data: bytes) -> bytes:
    """Return an input with a few changes: pieces put in, cut out, repeated, bits turned."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        start = rng.randrange(len(made) + 1)
        end = min(len(made), start + rng.choice((0, 1, 1, 4, 30, 500)))
        match rng.randrange(4):
            case 0:
                made[start:start] = rng.choice(_PIECES)
            case 1:
                del made[start:end]
            case 2:
                made[start:start] = made[start:end]
            case _ if start < len(made):
                made[start] ^= 1 << rng.randrange(8)
    return bytes(made)
