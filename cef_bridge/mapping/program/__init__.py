"""A mapping as functions: one event in, one message out."""
