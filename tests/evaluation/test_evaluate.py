"""Questions with known answers, asked of a real index: Milvus Lite and the bundled model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import DocumentIndex, RagError, Settings
from rag.evaluation.evaluate import evaluate
from rag.evaluation.outcomes import Outcome
from rag.evaluation.question_sets import Question, QuestionSet
from rag.schema import Message
from tests.fakes.llm_server import LLMServer, Reply

pytestmark = pytest.mark.slow

FERRY = "The ferry to the island leaves at noon. A ticket costs nine euros. Dogs travel free on the upper deck."
TEA = "The tea house opens at seven in the morning. It serves forty kinds of tea."
LAMPS = "The lighthouse has a green lamp.\fThe harbour office closes at five.\fParking costs three dollars an hour."


def pdf(text: str) -> bytes:
    """A PDF of a text in which form feeds separate the pages."""
    pages = text.split("\f")
    kids = " ".join(f"{3 + 2 * place} 0 R" for place in range(len(pages)))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"]
    font = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    for place, page in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources {font} /Contents {4 + 2 * place} 0 R >>"
        )
        stream = f"BT /F1 12 Tf 72 720 Td ({page}) Tj ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    body, offsets = "%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    end = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return f"{body}xref\n0 {size}\n0000000000 65535 f \n{table}{end}".encode()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentIndex]:
    with DocumentIndex(Settings(data_dir=tmp_path_factory.mktemp("evaluation"), embed_model="bundled")) as opened:
        results = opened.ingest([("ferry.txt", FERRY.encode()), ("tea.txt", TEA.encode()), ("varn.pdf", pdf(LAMPS))])
        # Another document of the same name.
        results += opened.ingest([("tea.txt", f"{TEA} Guests take off their shoes.".encode())])
        assert [result.status for result in results] == ["ready"] * 4
        yield opened


def outcome_of(index: DocumentIndex, question: Question, *, answers: bool = False, **documents: bytes) -> Outcome:
    files = [(name.replace("_", "."), data) for name, data in documents.items()]
    (outcome,) = evaluate(index, QuestionSet("set", [question], files), answers=answers)
    return outcome


def test_the_relevant_file_is_scored(index: DocumentIndex) -> None:
    outcome = outcome_of(index, Question("1", "When does the ferry leave?", relevant={"ferry.txt": 1.0}))
    assert outcome.scores == {"nDCG@10": 1, "recall@10": 1, "hit@1": 1, "hit@5": 1, "MRR": 1}
    assert outcome.passages[0]["file"] == "ferry.txt"
    assert (outcome.passages[0]["relevant"], outcome.passages[-1]["relevant"]) == (1, 0)
    assert outcome.milliseconds["search"] > 0
    missed = outcome_of(index, Question("1", "When does the ferry leave?", relevant={"varn.pdf": 1.0}))
    assert missed.scores["hit@1"] == 0
    assert 0 < missed.scores["MRR"] < 1, "it is found, but not first"


def test_the_passage_with_the_quote_is_scored_whatever_its_spaces(index: DocumentIndex) -> None:
    outcome = outcome_of(index, Question("1", "What does a ticket cost?", quote="A ticket  costs\nnine euros."))
    assert outcome.scores["hit@1"] == outcome.scores["nDCG@10"] == 1
    elsewhere = Question("1", "What does a ticket cost?", relevant={"tea.txt": 1.0}, quote="A ticket costs nine euros.")
    assert set(outcome_of(index, elsewhere).scores.values()) == {0.0}, "the quote is in another file"
    absent = outcome_of(index, Question("1", "What does a ticket cost?", quote="A ticket costs ten euros."))
    assert set(absent.scores.values()) == {0.0}


def test_the_relevant_pages_are_scored(index: DocumentIndex) -> None:
    asked = "When does the harbour office close?"
    outcome = outcome_of(index, Question("1", asked, relevant={"varn.pdf": 1.0}, pages=(2,)))
    assert outcome.scores == {
        **{"nDCG@10": 1, "recall@10": 1, "hit@1": 1, "hit@5": 1, "MRR": 1},
        **{"page hit@1": 1, "page hit@5": 1, "page hit@10": 1},
    }
    other = outcome_of(index, Question("1", asked, relevant={"varn.pdf": 1.0}, pages=(3,)))
    assert (other.scores["page hit@1"], other.scores["page hit@10"]) == (0, 1)
    half = outcome_of(index, Question("1", asked, relevant={"varn.pdf": 1.0}, pages=(2, 9)))
    assert half.scores["recall@10"] == 0.5


def test_grades_of_several_documents_are_the_grades_of_beir(index: DocumentIndex) -> None:
    question = Question("1", "When does the ferry leave?", relevant={"ferry.txt": 1.0, "varn.pdf": 2.0})
    outcome = outcome_of(index, question)
    files = list(dict.fromkeys(passage["file"] for passage in outcome.passages))
    assert files[0] == "ferry.txt"
    # Two documents are called tea.txt.
    ids = list(dict.fromkeys(passage.doc_id for passage in index.search(question.text, top_k=50)))
    rank = 1 + ids.index(next(d.doc_id for d in index.documents() if d.file_name == "varn.pdf"))
    expected = (1 + 2 / math.log2(rank + 1)) / (2 + 1 / math.log2(3))
    assert outcome.scores["nDCG@10"] == pytest.approx(expected)
    assert outcome.scores["recall@10"] == 1


def test_documents_of_one_name_are_not_counted_twice(index: DocumentIndex) -> None:
    outcome = outcome_of(index, Question("1", "How many kinds of tea are there?", relevant={"tea.txt": 1.0}))
    assert outcome.scores == {"nDCG@10": 1, "recall@10": 1, "hit@1": 1, "hit@5": 1, "MRR": 1}


def test_documents_of_the_same_bytes_are_known_by_all_of_their_names(index: DocumentIndex) -> None:
    data = FERRY.encode()
    twin = outcome_of(index, Question("1", "When does the ferry leave?", relevant={"copy.txt": 1.0}), copy_txt=data)
    assert twin.scores["hit@1"] == 1
    both = Question("1", "When does the ferry leave?", relevant={"ferry.txt": 1.0, "copy.txt": 1.0})
    scores = outcome_of(index, both, copy_txt=data).scores
    assert (scores["nDCG@10"], scores["recall@10"]) == (1, 1), "there is but one to be found"


def test_a_file_that_is_not_in_the_library_is_named_before_anything_is_asked(index: DocumentIndex) -> None:
    questions = [Question("1", "Ferry?", relevant={"ferry.txt": 1.0}), Question("2", "What?", relevant={"no.txt": 1.0})]
    with pytest.raises(RagError, match=r"no\.txt, which question 2 is about, isn't in the library"):
        next(evaluate(index, QuestionSet("set", questions, [])))


def test_an_unanswerable_question_is_scored_by_its_refusal_alone(index: DocumentIndex) -> None:
    question = Question("1", "Which enzyme splits lactose?", relevant={"no.txt": 1.0}, answerable=False)
    outcome = outcome_of(index, question, answers=True)
    assert outcome.scores == {"unanswerable refused": 1}
    assert outcome.answer.startswith("Not in your documents")
    assert outcome_of(index, question).scores == {}


def test_an_answer_is_scored_by_refusal_and_citations(index: DocumentIndex) -> None:
    asked = "When does the ferry to the island leave?"
    right = outcome_of(index, Question("1", asked, relevant={"ferry.txt": 1.0}), answers=True)
    assert "leaves at noon" in right.answer
    assert right.milliseconds["answer"] > 0
    names = ("answerable refused", "citations borne out", "citation precision")
    assert [right.scores[name] for name in names] == [0, 1, 1]
    wrong = outcome_of(index, Question("1", asked, relevant={"tea.txt": 1.0}), answers=True)
    assert [wrong.scores[name] for name in names] == [0, 1, 0]


def test_a_question_is_asked_with_its_history(index: DocumentIndex) -> None:
    history = (Message("user", "When does the ferry to the island leave?"), Message("assistant", "At noon."))
    question = Question("1", "And what does it cost?", history, {"ferry.txt": 1.0})
    assert outcome_of(index, question).scores["hit@1"] == 1


def test_a_failing_llm_ends_the_run_in_a_sentence(tmp_path: Path, llm_server: LLMServer) -> None:
    settings = Settings(data_dir=tmp_path, embed_model="bundled", openai_base_url=llm_server.url, llm_timeout=2)
    llm_server.script(Reply(status=401))
    with DocumentIndex(settings) as index, pytest.raises(RagError, match="OPENAI_API_KEY"):
        index.ingest([("ferry.txt", FERRY.encode())])
        outcome_of(index, Question("1", "Ferry?", relevant={"ferry.txt": 1.0}), answers=True)
