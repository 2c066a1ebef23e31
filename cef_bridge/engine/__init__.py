"""Lines through a mapping: by the native engine, or by the reference in Python.

The idea, for this room, `mapping.program` and `engine/` (Rust)::

    mapping.yaml --language--> spec.Mapping --program--> functions: the reference
                                                 |
                                                 +--table--> bytes --native--> the engine's plan
    block of lines --line_loop--> engine: messages, lanes, counts
                          |
                          +-----> lines that it leaves: kubearmor.decode, then the reference

The reference decides what is right, and is written to be read. The engine is the same rules, fast:
it knows no field, verb or key; all facts are in the table (`mapping.program.table`).

Invariants, and what happened without them:

- A line depends on its event alone: nothing of one event is remembered for the next. A cache of
  parts of lines wrote another node's name into alerts.
- Both write the same bytes. Tests compare them over golden, hostile, made-up events and mappings;
  `forward` compares one line in 1,000 and sends what the reference says (`machine`).
- A fact stands in one place, in Python. Rules that were stated twice drifted apart.
- What the engine does not know for certain it leaves, line by line, and that is counted. Nothing
  that a process can choose leaves it, or an attacker could slow a node down.
- The loop over lines is in `line_loop` and nowhere else; a panic in the engine, a fault of the
  reference or a rejected record ends one line, never the stream.
- The meaning of a letter, number or time does not depend on the version of Python (`casing`,
  `kubearmor.clock`, `kubearmor.numbers`), or two nodes would write two lines for one event.

`native` is the only module with ctypes. Knows no files and no queues.
"""
