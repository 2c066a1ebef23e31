"""Draws the dashboard's panels from a Prometheus, without Grafana, as one SVG.

    python deploy/grafana/picture.py http://prometheus:9090 FROM TO PICTURE.svg

FROM and TO are Unix times. The panels are those of make.py.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import runpy
import sys
import urllib.parse
import urllib.request
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

CELL, LINE = 60, 24  # pixels of a column, and of a row of the grid
_GAP, _POINTS = 6, 90
_COLORS = ("#2f6fde", "#d9822b", "#2e9e5b", "#b13a8c", "#0f8f9a", "#8a6d1d", "#7157d9", "#c0392b")
_FONT = 'font-family="system-ui, sans-serif"'
_GREEN, _ORANGE, _RED = "#2e9e5b", "#d9822b", "#c0392b"
_SCALES = {"short": (1000, ("", " k", " M")), "cps": (1000, ("/s", " k/s", " M/s"))} | {
    "Bps": (1000, (" B/s", " kB/s", " MB/s"))
}


class Series(NamedTuple):
    """A line: its name, and its points as (seconds, value)."""

    name: str
    points: list[tuple[float, float]]


class Times(NamedTuple):
    """What is shown."""

    prometheus: str
    begin: float
    end: float

    @property
    def step(self) -> float:
        """Seconds between two points."""
        return max(1.0, (self.end - self.begin) / _POINTS)

    def ask(self, target: dict[str, Any]) -> list[Series]:
        """Return the lines of a query."""
        query = target["expr"]
        for name, value in {
            "$__rate_interval": f"{max(5, math.ceil(4 * self.step))}s",
            "$__range": f"{math.ceil(self.end - self.begin)}s",
            "$instance": ".*",
            "$destination": ".*",
        }.items():
            query = query.replace(name, value)
        words = {"query": query, "start": self.begin, "end": self.end, "step": self.step}
        url = f"{self.prometheus}/api/v1/query_range?{urllib.parse.urlencode(words)}"
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - what the user names
            found = json.load(answer)["data"]["result"]
        legend = target["legendFormat"]
        return [
            Series(
                re.sub(r"\{\{(\w+)\}\}", lambda match, it=it: it["metric"][match[1]], legend),
                [(at, float(value)) for at, value in it["values"] if value != "NaN"],
            )
            for it in found
        ]


def shown(value: float, unit: str) -> str:
    """Return a number as people read it."""
    if unit == "percentunit":
        return f"{value * 100:.0f} %"
    if unit == "s":
        steps = ((365 * 86400, "years"), (86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
        size, name = next((it for it in steps if abs(value) >= it[0]), steps[-1])
        return f"{value / size:.{0 if value >= 10 * size or not value else 1}f} {name}"
    base, names = _SCALES[unit]
    power = 0
    while abs(value) >= base and power < len(names) - 1:
        value, power = value / base, power + 1
    return f"{value:.{0 if value >= 10 or value == int(value) else 1}f}{names[power]}"


def text(x: float, y: float, words: str, **more: object) -> str:
    """Return a text of the picture."""
    said = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{said}>{escape(words)}</text>'


class Box(NamedTuple):
    """Where a panel is drawn."""

    x: float
    y: float
    w: float
    h: float


def _color(panel: dict[str, Any], value: float) -> str:
    named = {"green": _GREEN, "orange": _ORANGE, "red": _RED}
    found = _GREEN
    for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]:
        if step["value"] is None or value >= step["value"]:
            found = named[step["color"]]
    return found


def _stat(panel: dict[str, Any], box: Box, lines: list[Series], _: Times) -> list[str]:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    width = box.w / max(len(lines), 1)
    parts = []
    for index, line in enumerate(lines):
        value = line.points[-1][1] if line.points else 0.0
        middle = box.x + width * (index + 0.5)
        words = {"text_anchor": "middle", "fill": _color(panel, value)}
        big = 26 if len(lines) == 1 else 18
        parts.append(
            text(middle, box.y + box.h / 2 + 8, shown(value, unit), font_size=big, **words)
        )
        if line.name:
            parts.append(text(middle, box.y + box.h - 4, line.name, text_anchor="middle", font_size=10, fill="#666"))  # fmt: skip
    return parts


def _lines(panel: dict[str, Any], box: Box, lines: list[Series], times: Times) -> list[str]:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    rows = _legend(lines, box)
    bottom = box.y + box.h - 14 * len(rows) - 14
    top, left, right = box.y + 6, box.x + 48, box.x + box.w - 6
    most = max((value for line in lines for _, value in line.points), default=0.0) or 1.0
    parts = []
    for share in (0, 0.5, 1):
        y = bottom - (bottom - top) * share
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e3e3"/>')
        parts.append(text(left - 4, y + 3, shown(most * share, unit), text_anchor="end", font_size=9, fill="#666"))  # fmt: skip
    for share in (0, 0.5, 1):
        at = left + (right - left) * share
        anchor = {0: "start", 0.5: "middle", 1: "end"}[share]
        when = shown((times.end - times.begin) * share, "s")
        parts.append(text(at, bottom + 11, when, text_anchor=anchor, font_size=9, fill="#666"))
    for index, line in enumerate(lines):
        points = " ".join(
            f"{left + (right - left) * (at - times.begin) / (times.end - times.begin):.1f},"
            f"{bottom - (bottom - top) * value / most:.1f}"
            for at, value in line.points
        )
        color = _COLORS[index % len(_COLORS)]
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.6"/>'
        )
    for number, row in enumerate(rows):
        y = box.y + box.h - 14 * (len(rows) - number) + 10
        for x, index, name in row:
            color = _COLORS[index % len(_COLORS)]
            parts.append(f'<rect x="{x:.1f}" y="{y - 7:.1f}" width="8" height="8" fill="{color}"/>')
            parts.append(text(x + 11, y, name, font_size=9, fill="#444"))
    return parts


def _legend(lines: list[Series], box: Box) -> list[list[tuple[float, int, str]]]:
    """Return the rows of a legend; what does not fit into three is left out, as Grafana scrolls."""
    rows: list[list[tuple[float, int, str]]] = [[]]
    x = box.x + 4
    for index, line in enumerate(lines):
        width = 20 + 5.2 * len(line.name)
        if rows[-1] and x + width > box.x + box.w:
            rows.append([])
            x = box.x + 4
        rows[-1].append((x, index, line.name))
        x += width
    return rows[:3]


def _states(_: dict[str, Any], box: Box, lines: list[Series], times: Times) -> list[str]:
    parts = []
    height = min(24.0, box.h / max(len(lines), 1))
    left, right = box.x + 150, box.x + box.w - 6
    for number, line in enumerate(lines):
        y = box.y + 4 + height * number
        name = line.name if len(line.name) < 24 else f"…{line.name[-22:]}"
        parts.append(text(box.x + 4, y + height / 2 + 3, name, font_size=10, fill="#444"))
        for value, same in itertools.groupby(line.points, key=lambda point: point[1]):
            at = [point[0] for point in same]
            scale = (right - left) / (times.end - times.begin)
            x = left + scale * (at[0] - times.begin)
            width = min(scale * (at[-1] - at[0] + times.step), right - x)
            color = _GREEN if value else _RED
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height - 4:.1f}" fill="{color}"/>')  # fmt: skip
    return parts


def _bars(panel: dict[str, Any], box: Box, lines: list[Series], _: Times) -> list[str]:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    most = max((line.points[-1][1] for line in lines), default=1.0)
    height = min(26.0, box.h / max(len(lines), 1))
    parts = []
    for number, line in enumerate(lines):
        value, y = line.points[-1][1], box.y + 4 + height * number
        used_by, _, file = line.name.rpartition(" ")
        name = f"{used_by} {Path(file).name}"
        parts.append(text(box.x + 4, y + height / 2 + 3, name, font_size=10, fill="#444"))
        width = (box.w - 300) * max(value, 0) / most
        parts.append(f'<rect x="{box.x + 200}" y="{y + 3:.1f}" width="{width:.1f}" height="{height - 8:.1f}" fill="{_color(panel, value)}"/>')  # fmt: skip
        parts.append(
            text(box.x + 206 + width, y + height / 2 + 3, shown(value, unit), font_size=11)
        )
    return parts


_DRAWN = {"stat": _stat, "timeseries": _lines, "state-timeline": _states, "bargauge": _bars}


def drawn(dashboard: dict[str, Any], times: Times) -> str:
    """Return the picture."""
    width = 24 * CELL
    bottom = max(it["gridPos"]["y"] + it["gridPos"]["h"] for it in dashboard["panels"])
    height = bottom * LINE + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {_FONT}>',
        f"<title>Dashboard of {escape(dashboard['title'])}</title>",
        f'<rect width="{width}" height="{height}" fill="#f4f5f5"/>',
    ]
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        x, y = place["x"] * CELL, place["y"] * LINE
        if panel["type"] == "row":
            parts.append(text(x + 8, y + 18, panel["title"], font_size=14, font_weight="bold"))
            continue
        w, h = place["w"] * CELL - _GAP, place["h"] * LINE - _GAP
        parts.append(f'<rect x="{x + _GAP / 2}" y="{y}" width="{w}" height="{h}" rx="3" fill="#fff" stroke="#ddd"/>')  # fmt: skip
        parts.append(text(x + 10, y + 16, panel["title"], font_size=12, font_weight="600"))
        lines = [line for target in panel["targets"] for line in times.ask(target)]
        box = Box(x + 6, y + 24, w - 8, h - 28)
        parts += _DRAWN[panel["type"]](panel, box, lines, times)
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    address, begin, end, picture = sys.argv[1:]
    made = runpy.run_path(str(Path(__file__).with_name("make.py")))["dashboard"]()
    Path(picture).write_text(drawn(made, Times(address, float(begin), float(end))), "utf-8")
