"""Files as sources: archives, which are read once, and files that grow.

The idea of following, for `follow` and all it uses::

    paths, globs --file_watcher--> what is at a path now, was renamed, cut, deleted, packed
                       |  who is who: file_identity (inode and a hash of how the file begins)
                       |  where is the rest: follow_siblings, follow_folders (one look a folder)
                       v
                 follow_tail: bytes of one file --> records --> arrivals, each with a checkpoint
                 follow_packed: a packed file, once, without what is known of it

A checkpoint names one stream of bytes for good (path, inode, a number), whatever the file is called
later. After a restart the stream is looked for: under its path, beside it under another name, or
packed.

Invariants, and what happened without them:

- A file that was renamed or deleted is read to its end before the one that took its place. Read the
  other way round, events came out of order and the rest was forgotten at a restart.
- A look sees first what is at all paths and lists each folder once afterwards. In the other order a
  file that was rotated between the two steps was in neither.
- A file is itself as long as its inode and its beginning are the same; a new file may get an old
  inode. The device is left out: its number changes with a reboot.
- What has been packed while its original is still there is not read: it may not be whole yet.
- At most so many files are open (`open_files`), whatever happens to them: thousands rotated at once
  ran into the limit of the process.
- What copytruncate cut before it was read is lost, and nobody can bring it back: it is counted and
  sent as a gap event, never passed over in silence.
"""
