"""QRadar: what is known of it."""
