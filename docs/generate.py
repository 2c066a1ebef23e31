"""Write the generated pages of docs/, and parts of others: `python docs/generate.py`.

The input is the declarations: fields, class ids, the mapping language's types, the rules of
mappings and of lines, filters and transforms. Parts of pages are between `<!-- begin: NAME -->` and
`<!-- end -->`. It writes cef_bridge/siems/detection_keys.json as well. A test fails when they are
out of date.
"""

# ruff: noqa: INP001 - a script beside the pages it writes

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from cli_page import cli_page
from msgspec import NODEFAULT
from msgspec import inspect as kinds

from cef_bridge import log_fields
from cef_bridge.cli import _root
from cef_bridge.content import rule_files, rule_keys, shipped_rules
from cef_bridge.content.vocabulary import LOG_SOURCES, PROCESS_FIELDS
from cef_bridge.delivery import destination_url
from cef_bridge.delivery.settings import extra_of, shown_number, takes
from cef_bridge.delivery.urls import UrlParameters
from cef_bridge.forward import config, metrics
from cef_bridge.forward.config.codes import CODES as CONFIG_CODES
from cef_bridge.forward.config.places import SOURCE_WORDS
from cef_bridge.forward.config.read import CONFIG_WORDS
from cef_bridge.forward.status import TROUBLES
from cef_bridge.kubearmor import fields
from cef_bridge.kubearmor.classes import catalogue
from cef_bridge.lines.lint import pages as line_pages
from cef_bridge.lines.lint.codes import CODES as LINE_CODES
from cef_bridge.lines.lint.codes import RECEIVERS
from cef_bridge.mapping.language import condition_forms, spec
from cef_bridge.mapping.language.codes import CODES
from cef_bridge.mapping.language.filters import DESCRIPTIONS
from cef_bridge.mapping.language.reader import yaml_fields
from cef_bridge.mapping.language.schema import schema
from cef_bridge.mapping.language.transforms import TRANSFORMS, step_form
from cef_bridge.mapping.lint import linter
from cef_bridge.siems import detection_keys as needed_keys
from cef_bridge.siems.registry import SIEMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HERE = Path(__file__).parent
_NOTE = "<!-- Written by docs/generate.py: change what it reads, and run it. -->"
_PART = re.compile(r"(<!-- begin: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_PAGES_WITH_PARTS = (
    "mapping-language.md",
    "mapping-values.md",
    "mapping-envelope.md",
    "configuration.md",
    "sources.md",
    "destinations.md",
    "metrics.md",
    "logs.md",
    "class-ids.md",
    "detections.md",
)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; a pipe in a cell is escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n" for cells in lines
    )


def code(text: object) -> str:
    """Return a text as Markdown code, and no text as none."""
    return f"`{text}`" if text not in ("", None, ()) else ""


def settings(cls: type) -> str:
    """Return the table of a declared type's settings: name, what it takes, default, meaning."""
    rows = []
    for name, row in yaml_fields(cls).items():
        declared = row.type
        if not isinstance(declared, kinds.Metadata):
            continue  # it has a section of its own
        meaning = str((declared.extra_json_schema or {}).get("description", ""))
        # A mapping extends one other; the type leaves room for what was merged in.
        takes = "text" if name == "extends" else _takes(declared.type)
        rows.append((code(name), takes, _default(row), meaning))
    return table(("Setting", "Takes", "Default", "Meaning"), rows)


def _takes(kind: kinds.Type) -> str:
    """Return what a setting takes, in words."""
    match kind:
        case kinds.Metadata():
            return _takes(kind.type)
        case kinds.UnionType():
            return " or ".join(
                _takes(it) for it in kind.types if not isinstance(it, kinds.NoneType)
            )
        case kinds.LiteralType(values=values):
            return ", ".join(code(value) for value in values)
        case kinds.IntType(ge=least, le=most):
            return f"number, {least} to {most}" if most else f"number of {least} or more"
        case kinds.BoolType():
            return "`true`, `false`"
        case kinds.DictType():
            return "rules by key"
        case kinds.VarTupleType(item_type=kinds.VarTupleType()):
            return "list of conditions"
        case kinds.VarTupleType(item_type=kinds.StructType(cls=cls)):
            return "conditions" if cls is spec.Condition else "rule, or list of rules"
        case kinds.VarTupleType(item_type=kinds.UnionType()):
            return "transform, or list of transforms"
        case kinds.VarTupleType():
            return "text, or list of texts"
        case kinds.StructType():
            return "rows, or a file"
    return "text"


def _default(row: kinds.Field) -> str:
    if row.required:
        return "required"
    value = "" if row.default is NODEFAULT else row.default
    if isinstance(value, bool):
        return code(str(value).lower())
    if row.name == "hostname":
        return code("{from: HostName}")
    # Rules of which there is one by default, a constant
    return code(value[0].value if isinstance(value, tuple) and value else value)


def metrics_table(rows: Iterable[metrics.MetricRow]) -> str:
    """Return the table of some metrics."""
    named = [(code(f"{metrics.PREFIX}{metrics.name_of(it)}"), it.meaning) for it in rows]
    return table(("Metric", "Meaning"), named)


def parts() -> dict[str, str]:
    """Return the generated parts of pages by name."""
    transforms = [
        (code(step_form(name) if it.arguments else name), _example(name))
        for name, it in TRANSFORMS.items()
    ]
    return {
        "destination-metrics": metrics_table(
            (*metrics.DESTINATION_ROWS, metrics.TROUBLE, metrics.REJECTED, metrics.DROPPED)
        ),
        "trouble-reasons": table(
            ("Reason", "The destination"), [(code(it), text) for it, text in TROUBLES.items()]
        ),
        "log-codes": table(
            ("Code", "Says", "Fields"),
            [
                (code(name), it.meaning, ", ".join(map(code, it.fields)))
                for name, it in log_fields.CODES.items()
            ],
        ),
        "log-fields": table(
            ("Field", "Meaning"), [(code(name), text) for name, text in log_fields.FIELDS.items()]
        ),
        "source-metrics": metrics_table(metrics.SOURCE_ROWS),
        "class-ids": class_ids(),
        "log-sources": log_sources(),
        "detections": detections(),
        "file-metrics": metrics_table((*metrics.RELOAD_ROWS, metrics.EXPIRY)),
        "mapping": settings(spec.Mapping),
        "rule": settings(spec.Rule),
        "envelope": settings(spec.Envelope),
        "conditions": table(
            ("Form", "Matches"),
            [(code(f"{{{word}: …}}"), text) for word, text in condition_forms.WORDS.items()],
        ),
        "transforms": table(("Transform", "What it does"), transforms),
        "filters": table(
            ("Filter", "What it drops"), [(code(name), text) for name, text in DESCRIPTIONS.items()]
        ),
        "config": words_table(CONFIG_WORDS, schemes=False),
        "source": words_table(SOURCE_WORDS),
        "destination": words_table(UrlParameters.of(config.Destination, ()), schemes=False),
        "target": words_table(destination_url.KNOWN),
        "config-codes": table(
            ("Code", "Meaning"), [(it.id, it.meaning) for it in CONFIG_CODES.values()]
        ),
    }


def log_sources() -> str:
    """Return the table of the log sources that a rule may have."""
    rows = []
    for source in LOG_SOURCES:
        ids = ", ".join(map(code, source.class_ids)) or "all"
        others = [code(name) for name in source.names if name not in PROCESS_FIELDS]
        names = ["process fields"] * bool(source.names) + others
        rows.append((code(source.product), code(source.category), ids, ", ".join(names)))
    common = ", ".join(map(code, PROCESS_FIELDS))
    return (
        table(("Product", "Category", "Class ids", "Sigma's fields"), rows)
        + f"\nProcess fields: {common}.\n"
    )


def detections() -> str:
    """Return the table of the shipped rules."""
    rules, _ = rule_files.read(shipped_rules.rules())
    rows = []
    for rule in rules:
        tags = [str(tag).removeprefix("attack.") for tag in rule.main.get("tags") or []]
        ids = ", ".join(tag.upper() for tag in tags if re.fullmatch(r"t\d{4}(\.\d{3})?", tag))
        tactics = ", ".join(tag for tag in tags if not re.match(r"t\d{4}", tag))
        cells = (rule.main["title"], rule.main["level"], ids, tactics)
        rows.append((code(rule.name), *map(str, cells)))
    return table(("Rule", "Fires at", "Level", "ATT&CK", "Tactics"), rows)


def words_table(words: UrlParameters, *, schemes: bool = True) -> str:
    """Return the table of settings that are words of URLs as well."""
    rows = []
    for name, row in words.rows.items():
        declared = row.type
        assert isinstance(declared, kinds.Metadata)  # noqa: S101 - for mypy: what words are
        meaning = str((declared.extra_json_schema or {}).get("description", ""))
        of = words.has(row)
        where = (
            "all"
            if of == words.schemes
            else ", ".join(it.replace("std", "- (std") + ")" * it.startswith("std") for it in of)
        )
        cells = [code(name), where, takes(declared), _word_default(row), meaning]
        rows.append(cells if schemes else [cells[0], *cells[2:]])
    columns = ["Setting", "For", "Takes", "Default", "Meaning"]
    return table(columns if schemes else [columns[0], *columns[2:]], rows)


def _word_default(row: kinds.Field) -> str:
    value = row.default
    if row.name == "policy" or value in (NODEFAULT, None, "", ()):
        return ""
    if isinstance(value, bool):
        return code("yes" if value else "no")
    if isinstance(value, tuple):
        return code(", ".join(value))
    if isinstance(value, (int, float)):
        return code(shown_number(value, extra_of(row.type, "unit")))
    return code(value)


def _example(name: str) -> str:
    text = inspect.getdoc(TRANSFORMS[name].function) or ""
    summary = " ".join(text.partition("\n\n")[0].split())
    call, after = re.findall(r">>> \w+\((.*)\)\n(.*)", text)[0]
    before, *arguments = ast.literal_eval(f"({call},)")
    given = f"With `{'` and `'.join(arguments)}`, " if arguments else ""
    example = f"{given}{code(before)} gives {code(ast.literal_eval(after))}."
    return f"{summary.replace('Return ', 'Gives ', 1)} {example}"


def fields_page() -> str:
    """Return the page of all event fields."""
    columns = ("Field", "Holds", "Since", "Meaning")
    raw = [(code(it.path), it.kind, it.since, it.doc) for it in fields.RAW.values()]
    derived = [(code(it.path), it.kind, it.doc) for it in fields.DERIVED.values()]
    return f"""{_NOTE}
# Event fields

The fields that a mapping can read, in `from`, `template`, `when`, `drop_fields` and `spread`.
`cef-bridge mapping fields` prints the same.

- After `Labels.`, `EventData.` and `data.` the rest is one key, dots included:
  `Labels.app.kubernetes.io/name`.
- `data.KEY` is a value of KubeArmor's `Data` or `Resource`: `data.fd`, `data.DestinationIP`.
- Fields that are not listed can be read, too; `mapping lint` then warns (M009).

## As KubeArmor writes them

`Since` is the KubeArmor version that first had the field. Fields without a version are added by
other programs.

{table(columns, raw)}
## Derived by cef-bridge

{table(("Field", "Holds", "Meaning"), derived)}"""


def class_ids() -> str:
    """Return the list of all class ids."""
    rows = [(code(it.class_id), it.name, it.category, str(it.severity)) for it in catalogue()]
    listed = table(("Class id", "Name", "Category", "Severity"), rows)
    return f"There are {len(rows)} class ids:\n\n{listed}"


def lint_page() -> str:
    """Return the page of all codes that the lint of mappings has."""
    index = [(f"[{it.id}](#{it.id.lower()})", it.severity, it.meaning) for it in CODES.values()]
    pages = []
    for row in CODES.values():
        text = _rule_page(linter.page(row))
        pages.append(f"## {row.id}\n\n{row.severity.capitalize()}: {row.meaning}\n{text}")
    return f"""{_NOTE}
# Lint rules

The rules of `cef-bridge mapping lint` ([how to use it](lint.md)). An error makes a mapping
unusable, for `convert`, too; a warning does not. A code never changes its meaning. `cef-bridge
mapping explain-rule CODE` prints the same.

{table(("Code", "Severity", "Meaning"), index)}
{chr(10).join(pages)}"""


def _rule_page(text: str) -> str:
    prose, _, examples = text.partition("Bad:\n")
    bad, _, good = examples.partition("Good:\n")
    blocks = [("Bad", bad), ("Good", good)]
    shown = "".join(
        f"\n{title}:\n\n```yaml\n{textwrap.dedent(block).strip()}\n```\n" for title, block in blocks
    )
    return f"\n{prose.rstrip()}\n{shown}"


def line_rules_page() -> str:
    """Return the page of all rules of lines, and of the receivers that they are about."""
    index = [
        (f"[{it.id}](#{it.id.lower()})", it.severity, ", ".join(it.receivers), it.meaning)
        for it in LINE_CODES.values()
    ]
    titles = {siem.name: siem.title for siem in SIEMS.values()}
    receivers = [(code(name), text) for name, text in sorted({**titles, **RECEIVERS}.items())]
    sections = []
    for page in line_pages.pages():
        row = page.code
        about = f" for {', '.join(row.receivers)}" if row.receivers else ""
        title = f"## {row.id}\n\n{row.severity.capitalize()}{about}: {row.meaning}"
        shown = "".join(
            f"\n{name}:\n\n```text\n{lines}\n```\n"
            for name, lines in (("Bad", page.bad), ("Good", page.good))
        )
        sections.append(f"{title}\n\n{page.prose}\n{shown}")
    return f"""{_NOTE}
# Line rules

The rules of [`cef-bridge lint-cef`](lint-cef.md). An error violates the standard: CEF v27, or IBM's
LEEF. A warning is a pitfall of the receivers that it names, or of all. A note is reported only
when `--for` names its receiver, and is no problem. A code never changes its meaning. `cef-bridge
lint-cef --explain L023` prints one of these pages.

In the examples `<U+0007>` is that character, and `<1100 x>` is 1,100 times x. A line with `{{n}}`
is many lines, numbered 1, 2, 3 …

{table(("Code", "Severity", "Receivers", "Meaning"), index)}
Receivers, as names for `--for`:

{table(("Name", "Which"), receivers)}
{chr(10).join(sections)}"""


def pages() -> dict[str, str]:
    """Return all pages that this script writes, whole, by file name."""
    generated = {
        "fields.md": fields_page(),
        "lint-rules.md": lint_page(),
        "line-rules.md": line_rules_page(),
        "cli.md": cli_page(_root, _NOTE),
        "forward.schema.json": json.dumps(config.schema(), ensure_ascii=False, indent=2) + "\n",
        "mapping.schema.json": json.dumps(schema(), ensure_ascii=False, indent=2) + "\n",
    }
    known = parts()
    for name in _PAGES_WITH_PARTS:
        text = (HERE / name).read_text(encoding="utf-8")
        generated[name] = _PART.sub(lambda it: f"{it[1]}{known[it[2]]}{it[3]}", text)
    return generated


def detection_keys() -> str:
    """Return the table of the keys that the shipped rules need, which lint reads."""
    return json.dumps(rule_keys.table(), indent=1) + "\n"


if __name__ == "__main__":
    needed_keys.FILE.write_text(detection_keys(), encoding="utf-8")
    for page_name, page_text in pages().items():
        (HERE / page_name).write_text(page_text, encoding="utf-8")
