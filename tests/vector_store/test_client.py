"""What is changed in pymilvus gives what pymilvus gives."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from pymilvus import DataType
from pymilvus.client.search_result import SearchResult
from pymilvus.exceptions import ParamError
from pymilvus.grpc_gen import schema_pb2

from rag.errors import StoreError
from rag.runtime.event_loop import EventLoopThread
from rag.schema import Chunk
from rag.settings import Settings
from rag.vector_store.client import async_client, import_milvus
from rag.vector_store.rows import HIT_FIELDS, ChunkRow, Hit, read_hits
from rag.vector_store.store import VectorStore

DOCUMENT = "a" * 64


@pytest.mark.parametrize("kind", [DataType.VARCHAR, int(DataType.VARCHAR), DataType.INT64, DataType.FLOAT_VECTOR])
def test_the_type_of_a_field_is_what_pymilvus_says(kind: int) -> None:
    import_milvus(lite=False)
    type_info: Any = importlib.import_module("pymilvus.client.type_info")
    assert type_info.get_type_info(kind) is type_info.get_type_info.__wrapped__(kind)
    assert type_info.is_scalar_type(kind) == (kind != DataType.FLOAT_VECTOR)


def answer(**changes: Any) -> Any:
    """What Milvus answers to three questions that have two, no and one hit."""
    numbers = {"page": [1, 0, 3], "start": [4, 5, 6], "end": [7, 8, 9]}
    columns: dict[str, Any] = {
        "topks": [2, 0, 1],
        "ids": ["a", "b", "c"],
        "text": ["x", "y", "z"],
        **numbers,
        **changes,
    }
    found = schema_pb2.SearchResultData(topks=columns.pop("topks"), scores=columns.pop("scores", [0.9, 0.8, 0.7]))
    found.ids.str_id.data.extend(columns.pop("ids"))
    for name, values in columns.items():
        kind = DataType.VARCHAR if name == "text" else DataType.INT64
        data = found.fields_data.add(field_name=name, type=kind).scalars
        (data.string_data if name == "text" else data.long_data).data.extend(values)
    return found


def test_hits_go_to_the_questions_that_found_them() -> None:
    first, second, third = read_hits(answer(), round)
    assert (first, second) == ([Hit("a", "a", "x", 1, 4, 7, 1), Hit("b", "b", "y", None, 5, 8, 1)], [])
    assert third == [Hit("c", "c", "z", 3, 6, 9, 1)]


@pytest.mark.parametrize(
    "changes", [{"text": ["x"]}, {"end": [1, 2, 3, 4]}, {"scores": [0.9]}, {"topks": [2, 2]}, {"topks": [1, 1]}]
)
def test_an_answer_that_is_not_whole_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match="a part of its rows"):
        read_hits(answer(**changes), float)


@pytest.mark.parametrize("changes", [{}, {"ids": [], "text": [], "page": [], "start": [], "end": [], "topks": [0]}])
def test_hits_that_pymilvus_has_made_are_read_as_well(changes: dict[str, Any]) -> None:
    columns = answer(**changes)
    assert read_hits(SearchResult(columns), float) == read_hits(columns, float)


def test_a_hit_of_pymilvus_that_is_not_whole_is_an_error() -> None:
    with pytest.raises(StoreError, match="a part of its rows"):
        read_hits(SearchResult(answer(text=["x"])), float)


def test_an_unknown_type_is_an_error_each_time() -> None:
    import_milvus(lite=False)
    type_info: Any = importlib.import_module("pymilvus.client.type_info")
    for _ in range(2):
        with pytest.raises(ParamError):
            type_info.get_type_info(4711)


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_columns_hold_the_hits_that_pymilvus_makes_of_an_answer(
    loop: EventLoopThread, settings: Settings, limit: int
) -> None:
    rows = [
        ChunkRow(
            DOCUMENT,
            number,
            Chunk(f"단락 {number}", number % 3 or None, number, number + 5),
            "a",
            [1.0, number / 10, 0.0],
        )
        for number in range(20)
    ]
    questions = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]

    async def both() -> tuple[Any, Any, Any]:
        store = VectorStore(settings)
        await store.create(3)
        try:
            await store.insert(rows, "n")
            client = async_client(await store._connection.ready())

            async def found(condition: str = "", **options: Any) -> Any:
                return await client.search(
                    settings.collection,
                    data=questions,
                    anns_field="embedding",
                    limit=limit,
                    filter=condition,
                    output_fields=HIT_FIELDS,
                    search_params={"metric_type": "COSINE"},
                    **options,
                )

            return await found(), await found(in_columns=True), await found('doc_id == "b"', in_columns=True)
        finally:
            await store.close()

    by_pymilvus, columns, nothing = loop.run(both())
    expected = [
        [Hit(hit["id"], DOCUMENT, *(hit["entity"][name] for name in HIT_FIELDS), score=hit["distance"]) for hit in hits]
        for hits in by_pymilvus
    ]
    expected = [[hit._replace(page=hit.page or None) for hit in hits] for hits in expected]
    assert read_hits(columns, float) == expected
    assert [len(hits) for hits in expected] == [min(limit, 20)] * 3
    assert read_hits(nothing, float) == [[], [], []]
