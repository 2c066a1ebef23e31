"""The forwarder as a whole: its parts put together, its threads started and joined.

In comes a checked config (`config`), out goes an Outcome. Knows no command line.
"""
