"""The process that everything runs in: its one event loop (`event_loop`), tasks in the background (`background`),
retries after failures that may pass (`retries`), the log (`logs`), imports of large libraries (`imports`), cores and
priorities (`cpu`).
"""
