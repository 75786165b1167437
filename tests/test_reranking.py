"""The optional reranker, with a tiny cross-encoder of random weights that is made here."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import DocumentIndex, EmbeddingError, Settings
from rag.embedding import bundled_folder


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
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


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
