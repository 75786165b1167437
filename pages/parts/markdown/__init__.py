"""Text of documents and models as harmless Markdown: `safe_markdown` (the way in), `escaping`, `citation_markers`, and
`text_window` for long texts."""
