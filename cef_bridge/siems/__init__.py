"""What is known of each SIEM: one folder a SIEM, and what they share."""
