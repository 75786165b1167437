"""Documents on their way into the library, and out of it again.

`intake` takes files in, `reading` has them read and chunked in processes (`reader_process`, `messages`,
`reader_worker`), `embedding` makes vectors, `inserting` brings rows into Milvus and counts them; `pipeline` has these
stages work side by side. `lifecycle` alone changes a document's state, with `deletion` and `embeddings_outage`; `jobs`
is what the user sees of it. docs/architecture.md has the states as a diagram.
"""
