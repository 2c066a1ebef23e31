"""Custom slots by name: `Team: {from: …, slot: auto}` becomes `cs6` with the label Team.

In come a file's draft, what it stands on and its slots file; out goes the draft with slots for the
names, so that lint, merge and all behind them see ordinary keys, and what the slots file has to
get. A name keeps the slot that it once got. Must not know files, nor how a line is written.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from cef_bridge.errors import Problem
from cef_bridge.lines.dictionary import CEF_KEYS
from cef_bridge.mapping.language import codes, slots_words
from cef_bridge.mapping.language.slots_file import NAME, NUMBER_SLOTS, SLOTS, TEXT_SLOTS, Kept
from cef_bridge.mapping.language.slots_numbers import is_integer

if TYPE_CHECKING:
    from cef_bridge.errors import Location
    from cef_bridge.mapping.language.mapping_file import MappingFile, Named, RuleSeen
    from cef_bridge.mapping.language.merge import RulesByKey
    from cef_bridge.mapping.language.spec import Rule


class Ground(NamedTuple):
    """What a file stands on: its format, its parents' rules and names, and what is kept for it."""

    format: str
    inherited: RulesByKey
    above: dict[str, Kept]
    own: dict[str, Kept]


class Granted(NamedTuple):
    """A draft without names, and the names that are new to its slots file, with their places."""

    draft: MappingFile
    new: dict[str, Kept]
    problems: list[Problem]


def grant(draft: MappingFile, ground: Ground) -> Granted:
    """Return the draft with a slot for each of its names.

    Names that can have none stay as they are, without being keys, so that nothing more is said
    about them.
    """
    table = _Table(draft, ground)
    table.check_places()
    if ground.format == "cef":
        table.check_kept()
        for name in table.names:
            table.give(name)
    return Granted(table.rewritten(), table.new, table.problems)


class _Table:
    """Who has which slot, while the names of one file get theirs."""

    def __init__(self, draft: MappingFile, ground: Ground) -> None:
        self.problems: list[Problem] = []
        self.new: dict[str, Kept] = {}
        self._draft = draft
        self._ground = ground
        self._said = cast("RulesByKey", draft.said.get("extension") or {})
        self._seen: dict[str, list[RuleSeen]] = {}
        for seen in draft.rules:
            if seen.section == "extension":
                self._seen.setdefault(seen.key, []).append(seen)
        self._live = {
            name: kept.slot
            for name, kept in ground.above.items()
            if _label(ground.inherited.get(kept.slot)) == name
        }
        self.names = [name for name in self._seen if self._is_name(name)]
        self._gone = {self._live.get(key, key) for key, rules in self._said.items() if not rules}
        self._numbered = {key: _label(rules) for key, rules in self._said.items() if rules}
        self._given: dict[str, str] = {}

    def _is_name(self, key: str) -> bool:
        """A parent's name needs no second `slot: auto`."""
        return key in self._live or any(seen.rule.slot for seen in self._seen[key])

    def _labels(self) -> dict[str, str]:
        """Return what stands in the slots without the names of this file: slot to label."""
        return {
            slot: _label(rules)
            for slot, rules in self._ground.inherited.items()
            if slot in SLOTS and slot not in self._gone
        } | {slot: label for slot, label in self._numbered.items() if slot in SLOTS}

    def _report(self, at: Location, code: codes.LintRule, message: str) -> None:
        self.problems.append(Problem(at, code.id, message, code.severity))

    def check_places(self) -> None:
        """`slot` stands with keys of the extension, and under CEF only."""
        for seen in self._draft.rules:
            if not seen.rule.slot:
                continue
            at = seen.said.get("slot", seen.rule.at)
            if seen.section != "extension":
                self._report(at, codes.NO_SLOT_HERE, slots_words.no_extension(seen.key))
            elif self._ground.format != "cef":
                self._report(at, codes.NO_SLOT_HERE, slots_words.LEEF)

    def check_kept(self) -> None:
        """A slot that is kept for a name has no other label."""
        labels = self._labels()
        written = {*self.names, *self._live}
        for name, own in self._ground.own.items():
            if name in written and (above := self._differs(name)):
                self._report(own.at, codes.KEPT_SLOT, slots_words.twice(name, own, above))
        at = {key.text: key.at for key in self._draft.keys if key.kind == "extension"}
        above_written = {name: it for name, it in self._ground.above.items() if name in written}
        for name, kept in {**above_written, **self._ground.own}.items():
            label = labels.get(kept.slot, name)
            is_own = name in self._ground.own
            if label in ("", name) or (kept.slot in self._gone and not is_own):
                continue
            comes = name in self.names
            if kept.slot in self._numbered:
                message = slots_words.numbered(name, kept, label, comes=comes, own=is_own)
                self._report(at[kept.slot], codes.KEPT_SLOT, message)
            elif is_own or comes:
                message = slots_words.inherited(
                    name, kept.slot, label, self._draft.path, comes=comes
                )
                self._report(kept.at, codes.KEPT_SLOT, message)

    def _differs(self, name: str) -> Kept | None:
        """Return what a parent keeps for a name, when that is not what is kept for it here."""
        above, own = self._ground.above.get(name), self._ground.own.get(name)
        if above and own and above.slot != own.slot and above.slot not in self._gone:
            return above
        return None

    def give(self, name: str) -> None:
        """Give a name the slot that it has, or the first one that is free."""
        first = self._seen[name][0]
        above, own = self._ground.above.get(name), self._ground.own.get(name)
        if not self._can_be_label(name, first.key_at):
            return
        if self._differs(name):  # told by check_kept
            return
        kept = own or above
        slot = kept.slot if kept else self._free(name)
        other = next((it for it, has in self._ground.own.items() if has.slot == slot), name)
        if above and other != name:
            message = slots_words.both(above, name, other)
            self._report(self._ground.own[other].at, codes.KEPT_SLOT, message)
            return
        if slot is None:
            self._report(first.key_at, codes.NO_FREE_SLOT, self._full(name))
            return
        if slot in self._numbered:  # told by check_kept
            return
        self._given[name] = slot
        if kept is None:
            self.new[name] = Kept(slot, first.key_at)
        elif slot in NUMBER_SLOTS:
            for seen in self._seen[name]:
                if not is_integer(seen.rule):
                    message = slots_words.text_in_number(name, slot, seen.rule)
                    self._report(seen.rule.at, codes.TEXT_IN_NUMBER_SLOT, message)

    def _can_be_label(self, name: str, at: Location) -> bool:
        for seen in self._seen[name]:
            if "label" in seen.said:
                message = f'{name} is the label itself. Remove "label".'
                self._report(seen.said["label"], codes.NEEDLESS_LABEL, message)
        slot = next((slot for slot, label in self._labels().items() if label == name), None)
        if slot is not None and (self._live.get(name) != slot or slot in self._numbered):
            message = f'{slot} has the label "{name}" already. Write the rule there, or rename one.'
            self._report(at, codes.LABELS_CLASH, message)
            return False
        if name in CEF_KEYS:
            self._report(at, codes.BAD_NAME, slots_words.is_key(name))
            return False
        if not NAME.fullmatch(name):
            self._report(at, codes.BAD_NAME, slots_words.bad_name(name))
            return False
        return True

    def _reserved(self) -> dict[str, str]:
        """Return the slots that are not free, and for whom."""
        above = {kept.slot: name for name, kept in self._ground.above.items()}
        own = {kept.slot: name for name, kept in self._ground.own.items()}
        kept_above = {
            slot: name
            for slot, name in above.items()
            if slot not in self._gone or name in self.names
        }
        new = {kept.slot: name for name, kept in self.new.items()}
        return kept_above | own | new | self._labels()

    def _free(self, name: str) -> str | None:
        number = all(is_integer(seen.rule) for seen in self._seen[name])
        reserved = self._reserved()
        wanted = (*NUMBER_SLOTS, *TEXT_SLOTS) if number else TEXT_SLOTS
        return next((slot for slot in wanted if slot not in reserved), None)

    def _full(self, name: str) -> str:
        reserved = self._reserved()
        held = {slot: reserved[slot] for slot in SLOTS if slot in reserved}
        inherited = {*self._ground.inherited} - {*self._numbered} - self._gone
        written = {*self.names, *self._live}
        idle = {
            kept.slot: kept.at
            for other, kept in (self._ground.above | self._ground.own).items()
            if other not in written and reserved.get(kept.slot) == other
        }
        return slots_words.full(name, held, inherited, idle)

    def rewritten(self) -> MappingFile:
        """Return the draft with slots in the place of names."""
        without = {*self.names} - {*self._given}
        said: dict[str, object] = {}
        for key, rules in self._said.items():
            if rules is not None:
                said[self._given.get(key, key)] = self._labelled(key, rules)
            elif said.get(slot := self._live.get(key, key)) is None:
                said[slot] = None
        return dataclasses.replace(
            self._draft,
            said=self._draft.said | ({"extension": said} if self._said else {}),
            keys=[
                self._key(key)
                for key in self._draft.keys
                if key.kind != "extension" or key.text not in without
            ],
            rules=[self._rule(seen) for seen in self._draft.rules],
        )

    def _key(self, key: Named) -> Named:
        if key.kind != "extension":
            return key
        return key._replace(text=self._given.get(key.text) or self._live.get(key.text, key.text))

    def _rule(self, seen: RuleSeen) -> RuleSeen:
        if seen.section != "extension" or seen.key not in self._given:
            return seen
        (rule,) = self._labelled(seen.key, (seen.rule,))
        return seen._replace(key=self._given[seen.key], rule=rule)

    def _labelled(self, key: str, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        if key not in self._given:
            return rules
        return tuple(msgspec.structs.replace(rule, label=key, slot=None) for rule in rules)


def _label(rules: tuple[Rule, ...] | None) -> str:
    return next((rule.label for rule in rules or () if rule.label), "")
