"""The data that outlives the process, apart from Milvus's.

In SQL (`database`, `tables`): `documents`, their `leases` and `deletion`, `collections` and `conversations`. As files
(`files`): uploaded bytes, and the text that was read from them. `migrations` brings an earlier release's tables up to
date.
"""
