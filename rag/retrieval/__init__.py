"""A question → its passages. `query` prepares the question, and `retrieve` runs dense and lexical search. `fusion`
makes one ranking of both, `reranking` can reorder it, `passages` chooses from it, and `tracing` records each step.
"""
