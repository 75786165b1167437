"""Milvus: one collection, on Milvus Lite, a server, a cluster or Zilliz Cloud.

`store` inserts, counts and deletes rows (`rows` has their form, `writing` does one write at a time). `searches`
searches them, and `batching` lets concurrent searches share a request. `connection` opens the collection, and opens it
again after a failure; `failures` turns errors into sentences. `client` alone imports pymilvus. `lite` runs Milvus Lite
in this process: `lite.patches` lists every replacement in it and why; `patching` installs them only where version and
code fit.
"""
