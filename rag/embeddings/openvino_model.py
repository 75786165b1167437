"""BERT encoders run by OpenVINO: the fastest way without a graphics card, and without PyTorch."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.embeddings import bert
from rag.embeddings.folders import read_instructions, read_tokenizer
from rag.embeddings.model import Address, ModelFolder, Precision
from rag.runtime.cpu import cores, lower_priority

if TYPE_CHECKING:
    from openvino import CompiledModel, Model
    from tokenizers import Tokenizer

NAME = "OpenVINO"

# Texts of one inference, all of similar length. Few, so that they stay in the processor's cache.
INFERENCE_TEXTS = 4
# Lengths in tokens are padded to multiples of this. OpenVINO (with oneDNN) prepares each shape of input, which takes
# some milliseconds and a megabyte, and texts have hundreds of lengths.
LENGTH_MULTIPLE = 8
# The prepared parts, about ten for a shape, that each stream keeps for the next input of the shape. OpenVINO's default
# is 5,000.
CACHED_PARTS = 128


def precisions() -> tuple[Precision, ...]:
    """The precisions of this processor, the fastest last. Raises ImportError without OpenVINO."""
    capabilities = bert.import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("f32", "bf16") if "BF16" in capabilities else ("f32",)


def fits(address: Address) -> bool:
    """See `model.Loader`."""
    return isinstance(address, ModelFolder) and bert.fits(address.path)


def load(address: Address, precision: Precision | None) -> OpenVINOModel:
    """See `model.Loader`. Vectors in bfloat16 have a cosine of at least 0.999 to those in float32."""
    assert isinstance(address, ModelFolder)
    return OpenVINOModel(address, precision or precisions()[-1])


class OpenVINOModel:
    """See `model.EmbeddingModel`. It is compiled twice. For questions, one call uses all cores. In the background,
    calls run side by side, each on one core, and any other thread goes before them.
    """

    def __init__(self, folder: ModelFolder, precision: Precision) -> None:
        encoder = bert.build(folder.path)
        self._instructions = read_instructions(folder.path, folder.name)
        self._foreground, self._background = (
            _Compiled(encoder, read_tokenizer(folder.path), precision, background=background)
            for background in (False, True)
        )
        self.name = folder.name
        self.fingerprint = folder.fingerprint
        self.tokenizer = read_tokenizer(folder.path)
        self.max_tokens = encoder.max_tokens
        self.threads = self._background.streams
        self.batch_size = 2 * INFERENCE_TEXTS  # few: a document doesn't wait long for its last call

    def embed_query(self, question: str) -> list[float]:
        return self._foreground.embed([self._instructions.query + question])[0]

    def embed_texts(self, texts: list[str], *, background: bool) -> list[list[float]]:
        compiled = self._background if background else self._foreground
        return compiled.embed([self._instructions.text + text for text in texts])

    def is_away(self, error: Exception) -> bool:
        return False


class _Compiled:
    """An encoder that is compiled for one stream with all cores, or for the background."""

    def __init__(self, encoder: bert.Encoder, tokenizer: Tokenizer, precision: Precision, *, background: bool) -> None:
        """Takes over the tokenizer: nothing else may use it."""
        tokenizer.enable_truncation(encoder.max_tokens)
        # A padded length must not be above the number of positions.
        multiple = LENGTH_MULTIPLE if encoder.max_tokens % LENGTH_MULTIPLE == 0 else None
        tokenizer.enable_padding(pad_id=encoder.padding, pad_to_multiple_of=multiple)
        self._tokenizer = tokenizer
        self.streams = cores() if background else 1
        # OpenVINO's threads inherit the priority of the thread that compiles.
        with ThreadPoolExecutor(1, initializer=lower_priority if background else None) as compiler:
            self._model = compiler.submit(_compile, encoder.graph, self.streams, precision).result()
        # A request isn't re-entrant, so each thread has one.
        self._requests = threading.local()

    def embed(self, texts: list[str]) -> list[list[float]]:
        if not hasattr(self._requests, "request"):
            self._requests.request = self._model.create_infer_request()
        # Texts of one inference are padded to the longest of them.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        vectors: list[list[float]] = [[]] * len(texts)
        for first in range(0, len(texts), INFERENCE_TEXTS):
            numbers = order[first : first + INFERENCE_TEXTS]
            encodings = self._tokenizer.encode_batch([texts[number] for number in numbers])
            ids = np.array([encoding.ids for encoding in encodings], dtype=np.int32)
            mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.float32)
            output: Any = self._requests.request.infer([ids, mask])[0]
            for number, vector in zip(numbers, output.tolist(), strict=True):
                vectors[number] = vector
        return vectors


def _compile(graph: Model, streams: int, precision: Precision) -> CompiledModel:
    """Compiled so that `streams` calls can run side by side, each on an equal share of the cores."""
    properties = {
        "NUM_STREAMS": str(streams),
        "INFERENCE_PRECISION_HINT": precision,
        "CPU_RUNTIME_CACHE_CAPACITY": str(CACHED_PARTS),
    }
    return bert.import_openvino().Core().compile_model(graph, "CPU", properties)
