from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import RagError
from rag.evaluation.question_sets import load_question_set
from rag.schema import Message


def write(path: Path, *entries: object) -> Path:
    path.write_text("\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries) + "\n", "utf-8")
    return path


def test_lines_name_relevant_files_pages_and_quotes(tmp_path: Path) -> None:
    path = write(
        tmp_path / "q.jsonl",
        {"id": "a", "question": "Wie lang ist die Brücke?", "file": "bridge.pdf", "pages": [3, 4]},
        {"question": "Who?", "quote": "Edda Lund", "history": [{"role": "user", "content": "The ferry?"}]},
        {"question": "What colour is it?", "answerable": False},
    )
    questions = load_question_set(path)
    assert questions.name == "q"
    assert questions.documents == []
    first, second, _ = questions.questions
    assert (first.question_id, dict(first.relevant), first.pages) == ("a", {"bridge.pdf": 1.0}, (3, 4))
    assert (second.question_id, second.quote, second.history) == ("2", "Edda Lund", (Message("user", "The ferry?"),))
    assert [question.has_gold for question in questions.questions] == [True, True, False]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "q.jsonl line 1 isn't JSON"),
        ("[]", "q.jsonl line 1 isn't a JSON object"),
        ('{"file": "a.txt"}', "q.jsonl line 1 has no question"),
        ('{"question": " ", "file": "a.txt"}', "q.jsonl line 1 has no question"),
        ('{"question": "Who?"}', "names neither a file nor a quote"),
        ('{"question": "Who?", "pages": [1]}', "names pages but not their file"),
        ('{"question": "Who?", "file": "a.pdf", "pages": ["1"]}', "pages takes a list of numbers"),
        ('{"question": "Who?", "file": "a.pdf", "pages": 3}', "pages takes a list of numbers"),
        ('{"question": "Who?", "file": "a.pdf", "answerable": "no"}', "answerable takes true or false"),
        ('{"question": "Who?", "file": "a.pdf", "history": "before"}', "history takes a list"),
        ('{"question": "Who?", "file": "a.pdf", "history": [{"content": "x"}]}', "needs a role"),
    ],
)
def test_line_that_cannot_be_used_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(line + "\n", "utf-8")
    with pytest.raises(RagError, match=complaint):
        load_question_set(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RagError, match=r"nowhere\.jsonl can't be read"):
        load_question_set(tmp_path / "nowhere.jsonl")


def test_beir_folder_brings_its_documents_and_grades(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl", {"_id": "d1", "title": "Ferry", "text": "It left."}, {"_id": "d2", "text": "No."})
    write(tmp_path / "queries.jsonl", {"_id": "q1", "text": "When?"}, {"_id": "q2", "text": "Why?"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n")
    questions = load_question_set(tmp_path)
    assert questions.documents == [("d1.txt", b"Ferry\n\nIt left."), ("d2.txt", b"No.")]
    assert [(dict(q.relevant), q.answerable) for q in questions.questions] == [({"d1.txt": 2.0}, True), ({}, None)]


def test_damaged_grades_are_named(tmp_path: Path) -> None:
    write(tmp_path / "corpus.jsonl", {"_id": "d1", "text": "x"})
    write(tmp_path / "queries.jsonl", {"_id": "q1", "text": "When?"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\tmany\n")
    with pytest.raises(RagError, match=r"test\.tsv line 2"):
        load_question_set(tmp_path)
