from __future__ import annotations

import pytest

from rag.citations.markers import tidy_markers


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a [1] b [3].", "a [1] b [3]."),
        ("a [4][2] b [0][999]", "a [2] b"),
        ("It rides too [7].", "It rides too."),
        ("array[1234] stays", "array[1234] stays"),
        ("in the years [2019-2021]", "in the years [2019-2021]"),
        ("| a | [9] |", "| a | |"),
    ],
)
def test_markers_of_passages_that_do_not_exist_are_removed(text: str, left: str) -> None:
    assert tidy_markers(text, 3) == left


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("It rose [1, 2].", "It rose [1][2]."),
        ("It rose [1-3].", "It rose [1][2][3]."),
        ("It rose [2;9].", "It rose [2]."),
        ("It rose [1][1], [3].", "It rose [1][3]."),
        ("It rose [1-999].", "It rose [1][2][3]."),
        ("It rose [1-99999999].", "It rose [1-99999999]."),
        ("It rose 【1】 and fell 【2†source】.", "It rose [1] and fell [2]."),
        ("It rose [^1] ［2］ \\[3\\].", "It rose [1][2][3]."),
        ("It rose [passage 1, passage 3].", "It rose [1][3]."),
        ("It rose [Source: 2](https://example.org/3).", "It rose [2]."),
        ("It rose [1](#ref-2).", "It rose [1]."),
    ],
)
def test_markers_written_together_are_taken_apart(text: str, tidy: str) -> None:
    assert tidy_markers(text, 3) == tidy


def test_tidied_text_stays_as_it_is() -> None:
    text = tidy_markers("It rose [1, 2], it says [9], 【3】 and more[^2].", 3)
    assert tidy_markers(text, 3) == text
