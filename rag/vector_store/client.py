"""pymilvus, as LlamaIndex's MilvusVectorStore uses it: clients, and the collection that Docent makes with it.

The only module that imports it. Its functions block: call them in a thread; they raise what pymilvus raises.
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

# These take a second to import, and what lists documents doesn't need them: `import_milvus` does it.
if TYPE_CHECKING:
    from llama_index.vector_stores.milvus import MilvusVectorStore as MilvusVectorStore
    from pymilvus import AsyncMilvusClient
    from pymilvus import MilvusClient as MilvusClient

CONNECT_SECONDS = 5.0
# An attempt to connect that gets no answer holds up the ones that follow, and those wait longer each time: by default
# 20 s, and up to 120 s.
SERVER_GRPC_OPTIONS = {
    "grpc.min_reconnect_backoff_ms": 5_000,
    "grpc.max_reconnect_backoff_ms": 5_000,
    "grpc.use_local_subchannel_pool": 1,  # a new client gets a new connection
}
# pymilvus pings every 10 s, Milvus Lite answers too many pings with GOAWAY, and an insert can then wait for ever. To a
# server those pings are what tells that a connection is dead on which nothing comes back.
LITE_GRPC_OPTIONS = {"grpc.keepalive_time_ms": 600_000}
# Of the values tried on questions of six sets, these found most; Milvus's defaults are 1.2 and 0.75 (Lite's 1.5).
BM25_PARAMETERS = {"bm25_k1": 1.0, "bm25_b": 0.9}
# `rag.vector_store.lite` looks at all vectors. Where Milvus Lite does that itself, its FLAT takes ten times as long.
LITE_INDEX = {"index_type": "IVF_FLAT", "params": {"nlist": 1}}
# Rows that one answer of a server may hold.
MOST_ROWS = 16_384
ROW_FIELDS = ["doc_id", "page", "start", "end"]


@functools.cache
def import_milvus(lite: bool) -> None:
    """Import what speaks to Milvus, once."""
    with IMPORTING, milvus_uri_hidden():
        importlib.import_module("llama_index.vector_stores.milvus")
        with contextlib.suppress(ImportError):
            importlib.import_module("scipy.sparse")  # else pymilvus does so at the first search, on the event loop
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
    """Like pymilvus's own, but with the option `in_columns` it returns the server's answer, a SearchResultData."""
    if not options.pop("in_columns", False):
        return await execute(self, request, timeout, context, **options)
    from pymilvus.client.call_context import _api_level_md
    from pymilvus.client.utils import check_status

    response = await self._async_stub.Search(request, timeout=timeout, metadata=_api_level_md(context))
    check_status(response.status)
    return response.results


# What is replaced in pymilvus while it runs.
PATCHES = Patches(
    "pymilvus",
    "pymilvus",
    "2.6.17",
    [
        Patch(
            name="faster inserts",
            why="It takes each character of a text for a text of its own, as long as the rest of an insert, "
            "and looks up the type of the field of each value of each row, a quarter of an insert's work.",
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
            "of 0.13, twice for a question, and 102 ms for 1,000 searches of 3 hits instead of 7. It doesn't notice "
            "an answer with too many values in a column either.",
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
    """Which Milvus this is, such as "Milvus 2.5.4", with the patches that are left out if any are."""
    kind = (lite and lite_patches.PATCHES.slow_path()) or ("Milvus Lite" if lite else f"Milvus {version}")
    return "; ".join(filter(None, (kind, PATCHES.slow_path())))


def open_client(settings: Settings) -> MilvusClient:
    """A client of pymilvus's own."""
    import_milvus(settings.milvus_is_lite)
    from pymilvus import MilvusClient

    return MilvusClient(**_connection(settings))


def knows_bm25(version: str) -> bool:
    """Whether a server of this version ranks by BM25."""
    numbers = re.findall(r"\d+", version)
    return [int(number) for number in numbers[:2]] >= [2, 5]


def make_store(settings: Settings, dimension: int | None, lexical: bool) -> MilvusVectorStore:
    """The collection of the settings, in which Docent's rows are found by cosine, and by BM25 if `lexical`. It is made
    if `dimension`, that of the vectors, is given."""
    from llama_index.vector_stores.milvus import MilvusVectorStore
    from llama_index.vector_stores.milvus.utils import BM25BuiltInFunction
    from pymilvus import DataType

    lite = settings.milvus_is_lite
    # Milvus Lite has no whitespace tokenizer; its standard one keeps our terms whole, a server's would not.
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
        # Milvus Lite reads index parameters only where pymilvus 2.6 doesn't put them by itself.
        sparse_index_config={"params": BM25_PARAMETERS} if lite else BM25_PARAMETERS,
        scalar_field_names=["lexical", "page", "start", "end"],
        scalar_field_types=[DataType.VARCHAR, DataType.INT64, DataType.INT64, DataType.INT64],
        output_fields=ROW_FIELDS,
        consistency_level=settings.consistency_level,
    )


def make_plain_store(settings: Settings, name: str, dimension: int) -> MilvusVectorStore:
    """LlamaIndex's store as the tutorial makes it, for benchmarks; but for LITE_GRPC_OPTIONS, without which it can wait
    for ever on Milvus Lite."""
    import_milvus(settings.milvus_is_lite)
    from llama_index.vector_stores.milvus import MilvusVectorStore

    return MilvusVectorStore(
        **_connection(settings),
        collection_name=name,
        dim=dimension,
        similarity_metric="COSINE",
        consistency_level=settings.consistency_level,
    )


def async_client(store: MilvusVectorStore) -> AsyncMilvusClient:
    """The one in the store."""
    assert store.aclient is not None  # we never ask for a store without it
    return store.aclient


def _connection(settings: Settings) -> dict[str, Any]:
    token = settings.milvus_token.get_secret_value()
    return {
        "uri": settings.milvus_address,
        "token": token,
        "timeout": CONNECT_SECONDS,
        "grpc_options": LITE_GRPC_OPTIONS if settings.milvus_is_lite else SERVER_GRPC_OPTIONS,
        # Else pymilvus keeps the connections of loops that are closed, and gives them to loops that come later.
        "dedicated": True,
    }
