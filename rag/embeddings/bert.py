"""BERT encoders of the sentence-transformers layout, run by OpenVINO instead of PyTorch.

The model is built from its weights by OpenVINO's own operations, after Devlin et al., "BERT" (arXiv 1810.04805), and
Reimers and Gurevych, "Sentence-BERT" (arXiv 1908.10084). So PyTorch needn't be imported, which takes seconds and
several hundred MB, and nothing has to be converted or kept. Any other architecture is left to PyTorch.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rag.runtime.cpu import cores, lower_priority

if TYPE_CHECKING:
    from openvino import CompiledModel, Model
    from tokenizers import Tokenizer

Array = npt.NDArray[Any]

# Texts that go through the model together, of like length: small, so that they stay in the processor's cache.
BATCH = 4
# Lengths are padded to multiples of this. What OpenVINO, and oneDNN in it, make ready for one shape of input takes them
# some milliseconds and a megabyte, and texts have hundreds of lengths.
MULTIPLE = 8
# Parts of what is made ready, ten or so for a shape, that each stream keeps for the next input of that shape. OpenVINO
# by itself keeps 5,000.
KEPT = 128
_LAYOUT = {"sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling"}
_NORMALIZE = "sentence_transformers.models.Normalize"


@dataclass(frozen=True, slots=True)
class Bert:
    """An encoder that isn't compiled yet. `max_tokens` is its window, with the marks that begin and end a sequence."""

    graph: Model
    max_tokens: int
    padding: int


class BertModel:
    """An encoder at work: unit-length vectors of texts and questions. Methods may be called from several threads.

    In the background it leaves the processor to others who want it, and `threads` calls may well run side by side; else
    one call has all cores.
    """

    def __init__(
        self, bert: Bert, tokenizer: Tokenizer, query_instruction: str, text_instruction: str, *, background: bool
    ) -> None:
        """The tokenizer becomes this model's own."""
        self._query_instruction = query_instruction
        self._text_instruction = text_instruction
        self._tokenizer = tokenizer
        self._tokenizer.enable_truncation(bert.max_tokens)
        # No further than there are positions.
        multiple = MULTIPLE if bert.max_tokens % MULTIPLE == 0 else None
        self._tokenizer.enable_padding(pad_id=bert.padding, pad_to_multiple_of=multiple)
        self.threads = cores() if background else 1
        # OpenVINO's threads inherit the priority of the one that compiles.
        with ThreadPoolExecutor(1, initializer=lower_priority if background else None) as compiler:
            self._compiled = compiler.submit(_compile, bert.graph, self.threads).result()
        # A request isn't re-entrant: each thread has its own.
        self._requests = threading.local()

    def get_query_embedding(self, question: str, /) -> list[float]:
        """The vector of a question."""
        return self._embed([self._query_instruction + question])[0]

    def get_text_embedding_batch(self, texts: list[str], /) -> list[list[float]]:
        """The vectors of texts, in order."""
        return self._embed([self._text_instruction + text for text in texts])

    def _embed(self, texts: list[str]) -> list[list[float]]:
        if not hasattr(self._requests, "request"):
            self._requests.request = self._compiled.create_infer_request()
        # A batch is padded to its longest text.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        vectors: list[list[float]] = [[]] * len(texts)
        for first in range(0, len(texts), BATCH):
            numbers = order[first : first + BATCH]
            encodings = self._tokenizer.encode_batch([texts[number] for number in numbers])
            ids = np.array([encoding.ids for encoding in encodings], dtype=np.int32)
            mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.float32)
            found = self._requests.request.infer([ids, mask])[0]
            for number, vector in zip(numbers, found.tolist(), strict=True):
                vectors[number] = vector
        return vectors


def fits(folder: Path) -> bool:
    """Whether the model in a folder is of the architecture that is built here."""
    try:
        config, modules = _config(folder, "config.json"), json.loads((folder / "modules.json").read_text("utf-8"))
        kinds = [module["type"] for module in modules]
        return (
            config.get("model_type") == "bert"
            and config.get("hidden_act") == "gelu"
            and config.get("position_embedding_type", "absolute") == "absolute"
            and len(kinds) >= 2
            and set(kinds[:2]) == _LAYOUT
            and kinds[2:] in ([], [_NORMALIZE])
            and modules[0]["path"] == ""
            and _pooling(folder) is not None
            and (folder / "model.safetensors").is_file()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _config(folder: Path, name: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / name).read_text("utf-8"))
    return config


def _pooling(folder: Path) -> str | None:
    """The mean over the tokens, or the first token, "cls"; None for other ways."""
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    config = _config(folder / modules[1]["path"], "config.json")
    modes = {name for name, used in config.items() if name.startswith("pooling_mode_") and used is True}
    if len(modes) != 1 or not config.get("include_prompt", True):
        return None
    return {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}.get(modes.pop())


def _openvino() -> Any:
    """Without its converter, which isn't needed here and reports each import to Google Analytics."""
    converter = "openvino.tools.ovc"
    if "openvino" not in sys.modules:
        sys.modules[converter] = None  # type: ignore[assignment]
        try:
            return importlib.import_module("openvino")
        finally:
            del sys.modules[converter]
    return sys.modules["openvino"]


def _compile(graph: Model, streams: int) -> CompiledModel:
    """`streams` calls run side by side, each on its share of the cores; in bfloat16 where the processor has it, with a
    cosine of at least 0.999 to float32."""
    core = _openvino().Core()
    fast = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    properties = {
        "NUM_STREAMS": str(streams),
        "INFERENCE_PRECISION_HINT": "bf16" if fast else "f32",
        "CPU_RUNTIME_CACHE_CAPACITY": str(KEPT),
    }
    return core.compile_model(graph, "CPU", properties)


def build(folder: Path) -> Bert:
    """The encoder of a folder that fits: (batch, length) token ids and mask → (batch, dimension) vectors of length 1.

    Raises ImportError without OpenVINO; whatever else for damaged files, and for weights that are saved in other ways.
    """
    _openvino()
    from openvino import Model
    from openvino import opset14 as op
    from safetensors.numpy import load_file

    config = _config(folder, "config.json")
    loaded = load_file(folder / "model.safetensors")
    # Some are saved as a part of a larger model.
    weights = {name.removeprefix("bert."): values.astype(np.float32) for name, values in loaded.items()}
    heads, size = int(config["num_attention_heads"]), int(config["hidden_size"])
    epsilon = float(config["layer_norm_eps"])

    def constant(name: str) -> Any:
        return op.constant(weights[name])

    def numbers(*values: int) -> Any:
        return op.constant(np.array(values, dtype=np.int64))

    def dense(x: Any, name: str) -> Any:
        return op.add(op.matmul(x, constant(f"{name}.weight"), False, True), constant(f"{name}.bias"))

    def normed(x: Any, name: str) -> Any:
        centred = op.mvn(x, numbers(-1), True, epsilon, "inside_sqrt")
        return op.add(op.multiply(centred, constant(f"{name}.weight")), constant(f"{name}.bias"))

    def split_heads(x: Any) -> Any:  # (batch, length, size) → (batch, heads, length, size / heads)
        return op.transpose(op.reshape(x, numbers(0, 0, heads, size // heads), True), numbers(0, 2, 1, 3))

    ids = op.parameter([-1, -1], np.int32, name="ids")
    mask = op.parameter([-1, -1], np.float32, name="mask")
    length = op.gather(op.shape_of(ids, "i32"), op.constant(np.int32(1)), op.constant(np.int32(0)))
    positions = op.range(op.constant(np.int32(0)), length, op.constant(np.int32(1)), "i32")
    row = op.constant(np.int32(0))
    x = op.add(
        op.gather(constant("embeddings.word_embeddings.weight"), ids, row),
        op.gather(constant("embeddings.position_embeddings.weight"), positions, row),
    )
    x = op.add(x, op.constant(weights["embeddings.token_type_embeddings.weight"][0]))
    x = normed(x, "embeddings.LayerNorm")
    # Added to the attention: nothing for a token, so much that nothing remains for padding.
    hidden = op.multiply(op.subtract(op.constant(np.float32(1)), mask), op.constant(np.float32(-1e9)))
    hidden = op.unsqueeze(hidden, numbers(1, 2))
    for number in range(int(config["num_hidden_layers"])):
        layer = f"encoder.layer.{number}"
        query, key, value = (
            split_heads(dense(x, f"{layer}.attention.self.{part}")) for part in ("query", "key", "value")
        )
        attended = op.transpose(op.scaled_dot_product_attention(query, key, value, hidden), numbers(0, 2, 1, 3))
        attended = op.reshape(attended, numbers(0, 0, size), True)
        x = normed(op.add(x, dense(attended, f"{layer}.attention.output.dense")), f"{layer}.attention.output.LayerNorm")
        inner = op.gelu(dense(x, f"{layer}.intermediate.dense"), "erf")
        x = normed(op.add(x, dense(inner, f"{layer}.output.dense")), f"{layer}.output.LayerNorm")
    if _pooling(folder) == "cls":
        pooled = op.gather(x, row, op.constant(np.int32(1)))
    else:
        weighted = op.reduce_sum(op.multiply(x, op.unsqueeze(mask, numbers(2))), numbers(1), False)
        pooled = op.divide(weighted, op.reduce_sum(mask, numbers(1), True))
    graph = Model([op.normalize_l2(pooled, numbers(1), 1e-12, "max")], [ids, mask], "bert")
    path = folder / "sentence_bert_config.json"
    limit = _config(folder, path.name).get("max_seq_length") if path.is_file() else None
    most = int(config["max_position_embeddings"])
    return Bert(graph, min(int(limit or most), most), int(config.get("pad_token_id") or 0))
