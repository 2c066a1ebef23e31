"""A topic of Kafka as a destination: the producer's reports are the receipts.

A message is confirmed when all replicas in sync have it (`acks=all`), and not before. The producer
is idempotent, so that what it sends again by itself is stored once; what this program sends again
after a crash is stored twice, with the same key.
"""
