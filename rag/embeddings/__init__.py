"""The embedding model: `hub` chooses it and gets its folder, `loading` makes it an `Embedder` (`embedder`), which the
rest of the house speaks to.

A model is what `model.EmbeddingModel` asks for. Each kind has a module with NAME, `fits` and `load`, listed in
`loading.LOADERS`: `openvino_model` (graphs by `bert`) and `torch_model` for the folders that `folders` reads,
`server_model` for an OpenAI-compatible server. A new kind is such a module, a line in LOADERS, and a line in MODELS of
tests/embeddings/test_registry.py, which has to pass; CONTRIBUTING.md has the five steps.
"""
