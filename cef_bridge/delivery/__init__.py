"""A finished message, until the collector has it: queue, framing, transport, receipts.

In come messages as bytes, with the lane they go in; out they go to a collector. Knows nothing of
events, mappings or CEF.
"""
