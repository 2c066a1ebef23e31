"""How long `cef-bridge studio` takes from a key to the line, while a survey of the sample runs.

    python benchmarks/studio.py [--events 10000] [--keys 60]

Starts a studio over generated events. Each key changes the mapping's text; as the page does, it
asks for lint, the line and a new survey at once. Prints milliseconds until the line was there, and
how long a survey takes when nobody types.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

TEXT = """\
mapping: bench
extends: splunk
cluster: bench
extension:
  cs2: {from: NamespaceName, label: K8sNamespace}
"""

COMMAND = Path(sys.executable).with_name("cef-bridge")


class Page:
    """Asks a studio by its URL."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._base = f"{parts.scheme}://{parts.netloc}"
        self._headers = {
            "Authorization": f"Bearer {parts.query.removeprefix('token=')}",
            "Content-Type": "application/json",
        }

    def ask(self, path: str, body: object = None) -> dict[str, object]:
        """Return an answer; a body makes it a POST."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self._base + path, data, self._headers)) as answer:  # noqa: S310
            return json.load(answer)

    def survey(self, text: str) -> float:
        """Run a survey to its end; return how long it took, in seconds."""
        began = time.perf_counter()
        found = self.ask("/api/survey", {"text": text, "page": "bench"})
        while found["state"] == "running":
            time.sleep(0.02)
            found = self.ask(f"/api/survey/{found['id']}")
        return time.perf_counter() - began

    def key(self, text: str, event: int) -> float:
        """Ask what the page asks after a key; return how long the line took, in seconds."""
        began = time.perf_counter()
        others = [
            threading.Thread(target=self.ask, args=("/api/lint", {"text": text})),
            threading.Thread(
                target=self.ask, args=("/api/survey", {"text": text, "page": "bench"})
            ),
        ]
        for each in others:
            each.start()
        line = self.ask("/api/line", {"text": text, "event": event})
        seconds = time.perf_counter() - began
        if not line["valid"]:
            raise SystemExit(str(line["problem"]))
        for each in others:
            each.join()
        return seconds


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--keys", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mapping, sample = folder / "bench.yaml", folder / "events.ndjson"
        mapping.write_text(TEXT)
        with sample.open("wb") as out:
            count = str(options.events)
            subprocess.run([COMMAND, "generate", "--count", count], stdout=out, check=True)
        began = time.perf_counter()
        process = subprocess.Popen(
            [COMMAND, "studio", "-m", mapping, sample],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            page = Page(process.stdout.readline().strip())
            print(f"start      {time.perf_counter() - began:8.2f} s")
            times = []
            for number in range(options.keys):
                text = f"{TEXT}  KubeArmorKey{'a' * number}: {{from: PodName}}\n"
                times.append(1000 * page.key(text, number + 1))
                time.sleep(0.1)
            print(f"line       {statistics.median(times):8.1f} ms median, {max(times):.1f} ms most")
            seconds = [page.survey(f"{TEXT}# {number}\n") for number in range(5)]
            print(f"survey     {statistics.median(seconds):8.2f} s, {options.events:,} events")
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
