"""Folders of embedding models, made of the bundled one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.embeddings.hub import bundled_folder

Change = Callable[[Any], object]


def variant(folder: Path, name: str = "", change: Change | None = None) -> Path:
    """The bundled model with one of its JSON files changed, or gone where nothing changes it."""
    for original in bundled_folder().rglob("*"):
        path = folder / original.relative_to(bundled_folder())
        path.parent.mkdir(parents=True, exist_ok=True)
        if original.is_file():
            path.symlink_to(original)
    if name:
        (folder / name).unlink()
    if change:
        content = json.loads((bundled_folder() / name).read_text("utf-8"))
        change(content)
        (folder / name).write_text(json.dumps(content), "utf-8")
    return folder


def pool_by_first_token(config: dict[str, Any]) -> None:
    config.update(pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)


def pool_by_maximum(config: dict[str, Any]) -> None:
    """Which OpenVINO's encoder doesn't know."""
    config.update(pooling_mode_mean_tokens=False, pooling_mode_max_tokens=True)


def link_to_bundled_model(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(bundled_folder(), target_is_directory=True)
    return folder


def cached_in_the_hub(cache: Path, hub_id: str) -> None:
    """The bundled model under another id in a cache of the Hugging Face hub."""
    commit = "a" * 40
    model = cache / f"models--{hub_id.replace('/', '--')}"
    link_to_bundled_model(model / "snapshots" / commit)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(commit)
