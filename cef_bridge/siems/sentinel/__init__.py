"""Microsoft Sentinel: what is known of it."""
