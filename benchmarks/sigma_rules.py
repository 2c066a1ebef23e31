"""How many of SigmaHQ's Linux rules fire on KubeArmor's events: `sigma_rules.py FOLDER`.

FOLDER is rules/linux of a clone of github.com/SigmaHQ/sigma; the rules are not copied here. For
each SIEM the share that fires is printed. sigma_rules.txt, beside this file, names the rules that
must fire in all of them, and says which fields each asks for and how: the facts that CI tests
without the rules (tests/content/test_sigma_needs.py). Exit code 3 when one does not fire. With
`--write` the list is written anew, of the rules that fire now.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.content import rule_files, trial
from cef_bridge.content.receivers import receivers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.content.rule_files import RuleFile

_CATEGORIES = ("process_creation", "file_event", "network_connection")
_LIST = Path(__file__).with_name("sigma_rules.txt")
_SIGNS = {" ": "_", "=": "=", "\\": "\\", "|": "|", "^": "^", '"': '"', "*": "*", ";": ";"}
"""Characters that mappings, parsers and queries treat in their own way; a space is `_`."""
_WORD = "w"
"""A command line that begins with a word, and not with a path."""


def needs(rule: RuleFile) -> list[str]:
    """Return what a rule asks for: `FIELD|MODIFIERS`, and behind a colon what its values have.

    These are facts about the rule, and not its text: which fields, compared how, and which of the
    characters of `_SIGNS` are in the values.
    """
    said = rule.documents[0]["detection"]
    parts = said.items() if isinstance(said, dict) else ()
    found = [need for name, part in parts if name != "condition" for need in _of_part(part)]
    return sorted(set(found))


def _of_part(part: object) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _of_part(each)
    elif isinstance(part, dict):
        for item, values in part.items():
            for value in values if isinstance(values, list) else [values]:
                signs = _shape(item, str(value))
                yield f"{item}:{signs}" if signs else item


def _shape(item: str, value: str) -> str:
    found = "".join(sign for char, sign in _SIGNS.items() if char in value)
    field, _, how = item.partition("|")
    anchored = not how or how.startswith("startswith")
    is_word = field == "CommandLine" and anchored and value[:1] not in "/*"
    return found + _WORD * is_word


def main(folder: Path, *, write: bool) -> int:
    """Print the shares, and the rules of the list that do not fire; return the exit code."""
    rules, problems = rule_files.read([folder / name for name in _CATEGORIES])
    for problem in problems:
        print(problem, file=sys.stderr)
    fires: Counter[str] = Counter()
    fails: dict[str, str] = {}
    for it in trial.run(rules, receivers()):
        if it.result in (trial.FIRES, trial.NEEDS):
            fires[it.siem] += 1
        else:
            fails.setdefault(it.rule.name, f"{it.siem}: {it.result}: {'; '.join(it.why)}")
    for siem, count in fires.items():
        print(f"{siem}: {count} of {len(rules)} rules fire ({count / len(rules):.0%})")
    if write:
        lines = [_line(rule) for rule in rules if rule.name not in fails]
        _LIST.write_text("".join(sorted(lines)), encoding="utf-8")
    there = {rule.name for rule in rules}
    wanted = {line.split()[0] for line in _LIST.read_text(encoding="utf-8").splitlines()}
    blind = sorted(wanted & fails.keys())
    for name in blind:
        print(f"{name} must fire, and does not: {fails[name]}")
    for name in sorted(wanted - there):
        print(f"{name} is not in {folder}", file=sys.stderr)
    return 3 if blind or problems else 0


def _line(rule: RuleFile) -> str:
    source = rule.documents[0]["logsource"]
    category = source["category"] if isinstance(source, dict) else ""
    return " ".join([rule.name, str(category), *needs(rule)]) + "\n"


if __name__ == "__main__":
    paths = [word for word in sys.argv[1:] if word != "--write"]
    sys.exit(main(Path(paths[0]), write="--write" in sys.argv))
