"""The language model. `protocol` has the few calls that answering makes, `providers` the registry of those who serve
such a model, `service` the model that the settings choose. `openai` speaks with OpenAI and every compatible server:
the only module that meets LlamaIndex's classes; `client` has its HTTP client, `errors` its failures in a sentence each.

To add a provider: a module with a `LanguageModel`, settings that choose it, a line in `providers.PROVIDERS`, an example
in tests/llm/test_providers.py, which must pass, and a line in the README.
"""
