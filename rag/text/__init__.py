"""Text of any origin. `chunking` cuts it, with `units`, `sentences`, `headings` and `long_texts`; `terms` makes its
terms for lexical search, with `languages` and `stop_words`. `characters` and `writing_systems` name sets of characters,
and `word_lists` reads the word lists in data/.
"""
