"""Bytes of a file → its pages of text. `read` chooses by the format of the file; there is a module for each family of
formats, and `filetypes` is the list of formats.
"""
