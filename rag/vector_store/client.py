"""pymilvus, as LlamaIndex's MilvusVectorStore uses it: clients, and the collection that Docent makes.

No other module imports pymilvus. The functions here block, so call them in a thread. They raise pymilvus's exceptions.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import re
from typing import TYPE_CHECKING, Any

from rag.runtime.imports import IMPORTING, freeze_imported
from rag.settings import Settings, milvus_uri_hidden
from rag.vector_store.lite import patches as lite_patches
from rag.vector_store.patching import Patch, Patches

# They take a second to import, and listing documents needs neither: `import_milvus` imports them later.
if TYPE_CHECKING:
    from llama_index.vector_stores.milvus import MilvusVectorStore as MilvusVectorStore
    from pymilvus import AsyncMilvusClient
    from pymilvus import MilvusClient as MilvusClient

CONNECT_SECONDS = 5.0
# An attempt to connect that gets no answer delays the next attempt: by default for 20 s, then longer each time, up to
# 120 s.
SERVER_GRPC_OPTIONS = {
    "grpc.min_reconnect_backoff_ms": 5_000,
    "grpc.max_reconnect_backoff_ms": 5_000,
    "grpc.use_local_subchannel_pool": 1,  # a new client gets a new connection
}
# pymilvus pings every 10 s, Milvus Lite answers too many pings with GOAWAY, and an insert can then wait for ever. For a
# server the pings stay frequent: nothing else shows that a silent connection is dead.
LITE_GRPC_OPTIONS = {"grpc.keepalive_time_ms": 600_000}
# The values that found most on the questions of six sets; Milvus's defaults are 1.2 and 0.75 (Milvus Lite: 1.5, 0.75).
BM25_PARAMETERS = {"bm25_k1": 1.0, "bm25_b": 0.9}
# `rag.vector_store.lite` compares all vectors, whatever the index. Without its patches, FLAT takes ten times as long.
LITE_INDEX = {"index_type": "IVF_FLAT", "params": {"nlist": 1}}
# The most rows that a server puts into one answer.
MOST_ROWS = 16_384
# Milvus Lite's for a request that doesn't fit the collection, for no such collection, and for one that isn't loaded.
_REFUSAL_CODES = {6, 100, 101}
ROW_FIELDS = ["doc_id", "page", "start", "end"]


@functools.cache
def import_milvus(lite: bool) -> None:
    """Import pymilvus, LlamaIndex's store and, if `lite`, Milvus Lite; once. It takes a second."""
    with IMPORTING, milvus_uri_hidden():
        importlib.import_module("llama_index.vector_stores.milvus")
        with contextlib.suppress(ImportError):
            importlib.import_module("scipy.sparse")  # else pymilvus imports it at the first search, on the event loop
        if lite:
            lite_patches.prepare()
    PATCHES.install()
    # pymilvus logs a traceback for every failed call before it raises; here each failure is logged once.
    for name in ("pymilvus", "milvus_lite", "grpc._server"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    freeze_imported()


async def _execute_search(
    self: Any, execute: Any, request: Any, timeout: Any = None, context: Any = None, **options: Any
) -> Any:
    """pymilvus's function; with the option `in_columns` it returns the server's answer as it is, a SearchResultData."""
    if not options.pop("in_columns", False):
        return await execute(self, request, timeout, context, **options)
    from pymilvus.client.call_context import _api_level_md
    from pymilvus.client.utils import check_status

    response = await self._async_stub.Search(request, timeout=timeout, metadata=_api_level_md(context))
    check_status(response.status)
    return response.results


# The replacements in pymilvus.
PATCHES = Patches(
    "pymilvus",
    "pymilvus",
    "2.6.17",
    [
        Patch(
            name="faster inserts",
            why="It checks each character of a text as if it were a text, which takes as long as the rest of an "
            "insert. It looks up a field's type for each value of each row, a quarter of an insert's work.",
            upstream="not reported",
            until="pymilvus checks texts as texts, and looks up a field's type once.",
            replacements={
                "pymilvus.client.entity_helper:CHECK_STR_ARRAY": lambda _: False,
                "pymilvus.client.type_info:get_type_info": functools.cache,
            },
            digests={
                "pymilvus.client.entity_helper:CHECK_STR_ARRAY": "b760f44fa596",
                "pymilvus.client.entity_helper:convert_to_str_array": "2df41448a508",
                "pymilvus.client.entity_helper:entity_to_str_arr": "4fd72dcccede",
                "pymilvus.client.entity_helper:entity_to_field_data": "3641f698b51b",
                "pymilvus.client.type_info:get_type_info": "97515d87e0c2",
            },
        ),
        Patch(
            name="columns of hits",
            why="It makes three objects of each hit, and looks up the type of each value: 2.3 ms for 150 hits instead "
            "of 0.13, twice for a question, and 102 ms for 1,000 searches of 3 hits instead of 7. Nor does it notice "
            "when a column of an answer has too many values.",
            upstream="not reported",
            until="pymilvus gives columns.",
            replacements={
                "pymilvus.client.async_grpc_handler:AsyncGrpcHandler._execute_search": lambda execute: (
                    functools.partialmethod(_execute_search, execute)
                ),
            },
            digests={
                "pymilvus.client.async_grpc_handler:AsyncGrpcHandler._execute_search": "3022752edf87",
                "pymilvus.client.async_grpc_handler:AsyncGrpcHandler.search": "b0427df19085",
                "pymilvus.client.call_context:_api_level_md": "4732056cf51f",
                "pymilvus.client.utils:check_status": "b825d90f04ce",
            },
        ),
    ],
)


def milvus_shown(lite: bool, version: str) -> str:
    """The name and version of Milvus, such as "Milvus 2.5.4", and the patches that are left out, if any."""
    kind = (lite and lite_patches.PATCHES.slow_path()) or ("Milvus Lite" if lite else f"Milvus {version}")
    return "; ".join(filter(None, (kind, PATCHES.slow_path())))


def open_client(settings: Settings) -> MilvusClient:
    """A synchronous client, with no collection opened."""
    import_milvus(settings.milvus_is_lite)
    from pymilvus import MilvusClient

    return MilvusClient(**_connection(settings))


def knows_bm25(version: str) -> bool:
    """Whether a server of this version ranks by BM25."""
    numbers = re.findall(r"\d+", version)
    return [int(number) for number in numbers[:2]] >= [2, 5]


def make_store(settings: Settings, dimension: int | None, lexical: bool) -> MilvusVectorStore:
    """The collection of the settings, searched by cosine, and by BM25 if `lexical`. With a `dimension` (floats in a
    vector) it is created if it doesn't exist."""
    from llama_index.vector_stores.milvus import MilvusVectorStore
    from llama_index.vector_stores.milvus.utils import BM25BuiltInFunction
    from pymilvus import DataType

    lite = settings.milvus_is_lite
    # Milvus Lite has no whitespace tokenizer. Its standard tokenizer keeps our terms whole; a server's doesn't.
    tokenizer = "standard" if lite else "whitespace"
    return MilvusVectorStore(
        **_connection(settings),
        collection_name=settings.collection,
        dim=dimension,
        similarity_metric="COSINE",
        index_config=LITE_INDEX if lite else {"index_type": "AUTOINDEX"},
        enable_sparse=lexical,
        sparse_embedding_function=BM25BuiltInFunction("lexical", analyzer_params={"tokenizer": tokenizer})
        if lexical
        else None,
        # Milvus Lite reads index parameters only under "params"; pymilvus 2.6 puts them elsewhere by itself.
        sparse_index_config={"params": BM25_PARAMETERS} if lite else BM25_PARAMETERS,
        scalar_field_names=["lexical", "page", "start", "end"],
        scalar_field_types=[DataType.VARCHAR, DataType.INT64, DataType.INT64, DataType.INT64],
        output_fields=ROW_FIELDS,
        consistency_level=settings.consistency_level,
    )


def make_plain_store(settings: Settings, name: str, dimension: int) -> MilvusVectorStore:
    """LlamaIndex's store as its tutorial makes it, for benchmarks. Only LITE_GRPC_OPTIONS are added: without them an
    insert into Milvus Lite can wait for ever."""
    import_milvus(settings.milvus_is_lite)
    from llama_index.vector_stores.milvus import MilvusVectorStore

    return MilvusVectorStore(
        **_connection(settings),
        collection_name=name,
        dim=dimension,
        similarity_metric="COSINE",
        consistency_level=settings.consistency_level,
    )


def is_refusal(error: BaseException) -> bool:
    """Whether a write failed before it touched Milvus Lite's file: pymilvus or Milvus Lite didn't take the request."""
    from pymilvus import exceptions

    refusals = (exceptions.ParamError, exceptions.DataNotMatchException, exceptions.DataTypeNotMatchException)
    return isinstance(error, refusals) or (
        isinstance(error, exceptions.MilvusException) and error.code in _REFUSAL_CODES
    )


def async_client(store: MilvusVectorStore) -> AsyncMilvusClient:
    """The store's asynchronous client."""
    assert store.aclient is not None  # no store is made without one
    return store.aclient


def _connection(settings: Settings) -> dict[str, Any]:
    token = settings.milvus_token.get_secret_value()
    return {
        "uri": settings.milvus_address,
        "token": token,
        "timeout": CONNECT_SECONDS,
        "grpc_options": LITE_GRPC_OPTIONS if settings.milvus_is_lite else SERVER_GRPC_OPTIONS,
        # Else pymilvus keeps the connections of closed event loops, and reuses them on later loops.
        "dedicated": True,
    }
