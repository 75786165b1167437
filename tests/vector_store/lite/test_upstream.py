"""The patches in docs/upstream fit the installed Milvus Lite, and do what they say."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UPSTREAM = Path(__file__).resolve().parents[3] / "docs" / "upstream"
PATCHES = sorted(path.name for path in UPSTREAM.glob("*.patch"))
FAILED_FLUSH = """
import sys
sys.path.insert(0, sys.argv[1])
from milvus_lite.db import MilvusLite
from milvus_lite.engine import flush
from milvus_lite.schema.types import CollectionSchema, DataType, FieldSchema
from milvus_lite.storage.manifest import Manifest
from milvus_lite.storage.wal import WAL

def rows(first, count):
    return [{"id": first + number, "v": [number, 0, 0, 1.0]} for number in range(count)]

def fail(*_, **__):
    raise OSError(28, "full")

key = FieldSchema(name="id", dtype=DataType.INT64, is_primary=True)
schema = CollectionSchema(fields=[key, FieldSchema(name="v", dtype=DataType.FLOAT_VECTOR, dim=4)])
db = MilvusLite(sys.argv[2])
for owner, name in ((flush, "write_data_file"), (Manifest, "save"), (WAL, "close_and_delete")):
    collection = db.create_collection(name, schema)
    collection.insert(rows(0, 50))
    collection.flush()
    collection.insert(rows(100, 50))
    collection.delete([1, 2])
    original = getattr(owner, name)
    setattr(owner, name, fail)
    try:
        collection.flush()
    except OSError:
        pass
    setattr(owner, name, original)
    counts = [collection.num_entities, len(collection.query(""))]
    collection.insert(rows(200, 10))
    collection.flush()
    counts.append(collection.num_entities)
    print(*counts)
db.close()
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the folder that has milvus_lite/."""
    if not shutil.which("patch"):
        pytest.skip("the program patch is not installed")
    spec = importlib.util.find_spec("milvus_lite")
    assert spec and spec.submodule_search_locations
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(spec.submodule_search_locations[0], tmp_path / "milvus_lite", ignore=ignored)
    return tmp_path


@pytest.mark.parametrize("name", PATCHES)
def test_a_patch_fits_and_says_why(source: Path, name: str) -> None:
    patch = UPSTREAM / name
    assert not patch.read_text("utf-8").startswith("---")
    subprocess.run(["patch", "-p1", "-i", str(patch)], cwd=source, check=True, capture_output=True)
    changed = [path for path in source.rglob("*.py") if "class" in path.read_text("utf-8")]
    subprocess.run([sys.executable, "-m", "py_compile", *map(str, changed)], check=True)


def test_a_flush_that_fails_keeps_its_rows(source: Path) -> None:
    for name in PATCHES:
        subprocess.run(["patch", "-p1", "-i", str(UPSTREAM / name)], cwd=source, check=True, capture_output=True)
    command = [sys.executable, "-c", FAILED_FLUSH, str(source), str(source / "data.db")]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == ["98 98 108"] * 3
