"""Milvus Lite in this process: its server, and what is replaced of it so that it is fast and stays small."""
