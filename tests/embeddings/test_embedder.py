from __future__ import annotations

import http.server
import json
import math
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from rag import DocumentIndex
from rag.embeddings.embedder import Embedder, EmbedderThreads
from rag.embeddings.hub import ModelChoice, bundled_folder, choose_model
from rag.embeddings.loading import load_embedder
from rag.errors import EmbeddingError
from rag.library import health
from rag.settings import Settings
from tests.embeddings.model_folders import cached_in_the_hub, link_to_bundled_model
from tests.fakes.llm_server import LLMServer
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

pytest_plugins = ["tests.bundled_model"]

HUB_ID = "someone/some-model"
BGE_INSTRUCTION = "Represent this sentence for searching relevant passages: "
TEXT = "The lease ends in March."
FEW_SECONDS = 15.0


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache in place of the developer's."""
    cache = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    return cache


@contextmanager
def hub_that_answers(status: int) -> Iterator[str]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"id": HUB_ID, "siblings": []}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def hub_that_never_answers() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def copy_of_bundled_model(folder: Path) -> Path:
    shutil.copytree(bundled_folder(), folder)
    return folder


def cosine(one: list[float], two: list[float]) -> float:
    return sum(a * b for a, b in zip(one, two, strict=True))


# --- which model


def test_bundled_model_is_chosen_when_asked_for(settings: Settings) -> None:
    assert choose_model(settings) == ModelChoice("bundled")


def test_folder_is_chosen_when_it_is_there(settings: Settings, tmp_path: Path) -> None:
    name = str(tmp_path)
    assert choose_model(settings.model_copy(update={"embed_model": name})) == ModelChoice(name)


@pytest.mark.parametrize("name", ["./not/there", "/not/there", "~/not-there", "not-there", "a/b/c"])
def test_folder_that_is_missing_is_said(settings: Settings, name: str) -> None:
    with pytest.raises(EmbeddingError, match="EMBED_MODEL"):
        choose_model(settings.model_copy(update={"embed_model": name}))


def test_name_is_left_to_the_embeddings_server(settings: Settings) -> None:
    asked = settings.model_copy(update={"embed_model": "nomic-embed-text", "embed_base_url": "http://127.0.0.1:1/v1"})
    assert choose_model(asked) == ModelChoice("nomic-embed-text")


@pytest.mark.parametrize("hub", ["offline", "silent", "unknown model", "failing"])
def test_unreachable_model_falls_back_to_the_bundled_one_within_seconds(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, hub: str
) -> None:
    hubs = {
        "offline": lambda: nullcontext("https://huggingface.co"),  # tests have no network
        "silent": hub_that_never_answers,
        "unknown model": lambda: hub_that_answers(404),
        "failing": lambda: hub_that_answers(500),
    }
    asked = settings.model_copy(update={"embed_model": HUB_ID})
    with hubs[hub]() as url:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
        begin = time.monotonic()
        choice = choose_model(asked)
        assert time.monotonic() - begin < FEW_SECONDS
    assert choice.name == "bundled"
    assert choice.notice
    assert HUB_ID in choice.notice
    assert "EMBED_MODEL" in choice.notice


def test_model_of_the_hub_is_chosen_when_the_hub_has_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with hub_that_answers(200) as url:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
        assert choose_model(settings.model_copy(update={"embed_model": HUB_ID})) == ModelChoice(HUB_ID)


def test_cached_model_is_used_without_network(settings: Settings, hub_cache: Path) -> None:
    cached_in_the_hub(hub_cache, HUB_ID)
    asked = settings.model_copy(update={"embed_model": HUB_ID})
    assert choose_model(asked) == ModelChoice(HUB_ID)
    loaded = load_embedder(HUB_ID, asked)
    assert (loaded.name, loaded.fingerprint, loaded.dimension) == (HUB_ID, f"hub:{HUB_ID}", 384)


def test_cached_model_without_its_weights_is_not_taken(settings: Settings, hub_cache: Path) -> None:
    commit = "a" * 40
    model = hub_cache / "models--someone--some-model"
    (model / "snapshots" / commit).mkdir(parents=True)
    (model / "snapshots" / commit / "config.json").write_text("{}")
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(commit)
    assert choose_model(settings.model_copy(update={"embed_model": HUB_ID})).name == "bundled"


# --- loading


def test_bundled_model_says_what_it_is(embedder: Embedder) -> None:
    assert embedder.dimension == 384
    assert embedder.max_tokens == 256
    assert embedder.fingerprint == "bundled:all-MiniLM-L6-v2"
    assert "bundled" in embedder.name


def test_fingerprint_of_a_folder_follows_the_weights_and_not_the_place(settings: Settings, tmp_path: Path) -> None:
    original = copy_of_bundled_model(tmp_path / "one")
    moved = link_to_bundled_model(tmp_path / "elsewhere" / "two")
    tuned = copy_of_bundled_model(tmp_path / "tuned")
    with (tuned / "model.safetensors").open("r+b") as weights:
        weights.seek(-4, 2)  # the last number of the last layer
        weights.write(b"\0\0\0\1")
    prints = [load_embedder(str(folder), settings).fingerprint for folder in (original, moved, tuned)]
    assert prints[0] == prints[1] != prints[2]
    assert prints[0].startswith("folder:")


def emptied(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": emptied,
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "half the weights": lambda folder: halved(folder / "model.safetensors"),
    "weights without bytes": lambda folder: (folder / "model.safetensors").write_bytes(b""),
    "weights that are no numbers": lambda folder: save_file(
        {name: values * np.nan for name, values in load_file(folder / "model.safetensors").items()},
        folder / "model.safetensors",
    ),
    "half the configuration": lambda folder: halved(folder / "config.json"),
    "a configuration of other weights": lambda folder: (folder / "config.json").write_text(
        (folder / "config.json").read_text().replace('"hidden_size": 384', '"hidden_size": 768')
    ),
    "half the tokenizer": lambda folder: halved(folder / "tokenizer.json"),
    "modules outside": lambda folder: (folder / "modules.json").write_text(
        (folder / "modules.json").read_text().replace('"1_Pooling"', '"../../1_Pooling"')
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_model_is_one_sentence(settings: Settings, tmp_path: Path, damage: str) -> None:
    folder = copy_of_bundled_model(tmp_path / "model")
    DAMAGES[damage](folder)
    with pytest.raises(EmbeddingError, match="EMBED_MODEL") as caught:
        load_embedder(str(folder), settings)
    sentence = str(caught.value)
    assert str(folder) in sentence and "\n" not in sentence


def test_library_waits_for_a_damaged_model_to_be_mended(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "HEARTBEAT_SECONDS", 0.1)
    folder = copy_of_bundled_model(tmp_path / "model")
    weights = (folder / "model.safetensors").read_bytes()
    halved(folder / "model.safetensors")
    with DocumentIndex(settings.model_copy(update={"embed_model": str(folder)})) as index:
        (result,) = index.ingest([("ferry.txt", b"The ferry to the island leaves at noon.")])
        assert result.status == "failed" and str(folder) in (result.error or "")
        assert index.status().embedding.state == "error"
        (folder / "model.safetensors").write_bytes(weights)
        deadline = time.monotonic() + 60
        while index.status().embedding.state != "ready":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        index.wait([index.retry(result.doc_id or "")])
        assert index.search("When does the ferry leave?")[0].file_name == "ferry.txt"


def test_model_that_is_neither_cached_nor_reachable_is_one_sentence(settings: Settings) -> None:
    begin = time.monotonic()
    with pytest.raises(EmbeddingError, match=HUB_ID):
        load_embedder(HUB_ID, settings)
    assert time.monotonic() - begin < FEW_SECONDS


# --- vectors


def test_vectors_have_unit_length_and_come_in_order(embedder: Embedder) -> None:
    texts = [f"{TEXT} {i}" for i in range(40)] + ["", "word " * 5000, "한국어", "\ufffd\u200b"]
    vectors = embedder.embed_texts(texts)
    assert len(vectors) == len(texts)
    assert all(math.isclose(math.hypot(*vector), 1, abs_tol=1e-3) for vector in vectors)
    assert cosine(vectors[3], embedder.embed_query(texts[3])) == pytest.approx(1, abs=1e-3)
    assert embedder.embed_texts([]) == []


def test_threads_do_not_disturb_each_other(embedder: Embedder) -> None:
    texts = [f"{TEXT} {i} " + "word " * i for i in range(16)]
    expected = embedder.embed_texts(texts)
    with ThreadPoolExecutor(4) as pool:
        for vector, known in zip(pool.map(embedder.embed_query, texts), expected, strict=True):
            assert cosine(vector, known) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "query_instruction", "text_instruction"),
    [
        ("bge-base-en-v1.5", BGE_INSTRUCTION, ""),
        ("multilingual-e5-small", "query: ", "passage: "),
        ("type5-notes", "", ""),
    ],
)
def test_model_gets_the_instructions_it_was_trained_with(
    embedder: Embedder,
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    query_instruction: str,
    text_instruction: str,
) -> None:
    loaded = load_embedder(str(link_to_bundled_model(tmp_path_factory.mktemp("models") / name)), settings)
    as_question, as_text = embedder.embed_texts([query_instruction + TEXT, text_instruction + TEXT])
    assert cosine(loaded.embed_query(TEXT), as_question) == pytest.approx(1, abs=1e-3)
    assert cosine(loaded.embed_texts([TEXT])[0], as_text) == pytest.approx(1, abs=1e-3)


class BreakingModel:
    """Answers until it is told to break."""

    name, fingerprint, tokenizer, max_tokens, threads, batch_size = "some model", "print", None, 256, 1, 32
    broken = False

    def embed_query(self, question: str) -> list[float]:
        return {False: [1.0]}[self.broken]

    def embed_texts(self, texts: list[str], *, background: bool) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def is_away(self, error: Exception) -> bool:
        return False


def test_failing_model_is_one_sentence() -> None:
    model = BreakingModel()
    breaking = Embedder(model)  # type: ignore[arg-type]
    model.broken = True
    with pytest.raises(EmbeddingError, match=r"some model failed \(KeyError, see the log\); check EMBED_MODEL"):
        breaking.embed_query("question")
    with pytest.raises(EmbeddingError, match=r"some model failed \(KeyError, see the log\); check EMBED_MODEL"):
        breaking.embed_texts(["text"])


@pytest.mark.parametrize(
    ("texts", "counts"), [([], []), ([""], [0]), (["one two", "three"], [2, 1]), (["word " * 5000], [5000])]
)
def test_tokens_are_counted_without_marks_and_without_an_end(
    embedder: Embedder, texts: list[str], counts: list[int]
) -> None:
    assert embedder.count_tokens(texts) == counts


def test_embeddings_server_is_used_through_its_protocol(settings: Settings, llm_server: LLMServer) -> None:
    asked = settings.model_copy(update={"embed_base_url": llm_server.url, "embed_model": "nomic-embed-text"})
    loaded = load_embedder("nomic-embed-text", asked)
    assert loaded.fingerprint == "server:nomic-embed-text"
    assert [len(vector) for vector in loaded.embed_texts([TEXT, "more"])] == [loaded.dimension] * 2


def test_embeddings_server_that_is_down_is_one_sentence(settings: Settings, free_port: int) -> None:
    asked = settings.model_copy(update={"embed_base_url": f"http://127.0.0.1:{free_port}/v1", "embed_model": "any"})
    with pytest.raises(EmbeddingError, match="any"):
        load_embedder("any", asked)


def test_password_of_an_embeddings_server_is_not_shown(settings: Settings, free_port: int) -> None:
    url = f"http://alice:hunter2secret@127.0.0.1:{free_port}/v1"
    asked = settings.model_copy(update={"embed_base_url": url, "embed_model": "any"})
    with pytest.raises(EmbeddingError, match=rf"any at http://127\.0\.0\.1:{free_port}/v1") as failed:
        load_embedder("any", asked)
    assert "hunter2secret" not in str(failed.value)


def test_documents_wait_for_an_embeddings_server_that_has_gone_away(
    settings: Settings, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "HEARTBEAT_SECONDS", 0.1)
    asked = settings.model_copy(update={"embed_base_url": llm_server.url, "embed_model": "nomic-embed-text"})
    with DocumentIndex(asked) as index:
        assert index.ingest([("tea.txt", b"The tea house opens at seven.")])[0].status == "ready"
        llm_server.embeds = False
        (result,) = index.ingest([("ferry.txt", b"The ferry to the island leaves at noon.")])
        assert result.status == "failed" and "EMBED_BASE_URL" in (result.error or "")
        assert index.document(result.doc_id or "").state == "pending"
        llm_server.embeds = True
        wait_until(lambda: index.document(result.doc_id or "").state == "ready")


@pytest.mark.parametrize("status", [500, 503])
def test_text_that_an_embeddings_server_cannot_take_fails_alone(
    settings: Settings, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(health, "HEARTBEAT_SECONDS", 0.1)
    asked = settings.model_copy(update={"embed_base_url": llm_server.url, "embed_model": "nomic-embed-text"})
    llm_server.refused = ("poison", status)
    with DocumentIndex(asked) as index:
        index.ingest([("bad.txt", b"A cup of poison."), ("tea.txt", b"The tea house opens at seven.")])
        wait_until(
            lambda: {d.file_name: d.state for d in index.documents()} == {"bad.txt": "failed", "tea.txt": "ready"}
        )


def test_reset_does_not_wait_for_a_model_that_is_being_loaded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "HEARTBEAT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        asked = settings.model_copy(update={"embed_base_url": url, "embed_model": "any"})
        with DocumentIndex(asked, background=False) as index:
            index.submit("tea.txt", b"The tea house opens at seven.")
        with DocumentIndex(asked) as index:
            job = index.submit("ferry.txt", b"The ferry leaves at noon.")
            connections = [silent.accept()[0]]  # somebody asks for a vector, and gets no answer
            wait_until(lambda: index.status().milvus.state == "ready")
            time.sleep(0.5)  # what is pending is to be taken up
            assert index.reset().documents == 2
            assert index.documents() == []
            assert index.wait([job])[0].stage == "cancelled"
            assert index.status().embedding.state == "starting"
            for connection in connections:
                connection.close()  # else the thread that waits for it is waited for
            silent.close()


def test_question_does_not_wait_behind_texts() -> None:
    threads = EmbedderThreads()
    go_on = threading.Event()
    threads.texts.submit(go_on.wait, 10)
    try:
        assert threads.queries.submit(lambda: "asked").result(timeout=2) == "asked"
    finally:
        go_on.set()
        threads.close()
