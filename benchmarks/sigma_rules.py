"""How many of SigmaHQ's Linux rules fire on KubeArmor's events: `sigma_rules.py FOLDER [NAMES]`.

FOLDER is rules/linux of a clone of github.com/SigmaHQ/sigma; the rules are not copied here. For
each SIEM the share that fires is printed. NAMES lists the rules that must fire in all of them; exit
code 3 when one does not. Without NAMES it is sigma_rules.txt, beside this file.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from cef_bridge.content import rule_files, trial
from cef_bridge.content.receivers import receivers

_CATEGORIES = ("process_creation", "file_event", "network_connection")
_LIST = Path(__file__).with_name("sigma_rules.txt")


def main(folder: Path, names: Path) -> int:
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
    there = {rule.name for rule in rules}
    wanted = set(names.read_text(encoding="utf-8").split())
    blind = sorted(wanted & fails.keys())
    for name in blind:
        print(f"{name} must fire, and does not: {fails[name]}")
    for name in sorted(wanted - there):
        print(f"{name} is not in {folder}", file=sys.stderr)
    return 3 if blind or problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else _LIST))
