"""BERT encoders of the sentence-transformers layout, built from their weights by OpenVINO's own operations.

After Devlin et al., "BERT" (arXiv 1810.04805), and Reimers and Gurevych, "Sentence-BERT" (arXiv 1908.10084). This saves
the import of PyTorch, which takes seconds and several hundred MB, and no converted model has to be kept. Models of
other architectures don't fit.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from openvino import Model

_LAYOUT = {"sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling"}
_NORMALIZE = "sentence_transformers.models.Normalize"


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder that isn't compiled yet: (batch, length) token ids and mask → (batch, dimension) unit vectors.

    `max_tokens` is its window, with the marks that begin and end a sequence. `padding` is the id of the padding token.
    """

    graph: Model
    max_tokens: int
    padding: int


def fits(folder: Path) -> bool:
    """Whether `build` knows the architecture of the model in a folder. Raises nothing."""
    try:
        config, modules = _config(folder, "config.json"), json.loads((folder / "modules.json").read_text("utf-8"))
        layers = [module["type"] for module in modules]
        return (
            config.get("model_type") == "bert"
            and config.get("hidden_act") == "gelu"
            and config.get("position_embedding_type", "absolute") == "absolute"
            and len(layers) >= 2
            and set(layers[:2]) == _LAYOUT
            and layers[2:] in ([], [_NORMALIZE])
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
    """How the vectors of tokens become one: "mean", or "cls" for the first token's; None for another way."""
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    config = _config(folder / modules[1]["path"], "config.json")
    modes = {name for name, used in config.items() if name.startswith("pooling_mode_") and used is True}
    if len(modes) != 1 or not config.get("include_prompt", True):
        return None
    return {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}.get(modes.pop())


def import_openvino() -> Any:
    """Import OpenVINO without its converter, which isn't needed here and reports each import to Google Analytics.

    Raises ImportError.
    """
    converter = "openvino.tools.ovc"
    if "openvino" not in sys.modules:
        sys.modules[converter] = None  # type: ignore[assignment]
        try:
            return importlib.import_module("openvino")
        finally:
            del sys.modules[converter]
    return sys.modules["openvino"]


def build(folder: Path) -> Encoder:
    """The encoder of the model in a folder that `fits`.

    Raises ImportError without OpenVINO. Damaged files, and weights saved in another way, may raise any exception.
    """
    import_openvino()
    from openvino import Model
    from openvino import opset14 as op
    from safetensors.numpy import load_file

    config = _config(folder, "config.json")
    loaded = load_file(folder / "model.safetensors")
    # Weights that were saved as part of a larger model have a prefix.
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
    # Added to the attention scores: 0 for a token, -1e9 for padding, whose weight so becomes 0.
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
    return Encoder(graph, min(int(limit or most), most), int(config.get("pad_token_id") or 0))
