"""A question → its passages: the `query`, dense and lexical search (`retrieve`), their `fusion`, optional `reranking`,
the choice of `passages` from the ranked rows, and `tracing`, which notes how it came about.
"""
