"""Documents on their way into the library: taken in, read and chunked, embedded, inserted, counted, *ready*; and out of
it again. `lifecycle` owns the states of a document; `docs/architecture.md` has them as a diagram.
"""
