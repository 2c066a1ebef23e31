"""What a mapping's YAML may say: its types, its reader, and how it is written again."""
