"""What each embedding model has to offer, checked on a model of each loader: a new one needs a line in MODELS."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
from tokenizers import Tokenizer

from rag.embeddings import loading
from rag.embeddings.embedder import Embedder, count_tokens
from rag.embeddings.loading import LOADERS, load_embedder
from rag.embeddings.model import Address, Loader
from rag.settings import Settings
from tests.embeddings.model_folders import cached_in_the_hub, pool_by_maximum, variant
from tests.fakes.llm_server import LLMServer

pytestmark = pytest.mark.slow

TEXTS = [
    "The ferry to the island leaves at noon.",
    "Preheat the oven and knead the dough until it is smooth.",
    "",
    "Größe, naïve, ﬁne — 🙂 \ufffd \u200b",
    "도서관은 오전 아홉 시에 문을 엽니다.",
    "A ferry leaves for the island. " * 40,
]
LONGER_THAN_ANY_WINDOW = "The ferry leaves at noon. " * 3000

# EMBED_MODEL and other settings of a model that is at hand.
Given = tuple[str, dict[str, str]]


def folder_by_openvino(tmp_path: Path, server: LLMServer) -> Given:
    return str(variant(tmp_path / "model")), {}


def folder_by_pytorch(tmp_path: Path, server: LLMServer) -> Given:
    return str(variant(tmp_path / "model", "1_Pooling/config.json", pool_by_maximum)), {}


def hub_id(tmp_path: Path, server: LLMServer) -> Given:
    cached_in_the_hub(tmp_path / "hub", "someone/some-model")
    return "someone/some-model", {}


def embeddings_server(tmp_path: Path, server: LLMServer) -> Given:
    return "nomic-embed-text", {"embed_base_url": server.url}


# By a name: the loader that has to take it, and what makes it.
MODELS: dict[str, tuple[str, Callable[[Path, LLMServer], Given]]] = {
    "bundled": ("OpenVINO", lambda tmp_path, server: ("bundled", {})),
    "folder of a BERT": ("OpenVINO", folder_by_openvino),
    "folder of another model": ("PyTorch", folder_by_pytorch),
    "id of the hub": ("OpenVINO", hub_id),
    "server": ("the embeddings server", embeddings_server),
}


@pytest.fixture(scope="module")
def embedders() -> dict[str, Embedder]:
    """The loaded models, for all tests of the module."""
    return {}


@pytest.fixture(params=MODELS)
def embedder(
    request: pytest.FixtureRequest,
    embedders: dict[str, Embedder],
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    llm_server: LLMServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Embedder:
    if request.param not in embedders:
        folder = tmp_path_factory.mktemp("model")
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder / "hub"))
        used: list[str] = []

        def noted(loader: Loader) -> Loader:
            class Noted:
                NAME, fits = loader.NAME, staticmethod(loader.fits)

                @staticmethod
                def load(address: Address, precision: object) -> object:
                    used.append(loader.NAME)
                    return loader.load(address, None)

            return Noted  # type: ignore[return-value]

        monkeypatch.setattr(loading, "LOADERS", tuple(map(noted, LOADERS)))
        loader, make = MODELS[request.param]
        name, changes = make(folder, llm_server)
        embedders[request.param] = load_embedder(name, settings.model_copy(update=changes))
        assert used == [loader]
    return embedders[request.param]


def cosine(one: list[float], two: list[float]) -> float:
    return float(np.dot(one, two))


def test_each_loader_has_a_model_at_hand() -> None:
    assert {loader for loader, _ in MODELS.values()} == {loader.NAME for loader in LOADERS}


def test_model_says_what_it_is(embedder: Embedder) -> None:
    assert embedder.name
    assert embedder.fingerprint
    assert embedder.dimension > 1
    assert embedder.max_tokens > 1
    assert embedder.threads >= 1
    assert embedder.batch_size >= 1
    assert 0 <= embedder.unrelated_cosine <= 0.95


def test_there_is_a_unit_vector_for_each_text(embedder: Embedder) -> None:
    for background in (False, True):
        vectors = embedder.embed_texts(TEXTS, background=background)
        assert [len(vector) for vector in vectors] == [embedder.dimension] * len(TEXTS)
        assert all(math.isclose(math.hypot(*vector), 1, abs_tol=2e-3) for vector in vectors)
        assert embedder.embed_texts([], background=background) == []
    assert len(embedder.embed_query("When does the ferry leave?")) == embedder.dimension


def test_vectors_come_in_the_order_of_the_texts_whatever_goes_with_them(embedder: Embedder) -> None:
    alone = [embedder.embed_texts([text])[0] for text in TEXTS]
    for order in (range(len(TEXTS)), range(len(TEXTS))[::-1]):
        vectors = embedder.embed_texts([TEXTS[number] for number in order], background=True)
        assert all(cosine(vector, alone[number]) >= 0.999 for number, vector in zip(order, vectors, strict=True))


def test_question_is_near_the_text_that_answers_it(embedder: Embedder) -> None:
    question = embedder.embed_query("When does the ferry to the island leave?")
    ferry, dough = embedder.embed_texts(TEXTS[:2])
    assert cosine(question, ferry) > cosine(question, dough)


def test_text_longer_than_the_window_is_cut(embedder: Embedder) -> None:
    (vector,) = embedder.embed_texts([LONGER_THAN_ANY_WINDOW])
    assert len(vector) == embedder.dimension
    assert embedder.count_tokens([LONGER_THAN_ANY_WINDOW])[0] > embedder.max_tokens


def test_threads_do_not_mix_up_their_texts(embedder: Embedder) -> None:
    expected = embedder.embed_texts(TEXTS)

    def embed(number: int) -> float:
        (vector,) = embedder.embed_texts([TEXTS[number]], background=True)
        return cosine(vector, expected[number])

    with ThreadPoolExecutor(3) as pool:
        assert min(pool.map(embed, [*range(len(TEXTS))] * 2)) >= 0.999


def test_tokens_are_counted_as_the_reader_s_process_counts_them(embedder: Embedder) -> None:
    counts = embedder.count_tokens(TEXTS)
    assert counts[2] == 0 and all(count > 0 for number, count in enumerate(counts) if number != 2)
    assert count_tokens(Tokenizer.from_str(embedder.tokenizer), TEXTS) == counts


def test_llamaindex_is_met_where_it_is_loaded_only() -> None:
    modules = (Path(loading.__file__).parent).glob("*.py")
    assert {path.stem for path in modules if "llama_index" in path.read_text("utf-8")} == {
        "torch_model",
        "server_model",
    }


def test_fingerprint_names_the_weights_and_not_the_loader(settings: Settings, tmp_path: Path) -> None:
    name = str(variant(tmp_path / "model"))
    fast = load_embedder(name, settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "LOADERS", [loader for loader in LOADERS if loader.NAME == "PyTorch"])
        slow = load_embedder(name, settings)
    assert fast.fingerprint == slow.fingerprint
