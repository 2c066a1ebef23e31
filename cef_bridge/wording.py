"""Words of problem texts: foreign text made presentable, guesses at what was meant.

In come texts from files and lines, out go pieces of sentences. Must not know what is wrong with
them, and imports nothing of ours: every room has problems to tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LONGEST = 60
_CLEAR = 0.05  # by how much a word must be nearer than all others to be the only one


def shown(text: str) -> str:
    """Return at most 60 characters of the text, on one line and without terminal escapes."""
    return printable(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def printable(text: str) -> str:
    r"""Return the text with what cannot be printed by its number: `\u001b`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def named(key: str) -> str:
    """Return a key as a sentence can begin with it: in quotes, unless it is a plain word.

    >>> named("cs2"), named("a b")
    ('cs2', '"a b"')
    """
    return key if key.isascii() and key.isalnum() and len(key) <= _LONGEST else f'"{shown(key)}"'


def closest(word: str, known: Iterable[str], likeness: float = 0.75) -> str | None:
    """Return the known word that was most likely meant, case aside; None when none is near."""
    from difflib import SequenceMatcher  # noqa: PLC0415 - 5 ms, for a misspelt word

    lowered = word.lower()[:200]
    best, best_ratio = None, likeness
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(lowered)
    for candidate in known:
        if candidate.lower() == lowered:
            return candidate
        matcher.set_seq1(candidate.lower())
        if matcher.real_quick_ratio() < best_ratio or matcher.quick_ratio() < best_ratio:
            continue
        ratio = matcher.ratio()
        if ratio > best_ratio or (ratio == best_ratio and best is None):
            best, best_ratio = candidate, ratio
    return best


def only_one_near(word: str, known: Iterable[str], likeness: float = 0.75) -> str | None:
    """Return what `closest` does if no other known word is nearly as close; else None.

    `local` is as near to local0 as to local7: nobody can tell for a writer which one was meant.
    """
    words = list(known)
    best = closest(word, words, likeness)
    if best is None or best.lower() == word.lower():
        return best
    from difflib import SequenceMatcher  # noqa: PLC0415 - as above

    matcher = SequenceMatcher(None, "", word.lower()[:200], autojunk=False)
    ratios = {}
    for candidate in words:
        matcher.set_seq1(candidate.lower())
        ratios[candidate] = matcher.ratio()
    bar = ratios[best] - _CLEAR
    return None if any(ratios[it] > bar for it in ratios if it != best) else best


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return `Did you mean "x"?`, or the whole list where it is short, or nothing."""
    meant = closest(word, known)
    if meant is not None:
        return f' Did you mean "{meant}"?'
    if len(known) <= 24:
        return f" Expected one of: {', '.join(known)}."
    return ""


def either(words: Sequence[str]) -> str:
    """Return `a, b or c`."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def not_installed(what: str, library: str, extra: str) -> str:
    """Return the sentence where an extra is needed: what needs a library, and how to get it."""
    return (
        f"{what} needs the library {library}, which is not installed. "
        f"Run: pip install 'cef-bridge[{extra}]'"
    )


def size(number: int) -> str:
    """Return a number of bytes, rounded: `212.0 KiB`."""
    value, unit = float(number), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return counted(number, "byte") if not unit else f"{value:.1f} {_UNITS[unit]}"


def limit(number: int) -> str:
    """Return a number of bytes that somebody chose, exactly: `64 MiB`, `10,000 bytes`."""
    unit = 0
    while number >= 1024 and number % 1024 == 0 and unit < len(_UNITS) - 1:
        number, unit = number // 1024, unit + 1
    return counted(number, "byte") if not unit else f"{number:,} {_UNITS[unit]}"


def counted(number: int, noun: str) -> str:
    """Return `1 error`, `2 errors`."""
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"
