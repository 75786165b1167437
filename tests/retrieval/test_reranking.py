"""The optional reranker, with a tiny cross-encoder of random weights that is made here."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import DocumentIndex, EmbeddingError, Settings
from rag.embeddings.hub import bundled_folder
from rag.retrieval.reranking import CANDIDATES, Reranker

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("reranker")
    tokenizer = AutoTokenizer.from_pretrained(str(bundled_folder()))
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=1,
        initializer_range=1.0,  # else all texts get nearly the same score
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def reranker(cross_encoder: Path) -> Reranker:
    return Reranker(str(cross_encoder))


def test_each_text_has_the_score_that_it_has_alone(reranker: Reranker) -> None:
    texts = [f"Note {i}: the ferry number {i * 37} leaves at noon." for i in range(CANDIDATES)]
    question = "When does the ferry leave?"
    scores = reranker.scores(question, texts)
    assert len({round(score, 3) for score in scores}) > CANDIDATES // 2
    assert scores != sorted(scores, reverse=True)
    for place in (0, 7, CANDIDATES - 1):
        assert scores[place] == pytest.approx(reranker.scores(question, [texts[place]])[0], abs=1e-5)
    assert reranker.scores(question, texts[::-1]) == pytest.approx(scores[::-1], abs=1e-5)


def test_same_text_twice_has_its_score_twice(reranker: Reranker) -> None:
    one, other, again = reranker.scores("ferry", ["It leaves at noon.", "It is small.", "It leaves at noon."])
    assert one == pytest.approx(again, abs=1e-5)
    assert abs(one - other) > 0.001


def test_no_texts_have_no_scores(reranker: Reranker) -> None:
    assert reranker.scores("ferry", []) == []


def test_failure_while_reading_names_the_reranker(cross_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Reranker(str(cross_encoder))

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(type(broken._model), "postprocess_nodes", fail)
    with pytest.raises(EmbeddingError, match=r"reranker .* failed \(RuntimeError\)"):
        broken.scores("ferry", ["It leaves at noon."])


def test_the_reranker_orders_the_fused_candidates_anew(tmp_path: Path, cross_encoder: Path) -> None:
    files = [(f"{i}.txt", f"Note {i}: the ferry number {i * 37} leaves at noon.".encode()) for i in range(12)]
    with DocumentIndex(Settings(data_dir=tmp_path, embed_model="bundled")) as index:
        index.ingest(files)
        fused = index.search("When does the ferry leave?", top_k=12)
    settings = Settings(data_dir=tmp_path, embed_model="bundled", rerank_model=str(cross_encoder))
    with DocumentIndex(settings) as index:
        reranked = index.search("When does the ferry leave?", top_k=12)
        assert len(index.search("When does the ferry leave?", top_k=3)) == 3
    assert {p.text for p in reranked} == {p.text for p in fused}
    assert [p.text for p in reranked] != [p.text for p in fused]
    assert [p.score for p in reranked] == sorted((p.score for p in reranked), reverse=True)


def test_a_reranker_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, embed_model="bundled", rerank_model=str(tmp_path / "absent"))
    with DocumentIndex(settings) as index:
        index.ingest([("a.txt", b"The ferry leaves at noon.")])
        with pytest.raises(EmbeddingError, match="RERANK_MODEL"):
            index.search("ferry")
