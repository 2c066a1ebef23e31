"""The lint rules of mappings: one function a rule, whose docstring is its page."""
