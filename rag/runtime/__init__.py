"""The process that everything runs in: its event loop, retries, logs, processors, and imports that come late."""
