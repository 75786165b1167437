"""Parts of the chat page: asking, a turn on view, an answer with its sources, and the list of conversations."""
