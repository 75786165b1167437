"""Shared by the pages: `app/` (the frame and the index), `chat/` (the parts of the chat page), `markdown/` (safe
rendering), `uploads` (files on their way in), `status` (the state of the services), `wording` (numbers and times)."""
