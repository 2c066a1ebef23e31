"""Objects of a store (S3, GCS, Azure and whatever fsspec knows), named by URLs.

In come URLs, out go bytes that are read in order, and objects that appear when all is in them.

- `urls` tells a URL from a path, and shows one without what is secret in it.
- `store` is the one place that imports fsspec, and only when a URL is given.
- `faults` makes sentences of what the libraries of the stores raise.
- `listing` finds what a URL means, `reader` reads an object, `writer` makes one.

An object may be replaced while it is read. The first answer of the store names its version (ETag);
every later range is of that version or an error, so bytes of two versions are never mixed.
"""
