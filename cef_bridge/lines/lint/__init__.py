"""What is wrong with CEF and LEEF lines, whoever wrote them: all of it in one run.

In come lines, out come faults with a code and a column. Pure: knows the formats, and neither
mappings nor files. A rule is a row of `codes` and a function whose docstring is its page.
"""
