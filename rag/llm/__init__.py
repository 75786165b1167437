"""The language model. `protocol` has the few calls that answering makes of it, `providers` lists the ways to reach one,
and `service` holds the model that the settings choose. `openai` speaks to OpenAI and to every compatible server; no
other module imports LlamaIndex's classes for it. `client` makes its HTTP client, and `errors` makes a sentence of each
failure. CONTRIBUTING.md says how to add a language model.
"""
