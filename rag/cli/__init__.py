"""The command line, `python -m rag`: a thin layer over DocumentIndex, a module for each group of commands."""
