"""`convert` on several cores, and `convert` that can be resumed.

In come inputs, out go the same bytes in the same order as one process gives. One process reads and
unpacks (`feeder`), cuts the text into pieces where a record seems to begin (`seams`), and forks
workers that convert a piece each (`worker`, `pool`). Whether a piece was cut at the right place is
known only afterwards; what was not is converted again by the reader itself (`run`). Must not know
YAML, formats or the command line.
"""
