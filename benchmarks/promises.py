"""What is promised of convert's speed, and whether the figures of a run hold it.

A promise whose figures were not measured (a set or a peer left out) is not judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_USUAL = ("telemetry", "alerts", "many-pods")
_NEW = ("hostile", "long-arguments", "never-seen")  # nothing in them comes twice
_MULTIPLES = (  # sets, what they are, and the most that they may cost
    (_USUAL, "usual events", 2.0),
    (_NEW, "events that are new", 3.0),
    (("docker", "cri"), "telemetry in the logs of containers", 2.5),
    (("short",), "10,000 events", 3.0),
)
_TIMES_TENZIR = {"telemetry": 3, "alerts": 3, "hostile": 1}
_MB = 1e6 / (1 << 20)  # of a MiB


class Promise(NamedTuple):
    """A sentence, the figures behind it, and whether all of them hold; None: it cannot be told."""

    says: str
    figures: str
    holds: bool | None

    @property
    def verdict(self) -> str:
        """What to print."""
        return {True: "holds", False: "does not hold", None: "not to be told"}[self.holds]


def judged(found: dict[str, Any]) -> list[Promise]:
    """Return the promises that these figures say something of."""
    return [
        *_multiples(found),
        *_tenzir(found),
        *_pods(found),
        *_two_threads(found),
        *_memory(found),
        *_start(found),
    ]


def _measured(found: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: found["sets"][name] for name in names if "base" in found["sets"].get(name, {})}


def _multiples(found: dict[str, Any]) -> Iterator[Promise]:
    for names, says, most in _MULTIPLES:
        sets = _measured(found, names)
        got = {name: one["base"]["cpu_us"] / one["loads"]["cpu_us"] for name, one in sets.items()}
        if got:
            figures = ", ".join(f"{name} {ratio:.2f}" for name, ratio in got.items())
            holds = max(got.values()) <= most
            promise = f"{says}, base mapping with event ids: at most {most} x orjson.loads"
            yield Promise(promise, figures, holds)


def _tenzir(found: dict[str, Any]) -> Iterator[Promise]:
    for peer in ("Tenzir, escaped", "Tenzir, as it is"):
        figures, holds = [], True
        for name, least in _TIMES_TENZIR.items():
            tools = found["peers"].get(name, {})
            if peer not in tools:
                continue
            us = tools["cef-bridge"]
            ratio = tools[peer]["cpu_us"] / us["cpu_us"]
            events = found["sets"][name]["events"]
            wrong = events - us["right"]
            holds = holds and ratio >= least and not wrong
            figures.append(f"{name} {ratio:.2f}" + (f" ({wrong} of ours wrong)" if wrong else ""))
        if figures:
            says = f"every line right, and 3 x the events a CPU second of {peer} (hostile: 1 x)"
            yield Promise(says, ", ".join(figures), holds)


def _pods(found: dict[str, Any]) -> Iterator[Promise]:
    sets = _measured(found, ("few-pods", "many-pods"))
    if len(sets) == 2:
        few, many = (sets[name]["base"]["cpu_us"] for name in ("few-pods", "many-pods"))
        says = "10,000 pods: at most 1.1 x what 30 pods cost"
        yield Promise(says, f"{many / few:.2f}", many / few <= 1.1)


def _two_threads(found: dict[str, Any]) -> Iterator[Promise]:
    figures: list[str] = []
    held: list[bool | None] = []
    for name, one in _measured(found, ("archive",)).items():
        got, loops = one["base"]["wall_s"] / one["two"]["wall_s"], one["loops"]["speed_up"]
        figures.append(f"{name} {got:.2f} (two loops {loops:.2f})")
        # Two loops that gain less than half a core were not alone: nothing can be said.
        enough = got >= 0.95 * loops
        held.append(None if loops < 1.5 else enough)
    if figures:
        says = "-j 2: 95 % of what two plain loops gain"
        holds = None if None in held else all(held)
        yield Promise(says, ", ".join(figures), holds)


def _memory(found: dict[str, Any]) -> Iterator[Promise]:
    got = {
        name: max(one[way]["peak_mib"] for way in ("base", "keys", "two")) / _MB
        for name, one in _measured(found, tuple(found["sets"])).items()
    }
    if got:
        name = max(got, key=lambda each: got[each])
        says = "memory: at most 60 MB"
        yield Promise(says, f"{got[name]:.0f} MB ({name})", got[name] <= 60)


def _start(found: dict[str, Any]) -> Iterator[Promise]:
    if start := found["start"]:
        both = max(start["version_ms"], start["help_ms"])
        yield Promise("--version, --help: at most 100 ms", f"{both:.0f} ms", both <= 100)
        ten = start["ten_ms"]
        yield Promise("convert of ten events: at most 250 ms", f"{ten:.0f} ms", ten <= 250)
