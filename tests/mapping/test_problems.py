"""Every problem by a text that has it, and the whole line an operator sees."""

from __future__ import annotations

import pytest

from cef_bridge.errors import MappingError
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.language.transforms import TRANSFORMS
from cef_bridge.mapping.load import load, problems

# What these pieces of mappings lack on purpose, told at their first line.
LACKING = {codes.NO_EVENT_ID.id, codes.NO_EXAMPLES.id}
N = "mapping: m\ncluster: c\n"  # two lines that are right, so the third is the one in question


def lines(folder, monkeypatch, text, **files):
    monkeypatch.chdir(folder)
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "m.yaml").write_bytes(data)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    found = problems("m.yaml", env={"EMPTY": "", "SET": "x"})
    return [str(problem) for problem in found if problem.code not in LACKING]


CASES = {
    # M001 unknown settings
    "setting": (N + "extnsion: {}\n", 'm.yaml:3:1 M001 Unknown setting "extnsion". Did you mean "extension"?'),
    "rule setting": (
        N + "extension:\n  act: {from: Action, labl: x}\n",
        'm.yaml:4:23 M001 Unknown setting "labl". Did you mean "label"?',
    ),
    "rule setting far off": (
        N + "extension:\n  act: {from: Action, colour: x}\n",
        ('m.yaml:4:23 M001 Unknown setting "colour". Expected one of: '
        "from, value, template, when, table, else, via, default, label, slot, max_length, spread, only, max."),
    ),
    "python's name of a setting": (
        N + "extension:\n  act: {from_: Action}\n",
        ('m.yaml:4:3 M012 act has nothing to write. Add "from: FIELD" or "value: TEXT".\n'
        'm.yaml:4:9 M001 Unknown setting "from_". Did you mean "from"?'),
    ),
    "header field": (
        N + "header: {severty: 3}\n",
        'm.yaml:3:10 M001 The header has no "severty". Did you mean "severity"?',
    ),
    # M002 output keys
    "key": (
        N + "extension:\n  dstt: {from: destination.ip}\n",
        'm.yaml:4:3 M002 CEF has no "dstt". Did you mean "dst"?',
    ),
    "key by its full name": (
        N + "extension:\n  destinationAddress: {from: destination.ip}\n",
        'm.yaml:4:3 M002 CEF has no "destinationAddress". Did you mean "dst"?',
    ),
    "key that is nearly another": (
        N + "extension:\n  blueTeam: {value: x}\n  host: {value: x}\n",
        'm.yaml:5:3 M002 CEF has no "host". Did you mean "dhost"?',
    ),
    "leef key": (
        N + "format: leef\nextension:\n  userName: {from: UserName}\n  targetProcess: {from: ProcessName}\n",
        'm.yaml:5:3 M002 LEEF has no "userName". Did you mean "usrName"?',
    ),
    "shed key": (
        N + "envelope: {truncate_first: [KubeArmorLabels, filPath]}\n",
        (
            'm.yaml:3:46 M002 CEF has no "filPath". Did you mean "filePath"?\n'
            'm.yaml:3:46 M052 Nothing writes "filPath". Remove it.'
        ),
    ),
    # M003, M004, M026 labels
    "no label": (
        N + "extension:\n  cs2: {from: NamespaceName}\n",
        'm.yaml:4:3 M003 cs2 has no label. Add "label: K8sNamespace".',
    ),
    "no label, a number": (
        N + "extension:\n  cn3:\n    - {from: data.fd}\n    - {value: 3}\n",
        ('m.yaml:5:7 M003 cn3 has no label. Add "label: DataFd".\n'
        'm.yaml:6:7 M003 cn3 has no label. Add "label: TEXT".'),
    ),
    "label on act": (
        N + "extension:\n  act: {from: Action, label: Action}\n",
        "m.yaml:4:23 M004 act takes no label. Remove it.",
    ),
    "label in the header": (
        N + "header: {name: {from: event.name, label: x}}\n",
        "m.yaml:3:35 M004 name takes no label. Remove it.",
    ),
    "label as a key": (
        N + "extension:\n  cs1Label: {value: x}\n",
        'm.yaml:4:3 M004 cs1Label is written with cs1. Add "label: TEXT" to the rule of cs1.',
    ),
    "one label, two keys": (
        N + "extension:\n  cs1: {from: PolicyName, label: A}\n  cs2: {from: PodName, label: A}\n",
        'm.yaml:5:24 M026 cs1 has the label "A" already. Choose another one for cs2.',
    ),
    "one key, two labels": (
        N + "extension:\n  cs1: [{from: PolicyName, label: A}, {value: x, label: B}]\n",
        'm.yaml:4:50 M026 cs1 has the label "A" already. Keep one.',
    ),
    # M005 kinds
    "list for a text": (
        N + "unmapped: [keep]\n",
        "m.yaml:3:11 M005 Expected a text. Found a list.",
    ),
    "mapping for a text": (
        N + "drop: [{a: b}]\n",
        "m.yaml:3:8 M005 Expected a text. Found a mapping.",
    ),
    "list for a number": (
        N + "envelope: {max_bytes: [1]}\n",
        "m.yaml:3:23 M005 Expected a number. Found a list.",
    ),
    "text for a section": (
        N + "extension: no\n",
        'm.yaml:3:12 M005 Expected settings such as "key: value". Found the text "no".',
    ),
    "list for an envelope": (
        N + "envelope: [lf]\n",
        'm.yaml:3:11 M005 Expected settings such as "syslog_header: …" or "facility: …". Found a list.',
    ),
    "list for a rule": (
        N + "extension:\n  act: [[x]]\n",
        "m.yaml:4:9 M005 Expected a rule such as {from: NamespaceName}. Found a list.",
    ),
    "text for conditions": (
        N + "drop_events: [kube-system]\n",
        'm.yaml:3:15 M005 Expected conditions such as {Operation: File}. Found the text "kube-system".',
    ),
    "mapping for a value": (
        N + "drop_events: [{Operation: {is: integer, not: File}}]\n",
        "m.yaml:3:27 M005 Expected one form, such as {is: ipv4}, {not: shop} or {min: 7}. Found a mapping.",
    ),
    "null for a value": (
        N + "drop_events: [{Operation: null}]\n",
        "m.yaml:3:27 M005 Empty value. For an absent field write {is: absent}.",
    ),
    "no rules": (
        N + "extension:\n  act: []\n",
        "m.yaml:4:8 M005 act has no rule. Write one, or null to remove the key.",
    ),
    "empty setting of a rule": (
        N + "extension:\n  act: {from: Action, default: }\n",
        'm.yaml:4:23 M005 "default" has no value. Write one, or remove the line.',
    ),
    "empty item": (
        N + "drop:\n  - Cwd\n  -\n",
        'm.yaml:5:4 M005 A value is missing here. Write one; "" is an empty text.',
    ),
    "list on top": (
        "- mapping: m\n",
        'm.yaml:1:1 M005 A mapping begins with settings such as "mapping: NAME". Found a list.',
    ),
    "text on top": (
        "mapping\n",
        'm.yaml:1:1 M005 A mapping begins with settings such as "mapping: NAME". Found the text "mapping".',
    ),
    "list as a key": (N + "[a]: b\n", "m.yaml:3:1 M005 A key must be a text."),
    # M006 values
    "format": (
        N + "format: cfe\n",
        'm.yaml:3:9 M006 Invalid value "cfe". Expected one of: cef, leef.',
    ),
    "choice": (
        N + "envelope: {syslog_header: rfc5242}\n",
        'm.yaml:3:27 M006 Invalid value "rfc5242". Did you mean "rfc5424"?',
    ),
    "small": (
        N + "envelope: {max_bytes: 511}\n",
        'm.yaml:3:23 M006 Invalid value "511". Expected a whole number of 512 or more.',
    ),
    "no number": (
        N + "envelope: {max_bytes: 8k}\n",
        'm.yaml:3:23 M006 Invalid value "8k". Expected a whole number of 512 or more.',
    ),
    "range": (
        N + "extension:\n  KubeArmorLabel: {spread: Labels, max: 65}\n",
        'm.yaml:4:41 M006 Invalid value "65". Expected a whole number from 1 to 64.',
    ),
    "truth": (
        N + "envelope: {sequence: maybe}\n",
        'm.yaml:3:22 M006 Invalid value "maybe". Expected true or false.',
    ),
    "facility": (
        N + "envelope: {facility: locl0}\n",
        'm.yaml:3:22 M006 "locl0" is no syslog facility. Did you mean "local0"?',
    ),
    "delimiter": (
        N + 'format: leef\nenvelope: {delimiter: "="}\n',
        'm.yaml:4:23 M006 "=" cannot part LEEF attributes. Use x09 or one of: " # $ % & \' * , ; ? @ ^ ` ~',
    ),
    "terminal escape in a delimiter": (
        N + 'format: leef\nenvelope: {delimiter: "\\e[2J\\n"}\n',
        'm.yaml:4:23 M006 "\\u001b[2J\\u000a" cannot part LEEF attributes. Use x09 or one of: " # $ % & \' * , ; ? @ ^ ` ~',
    ),
    "break up": (
        N + "envelope: {defang: [C]}\n",
        'm.yaml:3:21 M006 "C" cannot be broken up. A text under defang has two characters or more and none of <!>.',
    ),
    "severity": (
        N + "severity: [{value: high}]\n",
        'm.yaml:3:13 M006 "high" is no severity. Expected a whole number, 1 to 10.',
    ),
    "severity of itself": (
        N + "severity: [{from: event.severity}]\n",
        "m.yaml:3:12 M006 event.severity is what this table makes. Read Severity instead.",
    ),
    "severity that asks for itself": (
        N + 'severity: [{value: 9, when: {event.severity: ["5"]}}]\n',
        "m.yaml:3:30 M006 event.severity is what this table makes. Read Severity instead.",
    ),
    "condition in a text": (
        N + "drop_events: [{event.kind: log, NamespaceName: '!shop'}]\n",
        'm.yaml:3:48 M072 "!shop" looks like a condition, and would be compared as a text. Write {not: shop}, or for this very text {text: "!shop"}.',
    ),
    "misspelt form": (
        N + "drop_events: [{event.kind: log, NamespaceName: {nott: shop}}]\n",
        'm.yaml:3:49 M001 "nott" is no form of a condition. Did you mean "not"?',
    ),
    "bound that is no number": (
        N + "drop_events: [{event.kind: log, Severity: {min: seven}}]\n",
        'm.yaml:3:49 M006 Invalid value "seven". Expected a number, such as 7 or -0.5.',
    ),
    "condition in a table": (
        N + "extension: {KubeArmorX: {from: Severity, table: {'>=7': high}, else: low}}\n",
        'm.yaml:3:42 M074 The row ">=7" is compared as a text. Use rules with "when", or "else" for all others.',
    ),
    "no alerts kept": (
        N + "keep_events: [{event.kind: log}]\n",
        "m.yaml:3:16 M073 This keeps no alert. Add an item such as {event.kind: alert}.",
    ),
    "severity of some events only": (
        N + "severity: [{value: 9, when: {event.kind: alert}}]\n",
        "m.yaml:3:1 M070 Some events meet no rule, and get 5: log.container.process.exec.passed and 205 other kinds of events. Add a rule without when at the end, such as {value: 3}.",
    ),
    "key that repeats the header": (
        "mapping: m\ncluster: c\nextends: splunk\nextension: {KubeArmorSeverity: 3}\nexamples: [{event: {a: b}, expect: {}}]\n",
        "m.yaml:4:13 M071 KubeArmorSeverity repeats the header's severity, and would say something else. Remove this rule, and change severity.",
    ),
    "class": (
        N + "drop_events: [{HostIP: {is: ipv5}}]\n",
        'm.yaml:3:29 M006 Invalid value "ipv5". Did you mean "ipv4"?',
    ),
    "two parents": (
        N + "extends: [m.yaml, b.yaml]\n",
        ("m.yaml:3:11 M017 This extends itself. Remove one extends.\n"
        "m.yaml:3:19 M006 A mapping extends one other. Remove this one."),
    ),
    "empty name": ('mapping: ""\ncluster: c\n', 'm.yaml:1:10 M006 Invalid value "". Expected a text that is not empty.'),
    # M007 twice
    "key twice": (
        N + "extension:\n  act: x\n  act: y\n",
        'm.yaml:5:3 M007 Duplicate "act". Remove one, or make it a list.',
    ),
    "row twice": (
        N + "extension:\n  outcome: {from: Result, table: {Passed: a, passed: b}}\n",
        'm.yaml:4:46 M007 Duplicate "passed": case is ignored. Remove one.',
    ),
    # M008, M009 fields
    "field": (
        N + "extension:\n  act: {from: [Action, Acton]}\n",
        'm.yaml:4:24 M008 No event has a field "Acton". Did you mean "Action"?',
    ),
    "field in when": (
        N + "extension:\n  act: {from: Action, when: {operation: File}}\n",
        'm.yaml:4:30 M008 No event has a field "operation". Did you mean "Operation"?',
    ),
    "derived field": (
        N + "extension:\n  act: {from: event.colour}\n",
        'm.yaml:4:15 M008 No event has a field "event.colour". See "cef-bridge mapping fields" for all of them.',
    ),
    "label's case": (
        N + "extension:\n  KubeArmorApp: {from: labels.app}\n",
        'm.yaml:4:24 M008 No event has a field "labels.app". Did you mean "Labels.app"?',
    ),
    "new field": (
        N + "extension:\n  KubeArmorZone: {from: AvailabilityZone}\n",
        'm.yaml:4:25 M009 "AvailabilityZone" is no field that this version knows. Check that events have it.',
    ),
    "glob of no field": (
        N + 'drop_fields: ["Nothing*", "Owner.*", "EventData.*", "Labels.app", Owner]\n',
        'm.yaml:3:15 M009 "Nothing*" is no field that this version knows. Check that events have it.',
    ),
    # M010, M011
    "transform": (
        N + "extension:\n  fname: {from: file.path, via: [lower, basenam]}\n",
        'm.yaml:4:41 M010 There is no transform "basenam". Did you mean "basename"?',
    ),
    "filter": (N + "filters: soc_lan\n", 'm.yaml:3:10 M011 There is no filter "soc_lan". Did you mean "soc_lean"?'),
    # M012, M013
    "no source": (
        N + "extension:\n  act: {when: {Operation: File}}\n",
        'm.yaml:4:3 M012 act has nothing to write. Add "from: FIELD" or "value: TEXT".',
    ),
    "two sources": (
        N + "extension:\n  act: {value: x, from: Action}\n",
        'm.yaml:4:19 M012 act has "value" and "from" in one rule. Keep one.',
    ),
    "else alone": (
        N + "extension:\n  outcome: {from: Result, else: failure}\n",
        'm.yaml:4:27 M013 "else" does nothing without "table". Add that, or remove this.',
    ),
    "only alone": (
        N + "extension:\n  act: {from: Action, only: x, max: 3}\n",
        ('m.yaml:4:23 M013 "only" does nothing without "spread". Add that, or remove this.\n'
        'm.yaml:4:32 M013 "max" does nothing without "spread". Add that, or remove this.'),
    ),
    "via beside value": (
        N + "extension:\n  act: {value: X, via: lower}\n",
        'm.yaml:4:19 M013 "via" does nothing beside "value". Remove it.',
    ),
    # M014 tables
    "no table": (
        N + "extension:\n  act: {from: Action, table: {file: no.csv}}\n",
        "m.yaml:4:37 M014 The table no.csv cannot be read: No such file or directory.",
    ),
    "table that is a folder": (
        N + "extension:\n  act: {from: Action, table: {file: ..}}\n",
        "m.yaml:4:37 M014 The table .. cannot be read: Is a directory.",
    ),
    "null character": (
        N + 'extension:\n  act: {from: Action, table: {file: "a\\0b"}}\n',
        "m.yaml:4:37 M014 The table a\\u0000b cannot be read: this is no path.",
    ),
    # M015 variables
    "unset": (
        "mapping: m\ncluster: ${NO}\n",
        "m.yaml:2:10 M015 The environment variable NO is not set. Set it, or write ${NO:-default}.",
    ),
    "no variable": (
        "mapping: m\ncluster: a ${no-pe}\n",
        'm.yaml:2:10 M015 Invalid variable "${no-pe}". Write ${NAME}, ${NAME:-default} or $${.',
    ),
    "unset in the header": (
        N + "header: {device_version: {value: '${NO}'}}\n",
        "m.yaml:3:34 M015 The environment variable NO is not set. Set it, or write ${NO:-default}.",
    ),
    # M016 files
    "empty": ("", 'm.yaml:1:1 M016 The file is empty. Begin with "mapping: NAME".'),
    "comments": ("# x\n---\n", 'm.yaml:1:1 M016 The file is empty. Begin with "mapping: NAME".'),
    "latin 1": (b"mapping: m\n# caf\xe9\n", "m.yaml:2:6 M016 This is no UTF-8. Save the file as UTF-8."),
    "utf-16": ("mapping: m".encode("utf-16"), "m.yaml:1:1 M016 This is no UTF-8. Save the file as UTF-8."),
    "large": (b"#" * (1 << 20) + b"#", "m.yaml:1:1 M016 m.yaml cannot be read: it is larger than 1 MiB."),
    "no parent": (
        N + "extends: splnk.yaml\n",
        "m.yaml:3:10 M016 splnk.yaml cannot be read: No such file or directory.",
    ),
    # M017, M018
    "extends itself": (N + "extends: ./m.yaml\n", "m.yaml:3:10 M017 This extends itself. Remove one extends."),
    # M019 YAML
    "colon": (
        "mapping: m: n\n",
        'm.yaml:1:11 M019 A second ": " on one line. Put the text in quotes, or begin a new line.',
    ),
    "tab": (
        "mapping: m\n\tcluster: c\n",
        "m.yaml:2:1 M019 A tab instead of spaces. Indent with spaces.",
    ),
    "quote": ("mapping: m\ncluster: 'c\n", "m.yaml:2:10 M019 A quoted text begins here and never ends. Add the quote."),
    "at": ("mapping: @m\n", 'm.yaml:1:10 M019 A text cannot begin with "@". Put it in quotes.'),
    "bracket": (
        N + "drop: [Cwd\nunmapped: keep\n",
        "m.yaml:4:9 M019 A list in [ ] is not closed before this. Add , or ].",
    ),
    "brace": (
        N + "envelope: {framing: lf\nunmapped: keep\n",
        "m.yaml:4:9 M019 A mapping in { } is not closed before this. Add , or }.",
    ),
    "indentation": (
        "mapping: m\nextension:\n  act: x\n cat: y\n",
        "m.yaml:4:2 M019 This does not fit the lines before it. Line up keys; nothing may follow a quoted text.",
    ),
    "no list": (
        "- a\nb: c\n",
        'm.yaml:2:1 M019 This does not fit into the list before it. Begin with "- ", or indent.',
    ),
    "escape": (
        'mapping: "\\q"\n',
        "m.yaml:1:11 M019 There is no such escape in double quotes. Write \\\\ for a backslash, or single quotes.",
    ),
    "star": (
        N + "drop: [*]\n",
        "m.yaml:3:9 M019 After & and * comes a name. For a text that begins with one of them, use quotes.",
    ),
    "value": ("mapping: }\n", "m.yaml:1:10 M019 A value is missing, or a bracket or comma is out of place."),
    "block": ("mapping: |m\n", "m.yaml:1:11 M019 After | and > the text begins on the next line."),
    "directive": ("%x\n---\nmapping: m\n", "m.yaml:1:3 M019 Lines that begin with % are not read. Remove this one."),
    "control": (b"mapping: m\x1b[2J\n", "m.yaml:1:11 M019 YAML does not allow the character U+001B. Remove it."),
    # M020, M021, M022
    "tag": (N + "drop: !!python/object:os.system [Cwd]\n", "m.yaml:3:7 M020 The tag !!python/object:os.system is not read. Remove it."),
    "own tag": ("mapping: !x m\ncluster: c\n", "m.yaml:1:10 M020 The tag !x is not read. Remove it."),
    "merge key": (
        N + "envelope: {<<: {framing: lf}}\n",
        "m.yaml:3:12 M021 The merge key << is not read. Write the settings out, or use extends.",
    ),
    "two documents": (N + "---\nmapping: n\n", "m.yaml:3:1 M021 A second document begins. Keep one a file."),
    "no anchor": (
        N + "drop: [*wd]\n",
        'm.yaml:3:8 M021 *wd points to no &wd before it. For a text that begins with a star, use quotes: "*wd".',
    ),
    "alias of itself": (
        N + "envelope: &e {framing: *e}\n",
        'm.yaml:3:24 M021 *e points to no &e before it. For a text that begins with a star, use quotes: "*e".',
    ),
    "deep": (
        "mapping: " + "[" * 40 + "]" * 40 + "\n",
        "m.yaml:1:41 M022 This is nested more than 32 deep. Write it flatter.",
    ),
    # M023, M024, M025
    "no name": ("cluster: c\n", 'm.yaml:1:1 M023 "mapping" is missing. Add "mapping: NAME".'),
    "no event": (N + "examples: [{expect: {act: x}}]\n", 'm.yaml:3:12 M023 "event" is missing. Add "event: …".'),
    "characters": (
        N + "extension:\n  KubeArmor_Team: {value: x}\n",
        'm.yaml:4:3 M024 "KubeArmor_Team" cannot be a key. Use letters and digits only.',
    ),
    "leef characters": (
        N + "format: leef\nextension:\n  my team: {value: x}\n",
        'm.yaml:5:3 M024 "my team" cannot be a key. Use letters, digits and _.- only.',
    ),
    "terminal escape in a key": (
        N + 'extension:\n  "\\e[2J": x\n',
        'm.yaml:4:3 M024 "\\u001b[2J" cannot be a key. Use letters and digits only.',
    ),
    "spread of a text": (
        N + "extension:\n  KubeArmorPod: {spread: PodName}\n",
        'm.yaml:4:26 M025 "PodName" is no map. Spread Labels or EventData.',
    ),
    "spread under a key of CEF": (
        N + "extension:\n  act: {spread: Labels}\n",
        "m.yaml:4:9 M025 act takes one value. Spread under a key such as KubeArmorLabel.",
    ),
    "spread in the header": (
        N + "header: {name: {spread: Labels}}\n",
        "m.yaml:3:17 M025 name takes one value. Use from.",
    ),
    # M027 to M032
    "unreachable": (
        N + "extension:\n  act: [none, {from: Action}]\n",
        "m.yaml:4:15 M027 The rule before this one always has a value. Change the order, or add when.",
    ),
    "asks for more than one before": (
        N + "extension:\n  act: [{from: Action}, {from: Action, when: {event.kind: alert}}]\n",
        "m.yaml:4:25 M027 A rule before this one writes the same, and asks for less. Remove one of them.",
    ),
    "nothing to remove": (N + "extension: {cs6: null}\n", "m.yaml:3:13 M028 No parent writes cs6. Remove this line."),
    "no cluster": (
        "mapping: m\n",
        'm.yaml:1:1 M029 The cluster has no name, and all are "default". Add "cluster: ${CLUSTER}".',
    ),
    "receiver's key": (
        N + "extension: {ahost: {from: HostName}}\n",
        "m.yaml:3:13 M030 ahost is filled by the receiver (Connector's host name). Use another key.",
    ),
    "drops all": (N + "drop_events: [{}]\n", "m.yaml:3:15 M031 Without a condition every event is dropped. Add one."),
    "never holds": (
        N + "drop_events: [{Operation: []}]\n",
        'm.yaml:3:16 M031 "Operation" has no value to compare with, so it never holds. Add one.',
    ),
    "never equal": (
        N + "drop_events: [{event.kind: [log, logs]}]\n",
        'm.yaml:3:16 M032 event.kind is never "logs". Did you mean "log"?',
    ),
    # M033
    "another label than the parent's": (
        N + "extends: splunk\nextension:\n  cs2: {from: NamespaceName, label: Namespace}\n",
        'm.yaml:5:30 M033 cs2 is "K8sNamespace" in the mapping that this extends, and what was built on that does not find "Namespace". Keep the label.',
    ),
    # M034
    "a label with a space": (
        N + "extension:\n  cs2: {from: NamespaceName, label: K8s namespace}\n",
        'm.yaml:4:30 M034 "K8s namespace" becomes the name of a field: letters, digits and _ only. Write "K8sNamespace".',
    ),
    "a label that no name can be made of": (
        N + "extension:\n  cs2: {from: NamespaceName, label: '7'}\n",
        'm.yaml:4:30 M034 "7" becomes the name of a field: letters, digits and _ only.',
    ),
    "the standard's label for Graylog": (
        N + "extends: graylog\nextension:\n  c6a1: {from: local.ip, label: Device IPv6 Address}\n",
        'm.yaml:5:26 M034 "Device IPv6 Address" becomes the name of a field: letters, digits and _ only. Write "DeviceIPv6Address".',
    ),
    # M035
    "a text for a port": (
        N + "extension:\n  dpt: {from: destination.port, default: none}\n",
        'm.yaml:4:33 M035 dpt is "none". Expected an integer below 2147483648. Choose another text.',
    ),
    "a port that is none": (
        N + "extension:\n  dpt: 65536\n",
        "m.yaml:4:8 M035 dpt is 65536. Expected a port, 0 to 65535. Choose another text.",
    ),
    "a constant that is too long": (
        N + "extension:\n  app: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
        "m.yaml:4:8 M035 app has 32 characters. Expected 31 at most. Choose another text.",
    ),
    "a field's name for an address": (
        N + "extension:\n  dst: data.DestinationIP\n",
        'm.yaml:4:8 M035 dst is "data.DestinationIP". Expected an IPv4 address. Write {from: data.DestinationIP} for the field.',
    ),
    "a table of words for a number": (
        N + "extension:\n  deviceDirection: {from: network.direction, table: {inbound: in, outbound: 1}, else: x}\n",
        ('m.yaml:4:46 M035 deviceDirection is "in". Expected an integer below 2147483648. Choose another text.\n'
        'm.yaml:4:81 M035 deviceDirection is "x". Expected an integer below 2147483648. Choose another text.'),
    ),
    "a table of words only for a number": (
        N + "extension:\n  fsize: {from: Operation, table: {a: x, b: 1, c: y, d: x, e: z}}\n",
        'm.yaml:4:28 M035 fsize is "x". Expected an integer below 2147483648. Choose another text. 2 other texts of this table do not fit either.',
    ),
    "a header's text that is too long": (
        N + "header: {device_version: 11111111111111111111111111111111}\n",
        "m.yaml:3:26 M035 device_version has 32 characters. Expected 31 at most.",
    ),
    "a label that is too long": (
        N + "extension:\n  flexString1: {from: Cwd, label: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}\n",
        "m.yaml:4:28 M035 flexString1Label has 129 characters. Expected 128 at most.",
    ),
    # M036
    "a name for a number": (
        N + "extension:\n  cn1: {from: PodName, label: Pod}\n",
        "m.yaml:4:9 M036 cn1 takes whole numbers, and PodName never holds one, so it is never written. Use another field or key.",
    ),
    "a time in words": (
        N + "extension:\n  rt: {from: UpdatedTime}\n",
        "m.yaml:4:8 M036 rt takes epoch milliseconds, and UpdatedTime never holds one, so it is never written. Use another field or key.",
    ),
    "milliseconds in 32 bits": (
        N + "extension:\n  cnt: {from: event.time}\n",
        "m.yaml:4:9 M036 cnt takes whole numbers below 2,147,483,648, and event.time never holds one, so it is never written. Use another field or key.",
    ),
    "a name for an address": (
        N + "extension:\n  dvc: {from: [HostIP, NamespaceName], when: {HostIP: {is: ipv4}}}\n",
        "m.yaml:4:9 M036 dvc takes IPv4 addresses, and NamespaceName never holds one, so it is never written. Use another field or key.",
    ),
    # M037
    "an id that is cut": (
        N + "extension:\n  act: {from: ContainerID}\n",
        "m.yaml:4:9 M037 act takes 63 characters and ContainerID can have 64: it will be cut. Use a longer key such as cs1, or say max_length: 63 if that is meant.",
    ),
    # M038
    "a length that does nothing": (
        N + "extension:\n  act: {from: Action, max_length: 100}\n",
        "m.yaml:4:23 M038 act takes 63 characters whatever is said here. Lower it, or remove it.",
    ),
    # M039
    "IPv6 peers lost": (
        N + "extension:\n  dst: {from: destination.ip}\n",
        "m.yaml:4:9 M039 dst takes IPv4 only, so an IPv6 destination.ip is lost. Add a c6a2 or c6a3 for it, or set ipv6: direct.",
    ),
    "the slot of IPv6 peers removed": (
        N + "extends: kubearmor-cef\nextension:\n  c6a3: null\n",
        "m.yaml:5:3 M039 Without c6a3 an IPv6 destination.ip is lost. Keep it, or set ipv6: direct.",
    ),
    # M040
    "IPv6 slot for Splunk": (
        N + "extends: splunk\nextension:\n  c6a3: {from: destination.ip, label: PeerIPv6}\n",
        "m.yaml:5:3 M040 Splunk's add-on empties c6a3, and the address is gone. Use src, dst, dvc or a key such as KubeArmorPeer.",
    ),
    # M041
    "a pod as a host": (
        N + "extension:\n  shost: {from: PodName}\n",
        "m.yaml:4:11 M041 Receivers read a host in shost, which PodName is not. Use cs3.",
    ),
    "a pod as a host, LEEF": (
        N + "format: leef\nextension:\n  identHostName: {from: PodName}\n",
        "m.yaml:5:19 M041 Receivers read a host in identHostName, which PodName is not.",
    ),
    # M042
    "whole seconds for SC4S": (
        N + "extends: splunk\nenvelope: {syslog_header: rfc3164}\n",
        'm.yaml:4:12 M042 SC4S throws an rt in milliseconds away and takes the header\'s time, which has a fraction and a zone in RFC 5424 only. Say "syslog_header: rfc5424".',
    ),
    # M043
    "a record's beginning in a value": (
        N + 'extends: splunk\nenvelope:\n  defang: ["CEF:0"]\n',
        'm.yaml:5:3 M043 SC4S takes a CEF:0 or LEEF: in a command line for the record\'s beginning, so that an attacker writes the record. Say defang: ["CEF:0", "LEEF:"].',
    ),
    # M044
    "CEF:1 for QRadar": (
        N + "extends: qradar\nenvelope: {cef_version: 1}\n",
        "m.yaml:4:12 M044 QRadar reads CEF:0 only. Remove cef_version.",
    ),
    # M045
    "RFC 5424 for Graylog": (
        N + "extends: graylog\nenvelope: {syslog_header: rfc5424}\n",
        'm.yaml:4:12 M045 Graylog\'s CEF input misreads host and time of an RFC 5424 header, and before 6.3.0 stored nothing. Say "syslog_header: rfc3164".',
    ),
    "RFC 5424 and more for Sentinel": (
        N + "extends: sentinel\nenvelope: {syslog_header: rfc5424, pipe: keep, facility: authpriv}\n",
        ('m.yaml:4:12 M045 An RFC 5424 header has a program\'s name before CEF, and Sentinel\'s agent then puts the event into the Syslog table. Say "syslog_header: rfc3164".\n'
        'm.yaml:4:36 M045 An older agent of Sentinel takes a pipe in a value for a header field\'s end, and tears the event. Say "pipe: replace".\n'
        "m.yaml:4:48 M045 The system logs under this facility as well, and Sentinel's rules for CEF and for Syslog then both store the event. Choose one of local0 to local7 that nothing else uses."),
    ),
    "no header for QRadar, a log source a node": (
        N + "extends: qradar-leef\nenvelope: {syslog_header: none, hostname: {from: HostName}, framing: octet-counting}\n",
        ('m.yaml:4:12 M045 QRadar takes host and time from the syslog header. Say "syslog_header: rfc3164".\n'
        'm.yaml:4:33 M045 QRadar finds the log source by the header\'s host, and each node would be one to make by hand. Say "hostname: {from: [cluster, ClusterName]}".\n'
        'm.yaml:4:61 M045 QRadar parts messages by line ends, and takes the count for text. Say "framing: lf".'),
    ),
    "nothing to lose for Splunk": (
        N + "extends: splunk\nenvelope: {first: null}\n",
        'm.yaml:4:12 M045 Splunk\'s add-on loses the first key of a message. Say "leading_key: KubeArmorFormat", which may get lost.',
    ),
    # M046
    "the header's repetition removed": (
        N + "extends: splunk\nextension:\n  KubeArmorEventId: null\n",
        "m.yaml:5:3 M046 KubeArmorEventId is not written. Neither SC4S nor the add-on makes fields of the header, so without it no search finds a kind of event.",
    ),
    # M047
    "a message as the name": (
        N + "header: {name: {from: Message}}\n",
        "m.yaml:3:17 M047 Message has unlimited values, and receivers keep a list of the values of name. Write it into the extension, or translate it by a table.",
    ),
    # M050
    "an execution of a file": (
        N + "extension:\n  act: {value: x, when: {event.operation: file, event.verb: exec}}\n",
        'm.yaml:4:49 M050 No kind of event has event.operation: file and event.verb: exec. See "cef-bridge mapping class-ids" for all of them.',
    ),
    "a class id that does not exist": (
        N + 'drop_events: [{event.kind: log, event.class_id: "alert.*"}]\n',
        'm.yaml:3:33 M050 No kind of event has event.kind: log and event.class_id: alert.*. See "cef-bridge mapping class-ids" for all of them.',
    ),
    # M051
    "alerts dropped with the rest": (
        N + "drop_events:\n  - {NamespaceName: kube-system}\n",
        "m.yaml:4:6 M051 This drops alerts too. Add event.kind: log, or event.kind: alert if you mean them.",
    ),
    # M052
    "a key that nothing writes": (
        N + "extends: splunk\nenvelope: {truncate_first: [KubeArmorLabel, cs1Label]}\n",
        ('m.yaml:4:29 M052 Nothing writes "KubeArmorLabel". Did you mean "KubeArmorLabels"?\n'
        'm.yaml:4:45 M052 Nothing writes "cs1Label". Remove it.'),
    ),
    # M081
    "a key of detection rules removed": (
        N + "extends: splunk\nunmapped: drop\nextension: {threatAttackID: null, fname: null}\n",
        'm.yaml:5:13 M081 No key has tags.mitre_ids any longer. Detection rules that need it: audit-only. Write it to another key, or see "cef-bridge content test -m FILE".',
    ),
    "a key of detection rules with another field": (
        N + "extends: qradar-leef\nunmapped: drop\nextension: {policy: {from: HostName}}\n",
        'm.yaml:5:13 M081 No key has PolicyName any longer. Detection rules that need it: default-posture. Write it to another key, or see "cef-bridge content test -m FILE".',
    ),
    # M080
    "a facility for some": (
        N + "extends: sentinel\nenvelope: {facility: [{value: local3, when: {HostName: a}}, {from: Labels.f}]}\n",
        "m.yaml:4:12 M080 An event that no rule is about gets local0. End the list with {value: local4}.",
    ),
    "a facility in a table": (
        N + "envelope: {facility: {from: HostName, table: {a: local1, b: locl2}, default: local3}}\n",
        'm.yaml:3:12 M006 "locl2" is no syslog facility. Did you mean "local2"?',
    ),
    "a time zone": (
        N + "envelope: {time_zone: Europe/Berln}\n",
        'm.yaml:3:23 M006 Unknown time zone "Europe/Berln". Did you mean "Europe/Berlin"?',
    ),
    # M053
    "a setting of LEEF in CEF": (
        N + 'envelope: {delimiter: "^"}\n',
        'm.yaml:3:12 M053 "delimiter" is for LEEF and does nothing here. Remove it.',
    ),
    "settings of CEF in LEEF": (
        N + "format: leef\nheader: {name: x}\nenvelope: {ipv6: direct, leef_version: 1.0, delimiter: ;}\n",
        ("m.yaml:4:10 M053 LEEF's header has no name. Write it into the extension.\n"
        'm.yaml:5:12 M053 "ipv6" is for CEF and does nothing here. Remove it.\n'
        'm.yaml:5:45 M053 LEEF 1.0 always has TAB between attributes. Remove this.'),
    ),
    "ipv6 under CEF:1": (
        N + "envelope: {cef_version: 1, ipv6: direct}\n",
        "m.yaml:3:28 M053 CEF:1 has IPv6 in src, dst and dvc, whatever is said here. Remove it.",
    ),
    # M069
    "a time in seconds": (
        N + "extension: {end: {from: [Timestamp, event.time]}}\n",
        "m.yaml:3:19 M069 end takes milliseconds, and Timestamp has seconds. Use event.time.",
    ),
    # M055
    "an excuse without a reason": (
        N + "extension:\n  act: Action # lint-ok M059\n",
        ('m.yaml:4:8 M059 This writes the text "Action". Write {from: Action} for the field.\n'
        'm.yaml:4:15 M055 This suppression has no reason. Write "# lint-ok M059 why this is right here".'),
    ),
    # M056
    "an excuse of no code": (
        N + "extension:\n  act: Action # lint-ok because\n",
        ('m.yaml:4:8 M059 This writes the text "Action". Write {from: Action} for the field.\n'
        'm.yaml:4:15 M056 This suppression names no code. Write "# lint-ok M033 why this is right here".'),
    ),
    "an excuse of an unknown code": (
        N + "extension:\n  act: Action # lint-ok M0599 we know\n",
        ('m.yaml:4:8 M059 This writes the text "Action". Write {from: Action} for the field.\n'
        'm.yaml:4:15 M056 There is no code "M0599". Did you mean "M059"?'),
    ),
    # M057
    "an excuse of an error": (
        N + "extension:\n  cs2: {from: NamespaceName} # lint-ok M003 no label\n",
        ('m.yaml:4:3 M003 cs2 has no label. Add "label: K8sNamespace".\n'
        'm.yaml:4:30 M057 M003 is an error and cannot be suppressed. Fix it and remove the suppression.'),
    ),
    # M058
    "an excuse of nothing": (
        N + "# lint-ok M059 not any more\ndescription: x\n",
        "m.yaml:3:1 M058 There is no M059 on the line that this suppresses. Remove it.",
    ),
    # M059
    "a field's name as a text": (
        N + "extension:\n  act: Action\n",
        'm.yaml:4:8 M059 This writes the text "Action". Write {from: Action} for the field.',
    ),
    # M060
    "a rule of what is dropped": (
        N + "drop_fields: [Cwd]\nextension:\n  KubeArmorCwd: {from: Cwd}\n",
        "m.yaml:5:18 M060 drop_fields takes Cwd out, so this is never written. Keep one of them.",
    ),
    # M061
    "a label that is a key": (
        N + "extension:\n  cs3: {from: PodName, label: shost}\n",
        'm.yaml:4:24 M061 "shost" is the name of another field, which the label would overwrite. Choose another label.',
    ),
    # M045
    "more bytes than QRadar takes": (
        N + "extends: qradar\nenvelope: {max_bytes: 8192}\n",
        'm.yaml:4:12 M045 QRadar takes 4,096 bytes of a message unless its limit was raised, and cuts the rest off. Say "max_bytes: 4096".',
    ),
    "IPv6 for ArcSight": (
        N + "extends: arcsight\nenvelope: {ipv6: direct}\n",
        'm.yaml:4:12 M045 Under CEF:0 ArcSight takes only IPv4 in src, dst and dvc. Remove ipv6, or say "cef_version: 1".',
    ),
    "more bytes than rsyslog takes": (
        N + "extends: sentinel\nenvelope: {max_bytes: 9000}\n",
        'm.yaml:4:12 M045 rsyslog, before Sentinel\'s agent, takes 8,096 bytes unless its limit was raised, and cuts the rest off. Say "max_bytes: 8000".',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_problem_is_told_with_its_place_and_what_to_do(name, tmp_path, monkeypatch):
    text, expected = CASES[name]
    assert "\n".join(lines(tmp_path, monkeypatch, text)) == expected


def test_every_code_has_a_test():
    told = {line.split()[1] for _, expected in CASES.values() for line in expected.splitlines()}
    # These need two files: test_a_mapping_extends_only_its_own_format, test_lint_across.py. What
    # every piece of a mapping lacks is left out above: test_lint_events.py. Those from M062 on are
    # of slots by name: test_slots.py.
    slots = {f"M{number:03d}" for number in range(62, 69)}
    assert told | {"M018", "M054"} | LACKING | slots == set(codes.CODES)


def test_codes_are_given_once():
    rows = [row for row in vars(codes).values() if isinstance(row, codes.LintRule)]
    assert len({row.id for row in rows}) == len(rows)
    assert {row.id[0] for row in rows} == {"M"}


def test_all_problems_come_in_one_run_in_order_of_place(tmp_path, monkeypatch):
    text = (
        "mapping: m\n"
        "extension:\n"
        "  cs2: {from: NamespceName}\n"
        "  dstt: {from: Action, via: [loud]}\n"
        "envelope: {max_bytes: 1, framing: crlf}\n"
        "colour: red\n"
    )
    assert lines(tmp_path, monkeypatch, text) == [
        'm.yaml:1:1 M029 The cluster has no name, and all are "default". Add "cluster: ${CLUSTER}".',
        'm.yaml:3:3 M003 cs2 has no label. Add "label: NamespceName".',
        'm.yaml:3:15 M008 No event has a field "NamespceName". Did you mean "NamespaceName"?',
        'm.yaml:4:3 M002 CEF has no "dstt". Did you mean "dst"?',
        f'm.yaml:4:30 M010 There is no transform "loud". Expected one of: {", ".join(TRANSFORMS)}.',
        'm.yaml:5:23 M006 Invalid value "1". Expected a whole number of 512 or more.',
        'm.yaml:5:35 M006 Invalid value "crlf". Expected one of: lf, octet-counting.',
        'm.yaml:6:1 M001 Unknown setting "colour". Expected one of: mapping, format, description, extends, cluster, header, severity, extension, unmapped, drop_fields, drop_events, keep_events, filters, envelope, examples.',
    ]


def test_warnings_do_not_stop_a_mapping_and_errors_do(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("mapping: m\nextension: {KubeArmorX: {from: BrandNew}}\n")
    assert [problem.code for problem in problems(path)] == [
        "M029",
        "M048",
        "M049",
        "M009",
    ]
    assert load(path).name == "m"
    path.write_text("mapping: m\nextension: {KubeArmorX: {from: BrandNew, via: no}}\n")
    with pytest.raises(MappingError) as error:
        load(path)
    assert [problem.code for problem in error.value.problems] == ["M010"]


def test_an_alias_bomb_is_refused_before_it_is_read(tmp_path, monkeypatch):
    levels = "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(9)
    )
    found = lines(tmp_path, monkeypatch, "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + levels)
    assert found == [
        "m.yaml:5:4 M022 There are more than 200,000 parts here, aliases counted each time."
    ]


def test_a_hundred_thousand_brackets_do_not_break_the_reader(tmp_path, monkeypatch):
    assert lines(tmp_path, monkeypatch, "[" * 100_000) == [
        "m.yaml:1:33 M022 This is nested more than 32 deep. Write it flatter."
    ]


def test_an_alias_may_stand_for_a_list(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("mapping: m\ncluster: c\ndrop: &d [Cwd, TTY]\nenvelope: {defang: *d}\n")
    assert load(path).envelope.defang == ("Cwd", "TTY")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\nc\n", "t.csv:2:1 M014 Two columns are expected, not 1: what is found, its value."),
        ("a,b,c\n", "t.csv:1:1 M014 Two columns are expected, not 3: what is found, its value."),
        ("a,b\n\nA,c\n", 't.csv:3:1 M007 Duplicate "A", first in line 1. Remove one.'),
        (
            f"a,{'x' * 200_000}\n",
            "t.csv:1:1 M014 This is no CSV: a column is too long, or a quote does not end.",
        ),
    ],
)
def test_a_table_file_is_checked_line_by_line(content, expected, tmp_path, monkeypatch):
    text = N + "extension:\n  act: {from: Action, table: {file: t.csv}}\n"
    assert lines(tmp_path, monkeypatch, text, t_csv=content) == [expected]


def test_a_table_file_that_is_no_utf8_is_told(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_bytes(b"a,b\nc,\xff\n")
    text = N + "extension:\n  act: {from: Action, table: {file: t.csv}}\n"
    assert lines(tmp_path, monkeypatch, text) == [
        "t.csv:2:1 M014 This is no UTF-8. Save the file as UTF-8."
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no.yaml", "no.yaml:1:1 M016 no.yaml cannot be read: No such file or directory."),
        (".", ".:1:1 M016 There is no shipped mapping"),
        ("./", "./:1:1 M016 . cannot be read: Is a directory."),
        (
            "kubearmor-cfe",
            'kubearmor-cfe:1:1 M016 There is no shipped mapping "kubearmor-cfe". Did you mean "kubearmor-cef"?',
        ),
        (
            "acme",
            'acme:1:1 M016 There is no shipped mapping "acme". Did you mean "./acme.yaml"? Name a file of your own with its path.',
        ),
        (
            "splunk-2",
            'splunk-2:1:1 M016 There is no shipped mapping "splunk-2". Did you mean "./splunk-2.yml"? Name a file of your own with its path.',
        ),
        (
            "acne.yaml",
            'acne.yaml:1:1 M016 acne.yaml cannot be read: No such file or directory. Did you mean "acme.yaml"?',
        ),
        ("a\0b", 'M016 There is no shipped mapping "a\\u0000b".'),
        ("a/\0b", "M016 a/\\u0000b cannot be read: this is no path."),
    ],
)
def test_a_name_that_leads_nowhere_is_a_problem(name, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.yaml").write_text(N)
    (tmp_path / "splunk-2.yml").write_text(N)
    with pytest.raises(MappingError) as error:
        load(name)
    assert expected in str(error.value)
