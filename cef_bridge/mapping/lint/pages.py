"""The pages of codes that no rule reports: what the reader of mappings finds, and excuses.

In comes nothing; `PAGES` has them by code, in the form of a rule's docstring: what, why, bad, good.
A piece of YAML that begins with `# NAME.yaml` is several files. The tests run all of them.
"""

from __future__ import annotations

from cef_bridge.mapping.language import codes

PAGES: dict[codes.LintRule, str] = {
    codes.WRONG_KIND: """\
A setting has the right kind of value: a text, a list or settings of its own.

A value of the wrong kind cannot be read. One item needs no brackets, but a list never replaces a
text. A key without a value is an error.

Bad:
    extension:
      act: [Action]
      cat: {from: {field: Operation}}
Good:
    extension:
      act: {from: Action}
      cat: {from: [Operation, Type]}
""",
    codes.LOOKS_LIKE_TEST: """\
Other programs' syntax for conditions is not supported: it would be compared as text.

`!shop`, `<4`, `>=7`, `7..9` and `/^kube-/` would silently match no event. Use `not`, `min`, `max`
and globs. Write a literal text of this form as `{text: …}`.

Bad:
    keep_events: [{event.kind: alert, Severity: ">=7"}]
    drop_events: [{event.kind: log, NamespaceName: ["!shop", "/^kube-/"]}]
Good:
    keep_events: [{event.kind: alert, Severity: {min: 7}}]
    drop_events: [{event.kind: log, NamespaceName: [{not: shop}, "kube-*"]}]
""",
    codes.TWICE: """\
A key, or a row of a table, appears once.

YAML would silently keep only the last one. Write two rules for one key as a list. Rows of a table
are compared without regard to case.

Bad:
    extension:
      act: {from: Action}
      act: {value: none}
      cat: {from: Operation}
      cat: {from: Operation}
Good:
    extension:
      act:
        - {from: Action}
        - {value: none}
      cat: {from: Operation}
""",
    codes.BAD_TABLE: """\
The file of a table is readable and has two columns: a text, and its value.

The path is relative to the mapping. The file is CSV in UTF-8, without a header. A text with a comma
needs quotes. Values of the first column are unique.

Bad:
    extension:
      KubeArmorTeam: {from: NamespaceName, table: {file: no-such-file.csv}}
Good:
    extension:
      KubeArmorTeam: {from: NamespaceName, table: {shop: retail}}
""",
    codes.UNSET_VARIABLE: """\
An environment variable that the mapping uses is set, or has a default.

An empty cluster or vendor would look intended. `${NAME:-text}` sets a default; `$${` is a literal
`${`.

Bad:
    cluster: ${CEF_BRIDGE_NOT_SET}
Good:
    cluster: ${CEF_BRIDGE_NOT_SET:-lab}
""",
    codes.UNREADABLE: """\
A mapping, and the one that it extends, exists and is UTF-8 text of at most 1 MiB.

A name with a slash, or one that ends in .yaml, is a path, relative to the file that contains it.
Any other name is a shipped mapping (`cef-bridge mapping list`). For acme.yaml write ./acme.yaml.

Bad:
    extends: ./no-such-file.yaml
Good:
    extends: splunk
""",
    codes.CIRCLE: """\
Mappings do not extend each other in a circle.

Each would need the other one's rules first. Put what both need into a third mapping that both
extend.

Bad:
    # bad.yaml
    mapping: bad
    extends: ./other.yaml
    # other.yaml
    mapping: other
    extends: ./bad.yaml
Good:
    # good.yaml
    mapping: good
    extends: ./other.yaml
    # other.yaml
    mapping: other
    extends: splunk
""",
    codes.OTHER_FORMAT: """\
A mapping extends one of its own format.

CEF and LEEF have different keys, so the rules of one make no sense in the other.

Bad:
    extends: qradar-leef
    format: cef
Good:
    extends: qradar-leef
    format: leef
""",
    codes.NOT_YAML: """\
A mapping is YAML.

The message says what YAML found, and what is usually meant: a TAB in the indentation, a quote
without its end, or a colon, star or bracket that needs quotes.

Bad:
    drop_fields: ["Cwd]
Good:
    drop_fields: ["Cwd"]
""",
    codes.TAG: """\
A mapping has no YAML tags.

Other programs run code by tags. Here every value is a text, so no tag is needed.

Bad:
    cluster: !!str 12
Good:
    cluster: 12
""",
    codes.YAML_FEATURE: """\
Merge keys (`<<`), second documents and aliases without an anchor are refused.

A mapping shows everything that it contains. Rules are inherited with `extends`. A text that begins
with a star or an ampersand needs quotes.

Bad:
    drop_fields: [*Hash]
Good:
    drop_fields: ["*Hash"]
""",
    codes.TOO_BIG: """\
A mapping is at most 32 levels deep and has at most 200,000 parts, aliases counted each time.

No mapping needs that much. A larger file could fill the memory.

Bad:
    drop_fields: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[Cwd]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
Good:
    drop_fields: [Cwd]
""",
    codes.MISSING: """\
A mapping needs a name; an example needs an event and the expected output.

Tables and messages show the name. It also says which receiver the mapping is for.

Bad:
    examples:
      - event: {Type: MatchedPolicy, Operation: File, Action: Block}
Good:
    examples:
      - event: {Type: MatchedPolicy, Operation: File, Action: Block}
        expect: {externalId: null}
""",
    codes.SLOTS_DISAGREE: """\
In all mappings of a run, a label or a custom key has the same meaning.

One SIEM often gets events by several mappings. When `Team` is cs1 in one and cs2 in the other, or
cs1 is `Team` here and `Zone` there, a search by key finds only half of them. This is reported when
both are checked in one run. Shipped mappings are ignored.

Bad:
    # bad.yaml
    mapping: bad
    extension: {cs1: {from: Labels.team, label: Team}}
    # other.yaml
    mapping: other
    extension: {cs2: {from: Labels.team, label: Team}}
Good:
    # good.yaml
    mapping: good
    extension: {cs1: {from: Labels.team, label: Team}}
    # other.yaml
    mapping: other
    extension: {cs1: {from: Labels.team, label: Team}}
""",
    codes.EXCUSE_UNREASONED: """\
A suppression has a reason.

`# lint-ok CODE reason` at the end of a line, or alone above it, suppresses the warnings of that
code on that line. The reason shows later that someone checked them.

Bad:
    extends: splunk
    extension:
      cs2: {from: NamespaceName, label: Namespace} # lint-ok M033
Good:
    extends: splunk
    extension:
      cs2: {from: NamespaceName, label: Namespace} # lint-ok M033 our dashboards are older
""",
    codes.EXCUSE_UNKNOWN: """\
A suppression names an existing code.

Codes are `M` and three digits, several with spaces between; the reason is what follows.
`cef-bridge mapping explain-rule` lists them.

Bad:
    extends: splunk # lint-ok M999 we know
Good:
    extends: splunk
    # lint-ok M048 the collector counts events itself
    extension: {externalId: null}
""",
    codes.EXCUSE_OF_ERROR: """\
Only warnings can be suppressed.

An error makes a mapping unusable, so a comment cannot suppress it.

Bad:
    extension:
      cs2: {from: NamespaceName} # lint-ok M003 no label needed
Good:
    extension:
      cs2: {from: NamespaceName, label: K8sNamespace}
""",
    codes.EXCUSE_IDLE: """\
A suppression matches a problem.

A suppression that remains after a change would hide the next problem of that line.

Bad:
    extends: splunk
    extension:
      cs2: {from: NamespaceName, label: K8sNamespace} # lint-ok M033 our dashboards are older
Good:
    extends: splunk
    extension:
      cs2: {from: NamespaceName, label: Namespace} # lint-ok M033 our dashboards are older
""",
    codes.BAD_NAME: """\
A name of a custom slot can be the name of a field: letters, digits and underscores.

With `slot: auto` the key's name becomes the label, and receivers use it as a field's name. A CEF
key or the name of a custom key is not allowed.

Bad:
    extension:
      Cost-centre: {from: Labels.cost, slot: auto}
Good:
    extension:
      CostCentre: {from: Labels.cost, slot: auto}
""",
    codes.NO_SLOT_HERE: """\
Slots by name are for keys of the extension in CEF.

LEEF takes any name as it is, and the header's fields are fixed.

Bad:
    extends: qradar-leef
    extension:
      team: {from: Labels.team, slot: auto}
Good:
    extends: qradar-leef
    extension:
      team: {from: Labels.team}
""",
    codes.NO_FREE_SLOT: """\
A name gets a slot that nothing else has: of cs1 to cs6, flexString1 and flexString2 for texts.

The shipped mappings use all of these. Take one out that you do not need, or give the key a name of
your own that begins with KubeArmor; it needs no slot.

Bad:
    extends: splunk
    extension:
      Team: {from: Labels.team, slot: auto}
Good:
    extends: splunk
    extension:
      flexString2: null
      Team: {from: Labels.team, slot: auto}
""",
    codes.KEPT_SLOT: """\
A slot that is kept for a name is not used for something else.

The slots file beside a mapping has the slot of each name. Dashboards look for the name there, even
while its rule is missing.

Bad:
    # bad.yaml
    mapping: bad
    extension: {cs1: {from: HostName, label: Node}}
    # bad.slots.yaml
    Team: cs1
Good:
    # good.yaml
    mapping: good
    extension: {cs2: {from: HostName, label: Node}}
    # good.slots.yaml
    Team: cs1
""",
    codes.BAD_SLOTS_FILE: """\
A slots file has a line for each name, with a custom slot that no other name has.

cef-bridge writes this file. A merge in version control may have left the lines of two branches in
it.

Bad:
    # bad.yaml
    mapping: bad
    extension: {Team: {from: Labels.team, slot: auto}}
    # bad.slots.yaml
    Team: cs1
    Zone: cs1
Good:
    # good.yaml
    mapping: good
    extension: {Team: {from: Labels.team, slot: auto}}
    # good.slots.yaml
    Team: cs1
    Zone: cs2
""",
    codes.SLOTS_NOT_WRITTEN: """\
The slot of a new name is saved beside the mapping before it is used.

Otherwise the next version could assign another one. Run a command such as `mapping lint` where the
mapping's folder is writable. Then copy both files to where it is not.

Bad:
    # bad.yaml, in a folder that cannot be written to, without bad.slots.yaml
    mapping: bad
    extension: {Team: {from: Labels.team, slot: auto}}
Good:
    # good.yaml
    mapping: good
    extension: {Team: {from: Labels.team, slot: auto}}
    # good.slots.yaml
    Team: cs1
""",
    codes.TEXT_IN_NUMBER_SLOT: """\
A name that is kept in a number slot is a number.

Only whole numbers are written to cn1, cn2 and cn3; texts are left out.

Bad:
    # bad.yaml
    mapping: bad
    extension: {Team: {from: Labels.team, slot: auto}}
    # bad.slots.yaml
    Team: cn1
Good:
    # good.yaml
    mapping: good
    extension: {Team: {from: Labels.team, slot: auto}}
    # good.slots.yaml
    Team: cs1
""",
}
