"""Bytes of a file → its pages of text. `read` is the entry, `formats` lists the formats, and `filetypes` finds a file's
format. Each family of formats has a module with its readers: `pdf`, `office`, `slides`, `workbooks`, `markup` and
`plain_text`. The readers share `archives` (zip packages), `decoding` (bytes → text), `cleaning` (unwanted characters)
and `faults` (why a file can't be read). CONTRIBUTING.md says how to add a format.
"""
