"""Writes the figures of a run into docs/performance.md, between its marks.

python benchmarks/bench.py --json figures.json
python benchmarks/page.py figures.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import promises
import table

_PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
_BEGIN, _END = "<!-- begin: results -->\n", "<!-- end -->"


def main() -> None:
    """Replace what stands between the marks."""
    found = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found["promises"] = promises.judged(found)
    before, _, rest = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    text = f"{before}{_BEGIN}{table.markdown(found)}\n{_END}{after}"
    _PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
