"""Text as such, whatever it came from: sentences, units, headings and chunks of it; its language and writing system;
its terms for lexical search.
"""
