"""Mappings: YAML that says which event field goes to which CEF or LEEF key, and its compiler."""
