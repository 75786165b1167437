"""The process that everything runs in: its one event loop (`event_loop`), retries after failures that pass
(`retries`), the log (`logs`), imports of large libraries (`imports`), and the share of the processor (`cpu`).
"""
