"""Events through a mapping: by the native engine, or by the reference in Python."""
