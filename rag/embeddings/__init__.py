"""The embedding model: which one and from where (`hub`), loading it, the OpenVINO encoder that runs most of them
(`bert`), and the `Embedder` that the rest of the house speaks to.
"""
