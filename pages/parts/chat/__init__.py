"""The parts of the chat page: `conversations` (the list), `asking`, `turn_view` (a running turn), `answers` (a stored
answer with its sources), `source_view` (a source beside the chat), `why` (how an answer came about)."""
