"""BERT encoders by OpenVINO, held against the same models by PyTorch: in each precision that the processor has.

The bounds don't depend on the processor. A cosine is 1 - e²/2 for a vector that is off by e of its length. A number of
bfloat16 has 8 bits of mantissa, so a rounding moves it by 2⁻⁹ of itself at most. The 6 layers round each number some 80
times, in any direction: √80 · 2⁻⁹ is 0.017, a cosine of 0.9998. Layers make some errors larger; 0.999 allows for e =
0.045, two and a half times that. Weights that were saved in bfloat16 are rounded once each, in every precision: they
fall under the same bound. float32 has 24 bits, and differs from one processor to another by the order of its sums:
√(80 · 384) · 2⁻²⁵ is 5e-6, whose square is nothing; 0.99999 allows for a hundredth of what 0.999 does.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.embeddings import bert, openvino_model
from rag.embeddings.embedder import Embedder
from rag.embeddings.hub import bundled_folder
from rag.embeddings.loading import load_embedder
from rag.embeddings.model import Precision
from rag.settings import Settings
from tests.embeddings.model_folders import Change, pool_by_first_token, pool_by_maximum, variant

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
TEXTS = [
    "",
    "a",
    "The lease ends in March.",
    "The ferry leaves at noon. " * 12,
    "word " * 5000,  # far longer than the window
    "x" * 3000,
    "도서관은 오전 아홉 시에 문을 엽니다. 회원 카드는 무료로 발급됩니다.",
    "가" * 400,
    "Größe, naïve, ﬁne — 🙂 \ufffd \u200b",
    "What does a ticket cost?\n\n| Name | Price |\n|---|---|\n| Ferry | 9 € |",
]

LEAST: dict[Precision, float] = {"f32": 0.99999, "bf16": 0.999}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each changed model is kept for all precisions, so that PyTorch computes its vectors once."""
    return tmp_path_factory.mktemp("models")


def kept_variant(folder: Path, name: str, change: Change | None = None) -> Path:
    return folder if folder.exists() else variant(folder, name, change)


@cache
def by_torch(folder: Path) -> list[list[float]]:
    """The vectors of TEXTS in float32."""
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding  # the import takes seconds of each worker

    return HuggingFaceEmbedding(str(folder), device="cpu").get_text_embedding_batch(TEXTS)


def cosines(one: list[list[float]], two: list[list[float]]) -> Any:
    return np.sum(np.array(one) * np.array(two), axis=1)


@pytest.fixture(scope="module", params=LEAST)
def precision(request: pytest.FixtureRequest) -> Precision:
    """Each one that the processor computes in."""
    if request.param not in openvino_model.precisions():
        pytest.skip(f"this processor doesn't multiply {request.param}")
    chosen: Precision = request.param
    return chosen


@pytest.fixture(scope="module")
def embedder(precision: Precision) -> Embedder:
    """The bundled model in that precision."""
    return load_embedder("bundled", Settings(embed_model="bundled"), precision)


def test_processor_s_fastest_precision_is_the_default(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[Precision] = []
    compile_it = openvino_model._compile

    def noted(graph: Any, streams: int, precision: Precision) -> Any:
        compiled.append(precision)
        return compile_it(graph, streams, precision)

    monkeypatch.setattr(openvino_model, "_compile", noted)
    load_embedder("bundled", settings)
    assert set(compiled) == {openvino_model.precisions()[-1]}
    monkeypatch.setattr(openvino_model, "precisions", lambda: ("f32",))  # as without bfloat16
    load_embedder("bundled", settings)
    assert compiled[-2:] == ["f32", "f32"]


@pytest.mark.parametrize("background", [False, True])
def test_vectors_are_those_of_pytorch(embedder: Embedder, precision: Precision, background: bool) -> None:
    vectors = embedder.embed_texts(TEXTS, background=background)
    assert cosines(vectors, by_torch(bundled_folder())).min() >= LEAST[precision]


def test_questions_get_the_same_vectors_as_texts(embedder: Embedder) -> None:
    asked = [embedder.embed_query(text) for text in TEXTS]
    assert cosines(asked, embedder.embed_texts(TEXTS)).min() >= 0.9999


def test_first_token_is_taken_where_the_model_says_so(
    embedder: Embedder, precision: Precision, settings: Settings, models: Path
) -> None:
    folder = kept_variant(models / "cls", "1_Pooling/config.json", pool_by_first_token)
    assert bert.fits(folder)
    vectors = load_embedder(str(folder), settings, precision).embed_texts(TEXTS)
    assert cosines(vectors, by_torch(folder)).min() >= LEAST[precision]
    assert cosines(vectors, embedder.embed_texts(TEXTS)).min() < 0.9  # another way of pooling, other vectors


def test_window_is_the_models_own(precision: Precision, settings: Settings, models: Path, tmp_path: Path) -> None:
    def narrow(config: dict[str, Any]) -> None:
        config["max_seq_length"] = 16

    folder = kept_variant(models / "narrow", "sentence_bert_config.json", narrow)
    loaded = load_embedder(str(folder), settings, precision)
    assert loaded.max_tokens == 16
    assert cosines(loaded.embed_texts(TEXTS), by_torch(folder)).min() >= LEAST[precision]
    # Without that file the window is as long as the model has positions.
    assert bert.build(variant(tmp_path / "wide", "sentence_bert_config.json")).max_tokens == 512


def test_company_in_a_batch_changes_nothing(embedder: Embedder) -> None:
    alone = [embedder.embed_texts([text])[0] for text in TEXTS]
    for texts in (TEXTS, TEXTS[::-1]):
        order = [TEXTS.index(text) for text in texts]
        together = embedder.embed_texts(texts, background=True)
        assert cosines(together, [alone[number] for number in order]).min() >= 0.9999


def test_threads_do_not_mix_up_their_texts(embedder: Embedder) -> None:
    texts = [f"{text} {number}" for number in range(4) for text in TEXTS[:4]]
    expected = embedder.embed_texts(texts)

    def embed(number: int) -> tuple[float, float]:
        vectors = embedder.embed_texts(texts[number % 3 :: 3], background=bool(number % 2))
        question = embedder.embed_query(texts[number])
        return (
            cosines(vectors, expected[number % 3 :: 3]).min(),
            cosines([question], [expected[number]]).min(),
        )

    with ThreadPoolExecutor(6) as pool:
        assert min(min(pair) for pair in pool.map(embed, range(12))) >= 0.9999


# --- what isn't built here


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("config.json", lambda config: config.update(model_type="roberta")),
        ("config.json", lambda config: config.pop("model_type")),
        ("config.json", lambda config: config.update(hidden_act="gelu_new")),
        ("config.json", lambda config: config.update(position_embedding_type="relative_key")),
        ("config.json", None),
        ("1_Pooling/config.json", pool_by_maximum),
        ("1_Pooling/config.json", lambda config: config.update(pooling_mode_cls_token=True)),
        ("1_Pooling/config.json", lambda config: config.update(pooling_mode_mean_tokens=False)),
        ("1_Pooling/config.json", lambda config: config.update(include_prompt=False)),
        ("1_Pooling/config.json", None),
        ("modules.json", lambda modules: modules.pop(1)),
        ("modules.json", lambda modules: modules[0].update(path="0_Transformer")),
        ("modules.json", lambda modules: modules[2].update(type="sentence_transformers.models.Dense")),
        ("modules.json", None),
        ("model.safetensors", None),
    ],
)
def test_other_models_do_not_fit(tmp_path: Path, name: str, change: Change | None) -> None:
    assert bert.fits(variant(tmp_path / "same"))
    assert not bert.fits(variant(tmp_path / "other", name, change))


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"bert"'])
@pytest.mark.parametrize("name", ["config.json", "modules.json", "1_Pooling/config.json"])
def test_damaged_description_does_not_fit(tmp_path: Path, name: str, content: str) -> None:
    folder = variant(tmp_path / "model", name)
    (folder / name).write_text(content)
    assert not bert.fits(folder)


def in_bfloat16(weights: dict[str, Any]) -> dict[str, Any]:
    return {name: values.bfloat16() if values.is_floating_point() else values for name, values in weights.items()}


def in_float16(weights: dict[str, Any]) -> dict[str, Any]:
    return {name: values.half() if values.is_floating_point() else values for name, values in weights.items()}


def with_old_names(weights: dict[str, Any]) -> dict[str, Any]:
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for new, old in names.items():
        weights = {name.replace(new, old): values for name, values in weights.items()}
    return weights


def within_a_larger_model(weights: dict[str, Any]) -> dict[str, Any]:
    return {f"bert.{name}": values for name, values in weights.items()}


@pytest.mark.parametrize("save", [in_bfloat16, in_float16, with_old_names, within_a_larger_model])
def test_weights_may_be_saved_in_other_ways(
    precision: Precision, settings: Settings, models: Path, save: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    folder = kept_variant(models / save.__name__, "model.safetensors")
    path = folder / "model.safetensors"
    if not path.exists():
        from safetensors.torch import load_file, save_file

        weights = save(load_file(bundled_folder() / path.name))
        save_file({name: values.contiguous() for name, values in weights.items()}, path, {"format": "pt"})
    vectors = load_embedder(str(folder), settings, precision).embed_texts(TEXTS)
    assert cosines(vectors, by_torch(bundled_folder())).min() >= LEAST["bf16" if save is in_bfloat16 else precision]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("1_Pooling/config.json", pool_by_maximum),
        ("config.json", lambda config: config.update(hidden_act="relu")),
    ],
)
def test_what_does_not_fit_is_loaded_by_pytorch(
    embedder: Embedder, precision: Precision, settings: Settings, models: Path, name: str, change: Change
) -> None:
    folder = kept_variant(models / name.replace("/", " of "), name, change)
    loaded = load_embedder(str(folder), settings, precision)
    vectors = loaded.embed_texts(TEXTS)
    assert loaded.max_tokens == 256
    assert cosines(vectors, by_torch(folder)).min() >= LEAST[precision]
    assert cosines(vectors, embedder.embed_texts(TEXTS)).min() < 0.99


def test_without_openvino_pytorch_does_the_work(
    embedder: Embedder,
    precision: Precision,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "openvino"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openvino", None)  # as where it isn't installed
    loaded = load_embedder("bundled", settings, precision)
    assert "OpenVINO isn't installed" in caplog.text
    assert loaded.fingerprint == embedder.fingerprint
    assert cosines(loaded.embed_texts(TEXTS), embedder.embed_texts(TEXTS)).min() >= LEAST[precision]


LOADING = """
import socket, sys
opened = []
def note(event, arguments):
    if event.startswith("socket."):
        opened.append((event, arguments))
sys.addaudithook(note)
from rag.embeddings.loading import load_embedder
from rag.settings import Settings
loaded = load_embedder("bundled", Settings(_env_file=None, embed_model="bundled"))
loaded.embed_texts(["text"], background=True)
loaded.embed_query("question")
imported = {name.partition(".")[0] for name in sys.modules}
assert "openvino" in imported
assert not imported & {"openvino_telemetry", "torch"}, imported
assert not opened, opened
"""


def test_loading_reports_to_nobody_and_does_without_pytorch() -> None:
    run = subprocess.run([sys.executable, "-c", LOADING], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


GROWING = """
import ctypes, sys
import psutil
from rag.embeddings import openvino_model
from rag.embeddings.loading import load_embedder
from rag.settings import Settings
if sys.argv[2] == "all shapes":
    openvino_model.LENGTH_MULTIPLE, openvino_model.CACHED_PARTS = 1, 5000
loaded = load_embedder("bundled", Settings(_env_file=None, embed_model="bundled"), sys.argv[1])
trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)
def embed(lengths):
    for length in lengths:
        for texts in (["a " * length], ["a " * length] * openvino_model.INFERENCE_TEXTS):
            loaded.embed_texts(texts, background=True)
    trim(0)  # what is free but kept for later isn't in use
    return psutil.Process().memory_info().rss
before = embed(range(100, 0, -4))
print((embed(range(2, 100, 4)) - before) // 1000)
"""


def growth(precision: Precision, shapes: str) -> int:
    """Kilobytes that texts of 25 more lengths take, after 25 others."""
    command = [sys.executable, "-c", GROWING, precision, shapes]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


def test_texts_of_ever_new_lengths_take_no_more_memory(precision: Precision) -> None:
    """Beside a model that keeps all it prepares for each length, as OpenVINO does by itself: how much that is depends
    on the processor and the precision, 0.3 and 0.9 MB a shape on one of them. Each in a process of its own."""
    assert growth(precision, "few shapes") < growth(precision, "all shapes") / 3
