"""The rules of the house, read from the source: who may import whom, and what must appear nowhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

# From the top: nouns, adapters, verbs, face. A module imports only from above it.
ORDER = [
    "errors",
    "ids",
    "settings",
    "libraries",
    "logs",
    "schema",
    "text_parts",
    "loop_watch",
    "event_loop",
    "retries",
    "faults",
    "filetypes",
    "cleaning",
    "decoding",
    "archives",
    "markup",
    "office",
    "sheets",
    "slides",
    "pdf",
    "plain",
    "readers",
    "function_words",
    "languages",
    "lexical",
    "sentences",
    "headings",
    "text_units",
    "chunking",
    "processor",
    "model_folders",
    "bert",
    "embedding",
    "embedding_models",
    "llm_errors",
    "llm_client",
    "llm",
    "language_model",
    "rows",
    "shared_requests",
    "lite_snapshot",
    "lite_search",
    "lite_query",
    "lite_storage",
    "lite_server",
    "vector_store.failures",
    "vector_store.client",
    "vector_store.connection",
    "vector_store.searches",
    "vector_store.store",
    "migrations.env",
    "migrations.versions.v0001_first_release",
    "migrations.versions.v0002_replaced_documents",
    "migrations.versions.v0003_conversations_of_a_collection",
    "migrations.versions.v0004_documents_by_state",
    "database",
    "fingerprints",
    "claims",
    "catalog",
    "conversations",
    "collection",
    "file_store",
    "removal",
    "reader_worker",
    "reader_process",
    "alignment",
    "page_view",
    "sources",
    "jobs",
    "embedding_queue",
    "outcomes",
    "reading",
    "inserting",
    "ingestion",
    "verification",
    "repair",
    "watch",
    "reranking",
    "fusion",
    "passages",
    "retrieval",
    "prompts",
    "written_numbers",
    "figures",
    "polarity",
    "scripts",
    "claim_words",
    "passage_analysis",
    "names",
    "support",
    "citations",
    "evidence",
    "extractive",
    "suggestions",
    "chat",
    "questions",
    "intake",
    "originals",
    "moving",
    "index",
    "metrics",
    "changed_claims",
    "labelled_claims",
    "question_sets",
    "question_outcomes",
    "evaluation",
    "console",
    "question_commands",
    "eval_command",
    "move_command",
    "doctor_command",
    "benchmarks.workload",
    "benchmarks.scratch",
    "benchmarks.resident",
    "benchmarks.results",
    "benchmarks.plain_store",
    "benchmarks.scratch_collections",
    "benchmarks.turns",
    "benchmarks.tables",
    "benchmarks.background",
    "benchmarks.chart",
    "benchmarks.tables_command",
    "benchmarks.synthetic",
    "benchmarks.growth",
    "benchmarks.scale",
    "benchmarks.scratch_library",
    "benchmarks.tutorial_ingestion",
    "benchmarks.ingest",
    "benchmarks.llm_server",
    "benchmarks.latency",
    "benchmarks.memory",
    "benchmarks.command",
    "__main__",
]

RAG = sorted((REPOSITORY / "rag").rglob("*.py"))
FACES = {"rag", "rag.benchmarks"}
PAGES = [REPOSITORY / "app.py", *sorted((REPOSITORY / "pages").rglob("*.py"))]
# Streamlit code gets the engine from its face; beside that only the nouns.
FOR_PAGES = {"rag", "rag.schema", "rag.errors", "rag.settings", "rag.benchmarks"}


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _imports(path: Path) -> Iterator[str]:
    """The full names of all modules that `path` imports anywhere, in functions too."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively: write the full name"
            assert node.module
            if node.module in FACES:
                for alias in node.names:
                    full_name = f"{node.module}.{alias.name}"
                    yield full_name if full_name.removeprefix("rag.") in ORDER else node.module
            else:
                yield node.module


def _name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def _place(path: Path) -> str:
    """A module of rag/ as it is named in ORDER."""
    return ".".join(path.relative_to(REPOSITORY / "rag").with_suffix("").parts)


def _is_of(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def test_every_module_has_its_place_in_the_order() -> None:
    assert {_place(path) for path in RAG if path.stem != "__init__"} == set(ORDER)
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("path", RAG, ids=_name)
def test_module_imports_only_from_above_it(path: Path) -> None:
    if path.stem == "__init__":
        return  # a face: it may name any module
    assert _place(path) in ORDER
    below = set(ORDER[ORDER.index(_place(path)) :])
    imported = {module.removeprefix("rag.") for module in _imports(path) if module.startswith("rag.")}
    assert not imported & below
    if path.stem != "__main__":
        assert not FACES & set(_imports(path)), "a package's face is for those outside of it"


@pytest.mark.parametrize("path", RAG, ids=_name)
def test_rag_knows_nothing_of_streamlit_and_of_the_pages(path: Path) -> None:
    assert not [module for module in _imports(path) if _is_of(module, "streamlit", "pages", "app")]


@pytest.mark.parametrize("path", [*RAG, *PAGES], ids=_name)
def test_milvus_is_spoken_in_the_vector_store_only(path: Path) -> None:
    milvus = [
        module for module in _imports(path) if _is_of(module, "pymilvus", "milvus", "llama_index.vector_stores.milvus")
    ]
    assert not milvus or _name(path) == "rag/vector_store/client.py"


@pytest.mark.parametrize("path", [*RAG, *PAGES], ids=_name)
def test_milvus_lite_is_run_in_one_module_only(path: Path) -> None:
    lite = [module for module in _imports(path) if _is_of(module, "milvus_lite", "faiss")]
    assert not lite or _name(path) == "rag/lite_server.py"


@pytest.mark.parametrize("path", [*RAG, *PAGES], ids=_name)
def test_environment_is_read_in_the_settings_only(path: Path) -> None:
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    used = [
        node
        for node in ast.walk(_tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and names & {alias.name for alias in node.names})
    ]
    assert not used or _name(path) == "rag/settings.py"


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_pages_use_the_face_of_rag(path: Path) -> None:
    assert {module for module in _imports(path) if _is_of(module, "rag")} <= FOR_PAGES


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_no_page_writes_raw_html_or_scripts(path: Path) -> None:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in {"unsafe_allow_html", "unsafe_allow_javascript"}:
                    assert isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            if isinstance(node.func, ast.Attribute):
                assert ast.unparse(node.func) not in {"st.html", "components.html", "components.v1.html"}
    assert not [module for module in _imports(path) if _is_of(module, "streamlit.components")]


@pytest.mark.parametrize("path", [*RAG, *PAGES], ids=_name)
def test_no_module_makes_a_loop_of_its_own(path: Path) -> None:
    """Clients belong to the loop of their first await: there is one loop, in event_loop."""
    made = [
        node
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"asyncio.run", "asyncio.new_event_loop"}
    ]
    assert not made or _name(path) == "rag/event_loop.py"


@pytest.mark.parametrize("path", [*RAG, *PAGES], ids=_name)
def test_names_say_what_a_module_is_for(path: Path) -> None:
    assert not re.search(r"util|helper|manager|common|misc", path.stem)
