"""The embedding model: `hub` chooses it and finds its folder, `loading` loads it into an `Embedder` (`embedder`), which
all other rooms use.

`model.EmbeddingModel` is the protocol of a model. Each kind of model has a module, listed in `loading.LOADERS`:
`openvino_model` (graphs by `bert`) and `torch_model` for the folders that `folders` reads, `server_model` for an
OpenAI-compatible server. CONTRIBUTING.md says how to add one.
"""
