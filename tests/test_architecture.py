"""The rules of the house, one test a rule: who may import whom, and what must appear nowhere."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

# A room imports only from the rooms above it, and from the nouns.
NOUNS = ("errors", "ids", "secrets", "settings", "schema")
ROOMS = (
    "runtime",
    "text",
    "readers",
    "storage",
    "vector_store",
    "embeddings",
    "llm",
    "ingestion",
    "library",
    "retrieval",
    "citations",
    "answering",
    "index",
    "evaluation",
    "benchmarks",
    "cli",
    "__main__",
)
# The pages get the product from its face; beside that only the nouns.
FOR_PAGES = {"rag", "rag.schema", "rag.errors", "rag.settings", "rag.benchmarks"}
# How a module is imported by its name.
BY_NAME = {"import_module", "find_spec", "__import__", "run_module"}


def _files(*places: str) -> list[Path]:
    return sorted(path for place in places for path in REPOSITORY.glob(place))


RAG = _files("rag/**/*.py")
PAGES = _files("app.py", "pages/**/*.py")


def _name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def _module(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


MODULES = {_module(path): path for path in RAG}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def _imports(path: Path) -> frozenset[str]:
    """The full names of all modules that `path` imports anywhere: in functions, and by name, too."""
    return frozenset(_each_import(_tree(path)))


def _each_import(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno} imports relatively: write the full name"
            assert node.module
            for alias in node.names:
                full_name = f"{node.module}.{alias.name}"
                yield full_name if full_name in MODULES else node.module
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in BY_NAME and node.args:
            yield from _constants(node.args[0])


def _constants(node: ast.expr) -> Iterator[str]:
    """The beginning of a name that is put together counts as well: f"pymilvus.{part}"."""
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        yield first.value.rstrip(".")


def _is_of(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _room(module: str) -> str:
    """The room of a module of rag/, "" for the package itself."""
    return [*module.split("."), ""][1]


def _rooms_imported_by(path: Path) -> set[str]:
    return {_room(module) for module in _imports(path) if _is_of(module, "rag")}


def _who_imports(paths: list[Path], *packages: str) -> set[str]:
    return {_name(path) for path in paths if any(_is_of(module, *packages) for module in _imports(path))}


def test_each_module_is_in_a_room_or_a_noun() -> None:
    assert {_room(module) for module in MODULES} - {""} == {*NOUNS, *ROOMS}


def test_a_room_imports_only_from_the_rooms_above_it() -> None:
    wrong = []
    for module, path in MODULES.items():
        room = _room(module)
        if room in ROOMS:
            below = {*ROOMS[ROOMS.index(room) + 1 :]}
            wrong += [f"{module} imports {other}" for other in _rooms_imported_by(path) & below]
    assert not wrong


def test_the_nouns_import_nothing_of_the_house_but_nouns_above_them() -> None:
    for number, noun in enumerate(NOUNS):
        assert _rooms_imported_by(MODULES[f"rag.{noun}"]) <= {*NOUNS[:number]}, noun


def test_inside_a_room_no_imports_go_round() -> None:
    inside = {
        module: {other for other in _imports(path) if _room(other) == _room(module) and other in MODULES} - {module}
        for module, path in MODULES.items()
        if path.stem != "__init__"
    }
    graphlib.TopologicalSorter(inside).prepare()  # raises CycleError, which names them


def test_a_package_s_face_is_for_those_outside_of_it() -> None:
    wrong = [
        module
        for module, path in MODULES.items()
        if _room(module) not in {"", "cli", "__main__"} and "rag" in _imports(path)
    ]
    assert not wrong


def test_rag_knows_nothing_of_streamlit_and_of_the_pages() -> None:
    assert not _who_imports(RAG, "streamlit", "pages", "app")


def test_milvus_is_spoken_in_one_module() -> None:
    client = {"rag/vector_store/client.py"}
    assert _who_imports([*RAG, *PAGES], "pymilvus", "milvus", "llama_index.vector_stores.milvus") == client


def test_milvus_lite_is_touched_in_its_folder_only() -> None:
    touching = _who_imports([*RAG, *PAGES], "milvus_lite", "faiss")
    assert touching and all(name.startswith("rag/vector_store/lite/") for name in touching)


def test_llama_index_s_language_models_are_met_in_one_module() -> None:
    packages = ("llama_index.core.llms", "llama_index.core.base.llms", "llama_index.llms")
    assert _who_imports([*RAG, *PAGES], *packages) == {"rag/llm/openai.py"}


def test_environment_is_read_in_the_settings_only() -> None:
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    reading = {
        _name(path)
        for path in [*RAG, *PAGES]
        for node in ast.walk(_tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and names & {alias.name for alias in node.names})
    }
    assert reading == {"rag/settings.py"}


def test_pages_use_the_face_of_rag() -> None:
    wrong = {
        f"{_name(path)} imports {module}"
        for path in PAGES
        for module in _imports(path)
        if _is_of(module, "rag") and module not in FOR_PAGES
    }
    assert not wrong


def test_no_page_writes_raw_html_or_scripts() -> None:
    for path in PAGES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:
                    if keyword.arg in {"unsafe_allow_html", "unsafe_allow_javascript"}:
                        assert isinstance(keyword.value, ast.Constant) and keyword.value.value is False, path
                if isinstance(node.func, ast.Attribute):
                    assert ast.unparse(node.func) not in {"st.html", "components.html", "components.v1.html"}, path
    assert not _who_imports(PAGES, "streamlit.components")


def test_no_module_makes_a_loop_of_its_own() -> None:
    """Clients belong to the loop of their first await: there is one loop, in event_loop."""
    making = {
        _name(path)
        for path in [*RAG, *PAGES]
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"asyncio.run", "asyncio.new_event_loop"}
    }
    assert making == {"rag/runtime/event_loop.py"}


def test_names_say_what_a_module_is_for() -> None:
    assert not [path for path in [*RAG, *PAGES] if re.search(r"util|helper|manager|common|misc", path.stem)]


def test_each_room_says_what_it_is_for() -> None:
    for path in [*RAG, *PAGES]:
        if path.stem == "__init__" and "migrations" not in path.parts:
            assert ast.get_docstring(_tree(path)), path


def test_imports_by_name_are_seen() -> None:
    """Of the rules above: what they can't see, they don't forbid."""
    for code in (
        "import pymilvus.client",
        "from pymilvus import MilvusClient",
        "def late():\n    from pymilvus.orm import connections",
        "importlib.import_module('pymilvus.client.prepare')",
        "import_module(f'pymilvus.{name}')",
        "__import__('pymilvus')",
        "importlib.util.find_spec('pymilvus')",
    ):
        assert any(_is_of(module, "pymilvus") for module in _each_import(ast.parse(code))), code
