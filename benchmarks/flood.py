"""How late an alert is while another container floods: `forward` beside a flood, end to end.

One file is followed. A container writes alerts into it as fast as KubeArmor lets through: 5,000
small ones a second, or 20 of 1 MB. Another container's alert comes twice a second. What is printed
is how long these took until they were at the collector, and what the flood came to.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson
from costs import EVENT

from cef_bridge.collector.collector import Collector, Received

COMMAND = str(Path(sys.executable).with_name("cef-bridge"))
FLOODS = {
    "small": (5000, {}),
    "large": (20, {"Resource": "/bin/cat " + "x" * 1_000_000}),
    "control": (20, {"Resource": "/bin/cat " + "\x01" * 166_000}),
}
_TICK = 0.02
_VICTIM = re.compile(rb"victim-(\d+)")


class Writer(threading.Thread):
    """Appends the flood and the victim's alerts to a file, and knows when each was written."""

    def __init__(self, path: Path, kind: str, seconds: float) -> None:
        super().__init__(daemon=True)
        self.written: dict[int, float] = {}
        self.flood = 0
        self._path, self._seconds = path, seconds
        self._rate, self._change = FLOODS[kind]

    def run(self) -> None:
        """Write until the time is over."""
        began = time.monotonic()
        with self._path.open("ab", buffering=0) as file:
            while (passed := time.monotonic() - began) < self._seconds:
                due = int(passed * self._rate) - self.flood
                self.flood += due
                file.write(b"".join(_line(self._change, "flood", at) for at in range(due)))
                if len(self.written) <= passed * 2:
                    number = len(self.written)
                    file.write(_line({"PodName": f"victim-{number}"}, "victim", 0))
                    self.written[number] = time.monotonic()
                time.sleep(_TICK)


def _line(change: dict[str, object], container: str, number: int) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    event = {**EVENT, "UpdatedTime": now, "ContainerID": container, "HostPID": number, **change}
    return orjson.dumps(event) + b"\n"


def flooded(kind: str, seconds: float, mapping: str) -> tuple[list[float], int, int]:
    """Return how late each victim's alert was in seconds, how many came, and the flood's size."""
    came: dict[int, float] = {}

    def see(received: Received) -> None:
        if found := _VICTIM.search(received.message):
            came.setdefault(int(found[1]), time.monotonic())

    with (
        tempfile.TemporaryDirectory(prefix="flood-") as folder,
        Collector(["tcp://127.0.0.1:0"], see, rules=None) as collector,
    ):
        path = Path(folder, "ka.log")
        path.touch()
        words = ["--from", path, "--to", f"{collector.urls[0]}?name=siem", "-m", mapping]
        command = [COMMAND, "forward", *map(str, words), "--queue", f"{folder}/q"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as forward:
            time.sleep(2)
            writer = Writer(path, kind, seconds)
            writer.start()
            writer.join()
            until = time.monotonic() + 60
            while len(came) < len(writer.written) and time.monotonic() < until:
                time.sleep(_TICK)
            forward.send_signal(signal.SIGTERM)
            print(forward.communicate()[1].splitlines()[-1], file=sys.stderr)
    late = [came[number] - writer.written[number] for number in writer.written if number in came]
    return late, len(writer.written), writer.flood


def main() -> None:
    """Print a row for each kind of flood."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-m", "--mapping", default="splunk")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("kinds", nargs="*", default=list(FLOODS))
    options = parser.parse_args()
    print("flood       events/s  alerts of another    late by, median    at most")
    for kind in options.kinds:
        late, victims, size = flooded(kind, options.seconds, options.mapping)
        late.sort()
        print(
            f"{kind:10}  {size / options.seconds:8,.0f}  {len(late):6} of {victims:<7}"
            f"  {late[len(late) // 2]:11.2f} s  {late[-1]:12.2f} s"
        )


if __name__ == "__main__":
    main()
