"""A model's folder: its tokenizer, its instructions, and a digest of its files."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from rag.errors import EmbeddingError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class Instructions:
    """The prefixes that a model expects: before a question, and before a text to be found."""

    query: str = ""
    text: str = ""


_BGE = Instructions(query="Represent this sentence for searching relevant passages: ")
# From the model cards, for a part of a model's name; the first part that is in the name counts.
_BY_NAME = {
    "bge-m3": Instructions(),
    "bge-small-en": _BGE,
    "bge-base-en": _BGE,
    "bge-large-en": _BGE,
    "e5-": Instructions(query="query: ", text="passage: "),
}


def check_modules(folder: Path) -> None:
    """Raises EmbeddingError for a model whose modules.json points to files outside its folder."""
    try:
        modules = json.loads((folder / "modules.json").read_text("utf-8"))
        paths = [PurePath(str(module["path"])) for module in modules]
    except (OSError, ValueError, KeyError, TypeError):
        return  # the loader will report the damage
    if any(path.is_absolute() or ".." in path.parts for path in paths):
        raise EmbeddingError(
            f"The model in {folder} names files outside of its folder in modules.json; put the model's own files there "
            "again, or set EMBED_MODEL to another one."
        )


def read_tokenizer(folder: Path) -> Tokenizer:
    """A new tokenizer, which neither truncates nor pads. Damaged files may raise any exception."""
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


def read_instructions(folder: Path, name: str) -> Instructions:
    """The instructions in the folder or, if it has none, the instructions in `_BY_NAME`."""
    path = folder / "config_sentence_transformers.json"
    prompts: dict[str, str] = json.loads(path.read_text("utf-8")).get("prompts", {}) if path.is_file() else {}
    query = prompts.get("query") or ""
    text = prompts.get("passage") or prompts.get("document") or prompts.get("text") or ""
    if not query and not text:
        for part, instructions in _BY_NAME.items():
            if re.search(rf"(?<![a-z0-9]){part}", name.lower()):  # "e5-" isn't in "type5-…"
                return instructions
    return Instructions(query, text)


def digest(folder: Path) -> str:
    """16 hexadecimal digits of the SHA-256 of the folder's files; the folder's place doesn't matter."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in {".json", ".safetensors", ".bin"}:
            # The whole file: fine-tuned weights may differ from the original weights in the last layer only.
            with path.open("rb") as file:
                total.update(
                    path.relative_to(folder).as_posix().encode() + hashlib.file_digest(file, "sha256").digest()
                )
    return total.hexdigest()[:16]
