"""Any model that sentence-transformers loads, run by PyTorch through LlamaIndex."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from rag.embeddings.folders import read_instructions, read_tokenizer
from rag.embeddings.model import Address, ModelFolder, Precision
from rag.runtime.imports import IMPORTING

NAME = "PyTorch"
BATCH_SIZE = 32


def precisions() -> tuple[Precision, ...]:
    """The precisions of this processor, the fastest last."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    return ("f32", "bf16") if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else ("f32",)


def fits(address: Address) -> bool:
    """See `model.Loader`."""
    return isinstance(address, ModelFolder)


def load(address: Address, precision: Precision | None) -> TorchModel:
    """See `model.Loader`."""
    assert isinstance(address, ModelFolder)
    with IMPORTING:
        import llama_index.embeddings.huggingface  # noqa: F401
        from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    return TorchModel(address, precision or precisions()[-1])


class TorchModel:
    """See `model.EmbeddingModel`. In bfloat16, texts take about 0.6 of the time, and the cosine of their vectors to the
    vectors in float32 is at least 0.999. Questions are short, and are computed in the type of the weights.

    In float32, weights that were saved in 16 bits are converted: a processor that can't multiply bfloat16 would take
    2.6 times as long with unconverted weights.
    """

    def __init__(self, folder: ModelFolder, precision: Precision) -> None:
        import torch
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding

        instructions = read_instructions(folder.path, folder.name)
        weights: dict[str, Any] = {"dtype": torch.float32} if precision == "f32" else {}
        self._model = HuggingFaceEmbedding(
            model_name=str(folder.path),
            query_instruction=instructions.query,
            text_instruction=instructions.text,
            embed_batch_size=BATCH_SIZE,
            model_kwargs=weights,
        )
        self._precision = precision
        self.name = folder.name
        self.fingerprint = folder.fingerprint
        self.tokenizer = read_tokenizer(folder.path)
        self.max_tokens = int(self._model.max_length)
        self.threads = 1
        self.batch_size = BATCH_SIZE

    def embed_query(self, question: str) -> list[float]:
        return self._model.get_query_embedding(question)

    def embed_texts(self, texts: list[str], *, background: bool) -> list[list[float]]:
        import torch

        fast = self._precision == "bf16"
        with torch.autocast("cpu", dtype=torch.bfloat16) if fast else nullcontext():
            return self._model.get_text_embedding_batch(texts)

    def is_away(self, error: Exception) -> bool:
        return False
