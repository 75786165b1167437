"""Text that others wrote, made harmless before it is shown as Markdown."""
