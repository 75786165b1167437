from __future__ import annotations

import pytest

from rag.answering.inputs import check_question
from rag.errors import LimitReached
from rag.settings import Settings


def test_question_may_be_as_long_as_the_setting_says() -> None:
    most = Settings(max_question_characters=5).max_question_characters
    check_question("12345", most)
    with pytest.raises(LimitReached, match=r"6 characters, and 5 are the most.*MAX_QUESTION_CHARACTERS"):
        check_question("123456", most)
