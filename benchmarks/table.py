"""The figures of a run as text for a screen, or as tables for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = list[str]


def text(found: dict[str, Any]) -> str:
    """Return all figures, for one screen."""
    lines = [" · ".join(_head(found))]
    for title, rows in _tables(found):
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        lines += ["", title] if title else [""]
        for row in rows:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            lines.append("  ".join(cells).rstrip())
    lines += ["", *_notes(found)]
    for promise in found["promises"]:
        lines.append(f"{promise.verdict:<14}  {promise.says}: {promise.figures}")
    return "\n".join(lines)


def markdown(found: dict[str, Any]) -> str:
    """Return all figures as tables of Markdown."""
    lines = [", ".join(_head(found)) + "."]
    for title, rows in _tables(found):
        lines += ["", f"{title}:", ""] if title else [""]
        lines.append("| " + " | ".join(rows[0]) + " |")
        lines.append("|---" + "|---:" * (len(rows[0]) - 1) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in rows[1:]]
    lines += ["", *(f"- {note}" for note in _notes(found))]
    lines += ["", "| Promise | Measured | |", "|---|---|---|"]
    for promise in found["promises"]:
        verdict = promise.verdict if promise.holds else f"**{promise.verdict}**"
        lines.append(f"| {promise.says} | {promise.figures} | {verdict} |")
    return "\n".join(lines)


def _head(found: dict[str, Any]) -> list[str]:
    it = found["machine"]
    return [
        it["date"],
        f"cef-bridge {it['cef-bridge']}",
        f"Python {it['python']}, orjson {it['orjson']}",
        f"{it['processor']}, {it['system']}",
        f"medians of {found['rounds']}",
    ]


def _tables(found: dict[str, Any]) -> Iterable[tuple[str, list[Row]]]:
    sets = {name: one for name, one in found["sets"].items() if "base" in one}
    if sets:
        yield "CPU us an event, and as a multiple of orjson.loads", _sets(sets)
    if found["gz"]:
        yield ".gz (telemetry, base mapping)", _gz(found["gz"])
    if found["peers"]:
        yield "JSON file to CEF file, twenty keys, one process each", _peers(found)
    if found["start"]:
        start = found["start"]
        names = ["--version", "--help", "ten events"]
        times = [f"{start[key]:.0f}" for key in ("version_ms", "help_ms", "ten_ms")]
        yield "", [["start-up", *names], ["wall ms", *times]]


def _sets(sets: dict[str, Any]) -> list[Row]:
    head = "set,events,bytes,loads,base+ids,x,20 keys,x,-j 2 wall x,two loops x,MiB"
    rows = [head.split(",")]
    for name, one in sets.items():
        loads, base, keys = (one[way]["cpu_us"] for way in ("loads", "base", "keys"))
        peak = max(one[way]["peak_mib"] for way in ("base", "keys", "two"))
        rows.append(
            [
                name,
                f"{one['events']:,}",
                f"{one['bytes']:,}",
                f"{loads:.2f}",
                f"{base:.2f}",
                f"{base / loads:.2f}",
                f"{keys:.2f}",
                f"{keys / loads:.2f}",
                f"{one['base']['wall_s'] / one['two']['wall_s']:.2f}",
                f"{one['loops']['speed_up']:.2f}",
                f"{peak:.0f}",
            ]
        )

    return rows


def _gz(one: dict[str, Any]) -> list[Row]:
    plain = one["plain"]
    rows = [["", "CPU us", "wall s", "beside the plain file"]]
    rows.append(["zlib alone", f"{one['zlib']['cpu_us']:.2f}", "", ""])
    for name, way in (("plain, -j 1", "plain"), ("-j 1", "one"), ("-j 2", "two")):
        it = one[way]
        more = f"{it['cpu_us'] - plain['cpu_us']:+.2f} us" if way != "plain" else ""
        rows.append([name, f"{it['cpu_us']:.2f}", f"{it['wall_s']:.2f}", more])
    return rows


def _peers(found: dict[str, Any]) -> list[Row]:
    head = "set and tool|events/CPU s|CPU us|x loads|ours is|wall s|MiB|lines right|%"
    rows = [head.split("|")]
    for name, tools in found["peers"].items():
        one = found["sets"][name]
        loads = one.get("loads", {}).get("cpu_us")
        for tool, it in tools.items():
            rows.append(
                [
                    f"{name}, {tool}",
                    f"{1e6 / it['cpu_us']:,.0f}",
                    f"{it['cpu_us']:.2f}",
                    f"{it['cpu_us'] / loads:.2f}" if loads else "",
                    f"{it['cpu_us'] / tools['cef-bridge']['cpu_us']:.2f} x",
                    f"{it['wall_s']:.2f}",
                    f"{it['peak_mib']:.0f}",
                    f"{it['right']:,}",
                    f"{100 * it['right'] / one['events']:.2f}",
                ]
            )
    return rows


def _notes(found: dict[str, Any]) -> list[str]:
    """Return who took part, who is missing, and why lines were wrong."""
    versions = {
        tool.partition(",")[0]: it["version"]
        for tools in found["peers"].values()
        for tool, it in tools.items()
    }
    notes = [", ".join(f"{tool} {version}" for tool, version in versions.items())]
    notes += found["missing"]
    for name, tools in found["peers"].items():
        for tool, it in tools.items():
            if it["wrong"]:
                most = list(it["wrong"].items())[:3]
                reasons = ", ".join(f"{text} ({count:,})" for text, count in most)
                wrote = f"{it['lines']:,} lines" if it["lines"] != it["right"] else ""
                notes.append(f"{name}, {tool}: {wrote}; wrong: {reasons}")
    return [note for note in notes if note]
