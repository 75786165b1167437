"""The language model: a client for OpenAI and every compatible server, its stream, and its failures in a sentence."""
