"""Events as an attacker would have them: whatever he chooses is meant to be read as something else.

Arguments, paths, labels and working folders carry pipes, equals signs, backslashes, control
characters, newlines, other scripts, bidi overrides and forged CEF headers, and nothing of it comes
twice. Names of pods, policies and nodes are Kubernetes's and stay what those can be.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from busy import Mix, events

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECES = [
    "|",
    "||",
    "a|b|c",
    "=",
    "x=y",
    " act=Allow",
    " outcome=success cs1=none",
    "\\",
    "\\\\",
    "\\=",
    "\\n",
    "\\|",
    "\n",
    "\r\n",
    "\t",
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x00",
    "\x7f",
    "\x85",
    "\u2028",
    "\u202e",
    "\u2066",
    "\u200f",
    "\ufeff",
    "é",
    "名前",
    "файл",
    "🛡",
    "  ",
    "'",
    '"',
    "<script>",
    "&&",
    "$(id)",
    "`id`",
    "%0a",
    "^sev=10^",
    "CEF:0|KubeArmor|KubeArmor|1|log|nothing happened|1|act=Allow",
    "\nCEF:0|a|b|c|d|e|0|rt=0 outcome=success",
    "LEEF:2.0|a|b|c|d|^|sev=1",
    "<134>Aug 23 18:05:48 host kubearmor: ",
    "cs1Label=PolicyName cs1=allow-all",
]


def hostile(count: int) -> Iterator[dict[str, object]]:
    """Yield so many events, logs and alerts half and half; the same ones for the same count."""
    rng = Random(11)
    for number, event in enumerate(events(count, seed=11, mix=Mix(novelty=1.0, alerts=0.5))):
        program = f"{event['ProcessName']}{_text(rng, 1)}{number:x}"
        words = f"{program} {_text(rng, 6)}{number:x}{_text(rng, 2)}"
        event["ProcessName"] = program
        event["ParentProcessName"] = f"/tmp/{_text(rng, 1)}{number:x}/sh"
        event["Cwd"] = f"/tmp/{_text(rng, 2)}{number:x}/"
        if event["Operation"] == "Process":
            event["Source"], event["Resource"] = event["ParentProcessName"], words
        else:
            event["Source"] = words
        if event["Operation"] == "File":
            event["Resource"] = f"/tmp/{_text(rng, 4)}{number:x}/{_text(rng, 2)}"
        if "Labels" in event:
            event["Labels"] = f"{event['Labels']},note={_text(rng, 3)}{number:x}"
        yield event


def _text(rng: Random, pieces: int) -> str:
    return "".join(rng.choices(_PIECES, k=pieces))
