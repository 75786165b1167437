"""What the pages share: the cached index, safe rendering, running answers, uploads, the sidebar."""
