"""Text of documents and models, made harmless and shown as Markdown: citation_markers, escaping, safe_markdown, and
text_window for long texts."""
