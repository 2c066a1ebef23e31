"""Destinations that take messages by HTTP and say what became of each one.

`sender` sends batches and gives each message its fate; `splunk_hec` and `elasticsearch` know what a
server wants and what its answers mean; `client` makes requests. Must not know what is in a message:
what a destination needs of it comes by a function (`sender_context.EventFacts`).
"""
