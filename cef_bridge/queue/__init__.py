"""The disk queue of a destination: what is accepted stays until it is delivered.

The idea, for all files of this room; each of them has one part of it::

    appender --append--> [ rows: alerts    ] --fetch--> in flight --settle--> gone
    (one transaction:    [ rows: telemetry ]               |
     messages, source                                      +--> held (confirmed, kept a while)
     positions, totals)                                    +--> fetched again after a failure

One SQLite file a destination, in WAL mode with synchronous=FULL. A row holds one compressed batch
of up to 500 messages of one lane; a message of a row is a bit in three sets: gone, held, in flight
(`open_rows`). Alerts overtake telemetry; order is kept inside a lane.

Invariants, and what happened without them:

- accepted = confirmed + unconfirmed + in_flight + waiting + dropped + dead_lettered. The totals are
  in the file and change in the transaction of what they count, so the sum holds after kill -9.
- A source's position is stored with the messages made of what is before it. With two transactions
  a kill between them lost or repeated a batch.
- What is known in memory follows the disk: a change is a transaction first (`core`). With the
  memory first, a full disk left messages that were in neither.
- No cursor stays open (`store`): one open cursor kept the log from being reused, to 212 MiB.
- Only waiting rows are dropped when the queue is full (`appender`): what is in flight may have
  arrived, and dropping it would make the sum a lie.
- A reserve beside the file is given back when the disk is full (`store`): SQLite writes before
  it deletes, so without it a full disk could not even free what was confirmed.
- A damaged file is moved aside and read page by page (`rescue`, `pages`), never deleted.
- One process has a queue (`lock`); a file that is deleted or replaced while in use is noticed
  (`moved`), or everything would go into a file without a name.

Knows nothing of what a message says, nor how it is sent. The only room with sqlite3.
"""
