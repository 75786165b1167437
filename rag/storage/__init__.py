"""What outlives the process beside Milvus: documents, leases, collections and conversations in SQL; the uploaded bytes
and the text read from them as files; and `migrations`, which bring an earlier release's tables up to date.
"""
