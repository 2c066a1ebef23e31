"""Elastic: what is known of it."""
