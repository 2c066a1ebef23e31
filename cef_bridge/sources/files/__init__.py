"""Files as sources: archives, which are read once, and files that grow."""
