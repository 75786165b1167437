"""Markers such as [2] in an answer, and whether the passage that one points to bears the claim out."""
