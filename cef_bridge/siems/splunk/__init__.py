"""Splunk: what is known of it."""
