"""Milvus Lite in this process, with parts of it replaced so that it is fast and small.

`server` starts and stops its server. `patches` lists every replacement and why: `queries` searches and counts by
columns over the rows of a `snapshot`, `storage` keeps rows on the disk.
"""
