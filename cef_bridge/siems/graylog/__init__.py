"""Graylog: what is known of it."""
