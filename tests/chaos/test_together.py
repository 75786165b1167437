"""A short pass of `tests/chaos/together`, which is run by hand for minutes, on Milvus Lite and on a server."""

from __future__ import annotations

import pytest

from tests.chaos.together import run


@pytest.mark.slow
def test_many_at_once_leave_a_whole_library() -> None:
    together = run(minutes=0.1, seed=7, server=False)
    assert together.wrong == []
    assert together.done.total() > 15  # everybody has done something
