"""Collections as other versions of Docent have made them, on real Milvus Lite: they open, or it is said what to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pymilvus import DataType

from rag import DocumentIndex, IndexMismatch, Settings, StoreError
from rag.schema import Page
from rag.storage.collections import Fingerprint
from rag.storage.database import open_database
from rag.storage.documents import Catalog
from rag.text import chunking
from rag.text.chunking import VERSION as CHUNKING_VERSION
from rag.text.chunking import chunk_pages
from rag.text.terms import VERSION as LEXICAL_VERSION
from rag.text.terms import lexical_text
from rag.vector_store import client
from rag.vector_store.client import open_client
from rag.vector_store.lite import server as lite_server

pytestmark = pytest.mark.slow

TEA = b"The tea house opens at seven in the morning. It serves forty kinds of tea."
FERRY = b"The ferry to the island leaves at noon. A ticket costs nine euros."
PASSAGE = ["doc_id", "text", "page", "start", "end"]
# What a passage is made of.
PASSAGE = ["doc_id", "text", "page", "start", "end"]
TEXTS = (
    "The ferry AS/400 of FY2023 carries 1,234.5 passengers' dogs on covid-19 terms.\n\n# Prices\n\nIt costs 9 euros.",
    "도서관은 오전 아홉 시에 문을 엽니다. 회원 카드는 무료로 발급됩니다.",
    "Die Fähren zwischen den Inseln fahren täglich, und die Häfen sind geöffnet. Größere Schiffe warten draußen.",
    "पुस्तकालय सुबह नौ बजे खुलता है और सदस्यता निःशुल्क है।",
)


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """A library of two documents."""
    with DocumentIndex(settings, background=False) as index:
        results = index.ingest([("tea.txt", TEA), ("ferry.txt", FERRY)])
        assert [result.status for result in results] == ["ready", "ready"]
    return settings


def make_anew(settings: Settings, kept: Sequence[str]) -> None:
    """Put a collection that has only the fields in `kept`, and no BM25, in the place of the library's."""
    lite_server.file_at(settings.milvus_address).start()
    client = open_client(settings)
    try:
        client.load_collection(settings.collection)
        rows: list[dict[str, Any]] = client.query(settings.collection, filter="id != ''", output_fields=["*"])
        client.drop_collection(settings.collection)
        schema = client.create_schema(auto_id=False, enable_dynamic_field=True)
        schema.add_field("id", DataType.VARCHAR, max_length=65_535, is_primary=True)
        schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=384)
        for name in kept:
            kind = DataType.INT64 if name in {"page", "start", "end"} else DataType.VARCHAR
            schema.add_field(name, kind, **({"max_length": 65_535} if kind == DataType.VARCHAR else {}))
        index = client.prepare_index_params()
        index.add_index("embedding", index_type="FLAT", metric_type="COSINE")
        client.create_collection(settings.collection, schema=schema, index_params=index)
        known = {"id", "embedding", *kept}
        client.insert(settings.collection, [{name: row[name] for name in row if name in known} for row in rows])
        client.flush(settings.collection)
    finally:
        client.close()
        lite_server.file_at(settings.milvus_address).release()


def test_collection_with_the_first_release_s_indexes_opens(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LITE_INDEX", {"index_type": "FLAT"})
    monkeypatch.setattr(client, "BM25_PARAMETERS", {})
    with DocumentIndex(settings, background=False) as index:
        index.ingest([("tea.txt", TEA)])
    monkeypatch.undo()
    with DocumentIndex(settings, background=False) as index:
        assert index.search("When does the tea house open?")[0].lexical_rank == 1
        assert index.ingest([("ferry.txt", FERRY)])[0].status == "ready"
        assert index.search("When does the ferry leave?")[0].file_name == "ferry.txt"
        assert index.status().mismatch is None
        assert index.verify().good


def test_collection_without_bm25_is_searched_by_embedding(filled: Settings) -> None:
    make_anew(filled, [*PASSAGE, "lexical"])
    with DocumentIndex(filled, background=False) as index:
        best = index.search("When does the ferry leave?")[0]
        assert (best.file_name, best.dense_rank, best.lexical_rank) == ("ferry.txt", 1, None)
        assert "without BM25, so search is by embedding only" in index.check().milvus.detail
        assert index.ingest([("note.txt", b"The harbour master lives in a red house.")])[0].status == "ready"
        assert index.search("Where does the harbour master live?")[0].file_name == "note.txt"
        receipt = index.delete(best.doc_id)
        assert (receipt.chunks, receipt.left) == (1, 0)


def test_collection_without_what_a_passage_needs_is_not_taken_for_ours(filled: Settings) -> None:
    make_anew(filled, ["doc_id", "text", "page"])
    with DocumentIndex(filled, background=False) as index:
        with pytest.raises(StoreError, match=r"wasn't made by Docent; set COLLECTION to another name"):
            index.search("When does the ferry leave?")
        assert len(index.documents()) == 2


def test_collection_of_another_version_says_what_to_do_and_is_rebuilt(filled: Settings) -> None:
    engine = open_database(filled.database_address)
    catalog = Catalog(engine, filled.milvus_key, filled.collection)
    record = catalog.records.get()
    assert record is not None
    earlier = Fingerprint.from_json(json.dumps({**json.loads(record.fingerprint.to_json()), "lexical": "0"}))
    catalog.records.replace(replace(record, fingerprint=earlier))
    with (
        DocumentIndex(filled, background=False) as index,
        pytest.raises(IndexMismatch, match=r"built by another version of Docent; re-index it, which keeps"),
    ):
        index.search("When does the ferry leave?")
    with DocumentIndex(filled, background=False) as index:
        assert "another version of Docent" in (index.ingest([("note.txt", b"A note.")])[0].error or "")
        assert {job.stage for job in index.wait(index.reindex())} == {"ready"}
        assert index.search("When does the ferry leave?")[0].file_name == "ferry.txt"
        assert index.status().mismatch is None
        assert index.verify().good
    assert catalog.records.get() == record
    engine.dispose()


def test_collection_whose_documents_were_read_by_an_earlier_version_opens_and_is_read_again_on_request(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunking, "VERSION", "1")
    with DocumentIndex(settings, background=False) as index:
        index.ingest([("ferry.txt", FERRY)])
        assert index.status().improved is None
    monkeypatch.undo()
    with DocumentIndex(settings, background=False) as index:
        assert index.search("When does the ferry leave?")[0].file_name == "ferry.txt"
        assert "reads documents better" in (index.status().improved or "")
        assert index.ingest([("tea.txt", TEA)])[0].status == "ready"
        assert index.search("When does the tea house open?")[0].file_name == "tea.txt"
        assert index.verify().good
        assert {job.stage for job in index.wait(index.reindex())} == {"ready"}
        assert index.status().improved is None
        assert index.search("When does the ferry leave?")[0].file_name == "ferry.txt"
        assert index.verify().good


def test_terms_and_chunks_change_with_their_versions_only() -> None:
    """A change that this test finds needs another VERSION: or else collections mix the old with the new."""
    terms = [lexical_text(text) for text in TEXTS]
    pages = [
        Page("\n\n".join(TEXTS * 20), 1),
        Page("Consolidated Balance Sheets\n" + TEXTS[0], 2),
        Page(TEXTS[2], None),
    ]
    chunks = [
        (chunk.page, chunk.start, chunk.end, chunk.context)
        for chunk in chunk_pages(pages, "report.pdf", lambda texts: [len(text.split()) for text in texts], 256)
    ]
    assert (LEXICAL_VERSION, digest(terms)) == ("1", "245c4ade4993")
    assert (CHUNKING_VERSION, digest(chunks)) == ("2", "0257c384688e")


def digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]
