"""Stop words: the words that are in nearly every sentence of a language, of those that Snowball has stemmers for."""

from __future__ import annotations

from functools import cache

from rag.text.word_lists import DATA, read_lists, read_words

# English words are looked up by their stems, as `terms` gives them.
STOP_STEMS = read_words(DATA / "english_stop_stems.txt")


@cache
def stop_words() -> dict[str, frozenset[str]]:
    """The stop words of each other language, case folded, by Snowball's name of it."""
    return read_lists(DATA / "stop_words.txt")
