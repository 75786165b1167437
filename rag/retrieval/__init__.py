"""A question → its passages: dense and lexical search side by side, fusion, an optional reranker, and ranked rows made
passages.
"""
