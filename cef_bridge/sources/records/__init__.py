"""Bytes cut into what may be a record: lines, elements of arrays, whole documents."""
