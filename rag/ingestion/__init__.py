"""Documents on their way into the library, and out of it again.

`intake` takes files in (`inputs` checks them), `reading` has them read and chunked in processes (`reader_process`,
`messages`, `reader_worker`), `embedding` makes vectors, `inserting` inserts rows into Milvus and counts them;
`pipeline` runs these stages side by side. `lifecycle` alone changes a document's state, with `deletion` and
`embeddings_outage`; `jobs` shows the user how far each document is. docs/architecture.md has the states as a diagram.
"""
