"""What a mapping's YAML may say: its types, its reader, and how it is written again.

The idea of the mapping language::

    file --nodes--> YAML with places, every scalar a text
         --reader--> MappingFile: typed values of one file, and all its problems
         --lint-----> problems of rules, names, SIEMs (mapping.lint)
         --merge--> spec.Mapping: with everything it extends, parents first
         --program--> functions and the engine's table (mapping.program)

Invariants, and what happened without them:

- A setting is declared once, in `spec`: reader, schema, docs and dump follow the declaration.
- YAML guesses no types here. Plain YAML makes `No` False, `1.10` 1.1 and `10:30` 630.
- All problems come in one run, each with file, line, column, code and what to write instead. A
  parser that stops at the first costs an operator one run a problem.
- A rule of a child replaces the parent's whole; `severity` stands before the parent's, because a
  list that ends too early rated every other event 5.
- In a list the first rule that matches and has a value wins; a table or `else` does nothing where
  the field is absent.
- Names of earlier versions are declared beside today's (`was`) and go on to be read.

Must not know events' bytes, the engine, or how a line is written.
"""
