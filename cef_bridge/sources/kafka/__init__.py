"""Topics of Kafka as a source: a member of a group reads partitions, and commits what is settled.

    broker ──messages──> member.py (a thread) ──arrivals──> kafka.py ──> pipeline ──> queues
              <─offsets── partitions.py <────── settled offsets ────────────┘

The broker keeps a message until its offset is committed by the group, so an offset is committed
only when every message made of what stands before it is settled in every destination's queue. What
holds, whoever dies:

- No offset is committed past an event that is not settled, in either lane.
- A partition that is assigned begins at the highest of: what the group committed, what all queues
  have stored of it, what this process handed over. Beginning at the committed offset alone made a
  rebalance send 56,000 of 60,000 events twice.
- So many events (`ahead`) are handed over and not settled yet, at most. Then partitions are paused,
  and polling goes on, for a member that does not poll is thrown out of its group. That bounds what
  is sent twice when a queue is lost with its machine.

A position's key holds the ids of cluster and topic where the broker says them: a topic that was
deleted and made again has other events under the same numbers.
"""
