"""Bytes of a file → its pages of text. `read` is the entry, `formats` the list of formats, `filetypes` finds the format
of a file; a module for each family reads them: `pdf`, `office`, `slides`, `sheets`, `markup`, `plain_text`. They share
`archives` (zip packages), `decoding` (bytes → text), `cleaning` (characters that go) and `faults` (what is wrong).

To add a format: write its reader; declare it in `formats`; put a small file of it into tests/readers/samples.py; name
it in README.md; run tests/readers, where `test_formats` and `test_fuzz` take it up by themselves.
"""
