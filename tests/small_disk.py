"""A real disk of a few megabytes that can be filled, and be made read-only. It takes root's rights on Linux."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

MEGABYTES = 16


@dataclass(frozen=True)
class SmallDisk:
    folder: Path

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self, left: int) -> None:
        """Leave so many bytes free, in pages of 4,096."""
        self.free()
        state = os.statvfs(self.folder)
        # What is being tested may write meanwhile: then there is less room than was seen, and the disk is full as well.
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as ballast:
            ballast.write(b"\0" * max(0, state.f_bavail * state.f_frsize - left))

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def protect(self, *, read_only: bool = True) -> None:
        """Nothing of it may be open for writing then."""
        _run("mount", "-o", f"remount,{'ro' if read_only else 'rw'}", str(self.folder))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if not shutil.which("mount") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting a disk takes root's rights on Linux")
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "none", str(folder))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no disk can be mounted here: {error.stderr.strip()}")
    yield SmallDisk(folder)
    _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
