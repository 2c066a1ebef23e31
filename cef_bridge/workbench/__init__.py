"""What a mapping does to events, told before it does it: explained, counted, compared.

Everything here asks the compiled mapping that converts; nothing evaluates a rule of its own.
"""
