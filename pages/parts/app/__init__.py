"""The frame of the application: `navigation`, response `headers`, `shutdown`, and `shared_index` for all sessions."""
