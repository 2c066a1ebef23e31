"""`convert` by several threads, and `convert` that can be resumed.

In come inputs, out go the same bytes in the same order as one thread gives. One thread reads and
unpacks (`feeder`) and cuts the text into chunks where a record seems to begin (`seams`); others
convert a chunk each (`worker`, `team`), side by side, because the engine does not hold the
interpreter's lock. Whether a chunk was cut at the right place is known only afterwards; what was
not is converted again by the thread that writes (`run`). Must not know YAML, formats or the command
line.
"""
