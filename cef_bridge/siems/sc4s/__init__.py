"""Splunk Connect for Syslog: what is known of it."""
