"""What is changed in pymilvus gives what pymilvus gives."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from pymilvus import DataType
from pymilvus.grpc_gen import schema_pb2

from rag.vector_store.client import _decode_range, import_milvus

FIELDS = {
    "texts": schema_pb2.FieldData(
        type=DataType.VARCHAR,
        scalars=schema_pb2.ScalarField(string_data=schema_pb2.StringArray(data=["a", "나", "", "d"])),
    ),
    "numbers": schema_pb2.FieldData(
        type=DataType.INT64, scalars=schema_pb2.ScalarField(long_data=schema_pb2.LongArray(data=[1, 2**40, 0, -4]))
    ),
    "numbers of which one is missing": schema_pb2.FieldData(
        type=DataType.INT64,
        scalars=schema_pb2.ScalarField(long_data=schema_pb2.LongArray(data=[1, 2, 0, 4])),
        valid_data=[True, True, False, True],
    ),
    "booleans": schema_pb2.FieldData(
        type=DataType.BOOL,
        scalars=schema_pb2.ScalarField(bool_data=schema_pb2.BoolArray(data=[True, False, True, True])),
    ),
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("start", "end"), [(0, 4), (1, 3), (2, 2), (3, 6)])
def test_values_of_a_field_are_what_pymilvus_makes_of_them(field: str, start: int, end: int) -> None:
    import_milvus(lite=True)
    import_milvus(lite=False)
    extractors: Any = importlib.import_module("pymilvus.client.field_data_extractors")
    ours = extractors.decode_range
    assert ours.func is _decode_range
    (pymilvus_own,) = ours.args
    assert pymilvus_own.__module__ == "pymilvus.client.field_data_extractors"
    if FIELDS[field].valid_data:
        end = min(end, 4)  # beyond it pymilvus itself fails
    expected = pymilvus_own(FIELDS[field], start, end)
    assert ours(FIELDS[field], start, end) == expected
    assert [type(value) for value in ours(FIELDS[field], start, end)] == [type(value) for value in expected]
