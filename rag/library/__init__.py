"""A collection that is looked after: its model, its health, whether catalog, files and Milvus agree, repair, the way to
another Milvus, and documents shown: their bytes, text and page images.
"""
