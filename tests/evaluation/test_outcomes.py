"""Outcomes of questions: their means, their file, and two runs beside one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import RagError
from rag.evaluation.outcomes import Outcome, compare, load_outcomes, save_outcomes, summary


def test_a_mean_is_over_the_questions_that_a_score_applies_to() -> None:
    outcomes = [
        Outcome("1", "a", True, {"hit@1": 1.0, "answerable refused": 0.0}, {"search": 10.0}),
        Outcome("2", "b", True, {"hit@1": 0.0, "answerable refused": 1.0}, {"search": 30.0}),
        Outcome("3", "c", False, {"unanswerable refused": 1.0}, {"search": 20.0, "answer": 5.0}),
    ]
    assert summary(outcomes) == {
        "questions": 3,
        "hit@1": 0.5,
        "answerable refused": 0.5,
        "unanswerable refused": 1.0,
        "search ms (median)": 20.0,
        "search ms (p95)": 30.0,
        "answer ms (median)": 5.0,
        "answer ms (p95)": 5.0,
    }
    assert summary([]) == {"questions": 0}


def test_outcomes_come_back_from_their_file(tmp_path: Path) -> None:
    outcomes = [
        Outcome("1", "매출은?\u2028", True, {"hit@1": 1.0}, {"search": 1.5}, [{"file": "a.txt", "page": None}], "Up\n"),
        Outcome("2", "Why?", None),
    ]
    path = tmp_path / "new" / "folder" / "run.jsonl"
    save_outcomes(path, outcomes)
    assert load_outcomes(path) == outcomes


@pytest.mark.parametrize("content", ["no JSON", "[]", '{"question": "a"}', '{"unknown": 1}', b"\xff\xfe"])
def test_a_file_of_something_else_is_named(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "other.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RagError, match=r"other\.jsonl isn't a file of evaluation details"):
        load_outcomes(path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RagError, match="can't be written"):
        save_outcomes(tmp_path / "file" / "run.jsonl", [])


def test_two_runs_are_compared_over_the_questions_that_both_have() -> None:
    def run(**scores: float) -> list[Outcome]:
        return [Outcome(name, name, None, {"MRR": score}) for name, score in scores.items()]

    before = [*run(same=0.5, worse=1.0, better=0.5, much=0.0, gone=1.0), Outcome("new", "new", None, {"hit@1": 1.0})]
    after = [*run(much=1.0, same=0.5, worse=0.75, better=0.6, other=0.0), Outcome("new", "new", None, {"MRR": 1.0})]
    (difference,) = compare(before, after)
    assert (difference.score, difference.better, difference.worse) == ("MRR", 2, 1)
    assert (difference.before, difference.after) == (pytest.approx(0.5), pytest.approx(0.7125))
    assert difference.changed == [("much", 0.0, 1.0), ("worse", 1.0, 0.75), ("better", 0.5, 0.6)]
    assert compare(run(a=1.0), run(b=1.0)) == []
