"""Milvus: one collection, on Milvus Lite, a server, a cluster or Zilliz Cloud.

`store` has the rows, and `searches` among them; `connection` keeps in touch with Milvus, `client` alone knows pymilvus,
and `failures` says in a sentence what has gone wrong. `lite` runs Milvus Lite in this process.
"""
