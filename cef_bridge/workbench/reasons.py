"""Why a rule wrote nothing: a condition that did not hold, a field that was not there, a refusal.

In come a slot of the compiled mapping and an event's fields, out comes a sentence a rule. The rule
is run as converting runs it, with somebody listening to why it refuses. Must not know lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.mapping.language.template import paths_of
from cef_bridge.mapping.program.conditions import getter, to_text
from cef_bridge.mapping.program.rules import compile_rule
from cef_bridge.workbench.places import asked, place, said, step_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.errors import Location
    from cef_bridge.lines import Format
    from cef_bridge.mapping.language.spec import Rule
    from cef_bridge.mapping.program.conditions import Fields
    from cef_bridge.mapping.program.rules import Hit, OutputKey

_KINDS = {
    "integer": "a whole number of 32 bits",
    "long": "a whole number of 64 bits",
    "float": "a number",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "ip": "an IP address",
    "mac": "a MAC address",
    "timestamp": "a time as CEF writes it",
}


class Loser(NamedTuple):
    """A rule that gave nothing, or stands behind the one that won: where it is, and why.

    `refused` tells that the event had something for it, and it was not taken.
    """

    rule: str
    why: str
    refused: bool = False


def losers(
    slot: OutputKey, fields: Fields, fmt: Format, unfit: Callable[[Hit], str] = lambda _: ""
) -> list[Loser]:
    """Return the rules of a slot that did not win, in their order, with the reason.

    `unfit` says why a text that a rule gives cannot stand there, "" when it can.
    """
    found: list[Loser] = []
    won = False
    for index, rule in enumerate(slot.rules):
        hits = slot.fires[index](fields)
        if hits and (why := unfit(hits[0])):
            found.append(Loser(place(rule.at), why, refused=True))
        elif hits and not won:
            won = True
        elif hits:
            found.append(
                Loser(place(rule.at), f"a rule before it won; it has {said(hits[0].text)}")
            )
        elif won:
            found.append(Loser(place(rule.at), "a rule before it won"))
        else:
            found.append(_nothing(slot, index, fields, fmt))
    return found


def _nothing(slot: OutputKey, index: int, fields: Fields, fmt: Format) -> Loser:
    """Return why the rule of that index gives nothing for an event."""
    rule = slot.rules[index]
    at = place(rule.at)
    for condition, (path, holds) in zip(rule.when, slot.whens[index], strict=True):
        if not holds(fields):
            value = getter(path)(fields)
            there = f"it is {said(to_text(value))}" if value not in (None, "", []) else "not there"
            return Loser(at, f"when {asked(condition)}: {there}")
    refusals: list[tuple[str, str]] = []

    def refuse(why: str, text: str) -> Hit | None:
        refusals.append((why, text))
        return None

    compile_rule(slot.key, rule, fmt, ipv6=slot.ipv6, refuse=refuse)(fields)
    if refusals:
        return Loser(at, _refused(slot, rule, fmt, *refusals[-1]), refused=True)
    if rule.spread:
        wanted = f" that {', '.join(rule.only)} asks for" if rule.only else ""
        return Loser(at, f"{rule.spread} has no entry{wanted}")
    absent = [path for path in paths_of(rule.template) if not to_text(getter(path)(fields))]
    return Loser(at, f"{' and '.join(rule.from_ or absent)} not there")


def _refused(slot: OutputKey, rule: Rule, fmt: Format, why: str, text: str) -> str:
    if why == "table":
        return f"its table has no row for {said(text)}, and there is no else"
    if why == "empty":
        return (
            f"nothing is left of it after {', '.join(map(step_words, rule.via))}"
            if rule.via
            else "it is blank"
        )
    row = fmt.key(slot.key)
    kind = row.kind if row else "string"
    kind = "ip" if kind == "ipv4" and slot.ipv6 else kind
    return f"{said(text)} is not what {slot.key} takes: {_KINDS.get(kind, kind)}"


def dropped(rules: tuple[Rule, ...], slot: OutputKey | None) -> list[Location]:
    """Return the places of rules that `drop` took out, because it names what they read."""
    kept = {rule.at for rule in slot.rules} if slot else set()
    return [rule.at for rule in rules if rule.at not in kept]
