"""Replaces parts of another package while it runs, but only those whose code is still what the replacement was written
for.

A patch is a group of replacements that belong together. It is installed as a whole, and only if the package has the
expected version and all code that the patch replaces or relies on has the recorded digest. A patch that is left out is
logged once, and `slow_path` names it. The tables of patches are in `lite/patches.py` and `client.py`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import logging
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patch:
    """Replacements that are installed together or not at all.

    A target is written "package.module:Class.name". `replacements` maps a target to a function that takes the original
    and returns its replacement. `digests` maps each target, and everything else that the replacements rely on, to its
    `digest`. `needs` names other patches: unless all of them are installed, this patch is left out.
    """

    name: str  # in the sentence for the user: "without Docent's …"
    why: str
    upstream: str
    until: str
    replacements: Mapping[str, Callable[[Any], Any]]
    digests: Mapping[str, str]
    needs: tuple[str, ...] = ()


class Patches:
    """The patches of one package. They were written for its version `expected`."""

    def __init__(self, title: str, package: str, expected: str, patches: Sequence[Patch]) -> None:
        self.title = title
        self.package = package
        self.expected = expected
        self.patches = tuple(patches)
        self.left_out: tuple[str, ...] = ()
        self._originals: list[tuple[Any, str, Any]] | None = None
        self._unwanted = False

    @property
    def installed_version(self) -> str:
        """The package's version, empty if it isn't installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return ""

    def install(self) -> None:
        """Install each patch that fits. Does nothing the second time. The package must have been imported."""
        if self._originals is not None:
            return
        self._originals = []
        # Before the first patch is installed: digests are to be of the originals.
        reasons = {patch.name: self._misfit(patch) for patch in self.patches}
        for patch in self.patches:
            missing = [name for name in patch.needs if reasons[name]]
            if missing and not reasons[patch.name]:
                reasons[patch.name] = f"it needs {missing[0]}"
        self.left_out = tuple(name for name, reason in reasons.items() if reason)
        for patch in self.patches:
            if patch.name not in self.left_out:
                self._replace(patch)
        if self.left_out and not self._unwanted:
            misfits = "; ".join(f"{name} ({reason})" for name, reason in reasons.items() if reason)
            logger.warning("%s %s is used without the patches for %s", self.package, self.installed_version, misfits)

    def restore(self) -> None:
        """Put all originals back, as if `install` had not been called."""
        for owner, name, original in reversed(self._originals or []):
            setattr(owner, name, original)
        self._originals = None
        self.left_out = ()

    @contextlib.contextmanager
    def without(self) -> Iterator[None]:
        """Run a block without any patch, for tests. The package must not be in use when the block begins or ends."""
        was_installed = self._originals is not None
        self.restore()
        self._unwanted = True
        try:
            yield
        finally:
            self.restore()
            self._unwanted = False
            if was_installed:
                self.install()

    def slow_path(self) -> str:
        """A sentence for the user on the patches that are left out, "Milvus Lite 3.3.0: slow path, …"; else empty."""
        if not self.left_out:
            return ""
        *others, last = self.left_out
        names = f"{', '.join(others)} and {last}" if others else last
        return (
            f"{self.title} {self.installed_version}: slow path, without Docent's {names}; "
            f"install {self.package}=={self.expected} to have it back"
        )

    def _misfit(self, patch: Patch) -> str:
        """Why a patch can't be installed; empty where it can."""
        if self._unwanted:
            return "left out on purpose"
        if self.installed_version != self.expected:
            return f"it was written for {self.expected}"
        changed = [target for target, expected in patch.digests.items() if digest(target) != expected]
        return f"{changed[0]} has changed" if changed else ""

    def _replace(self, patch: Patch) -> None:
        assert self._originals is not None
        for target, replacement in patch.replacements.items():
            owner, name = _owner(target)
            self._originals.append((owner, name, vars(owner)[name]))
            setattr(owner, name, replacement(getattr(owner, name)))


def digest(target: str) -> str:
    """12 hex digits of the SHA-256 of a function's source with its comments, or of a constant's type; empty if the
    target or its source doesn't exist."""
    # Of the source: AST and bytecode differ from one version of Python to the next.
    try:
        owner, name = _owner(target)
        value = inspect.getattr_static(owner, name)
        if isinstance(value, property):
            value = value.fget
        elif isinstance(value, staticmethod | classmethod):
            value = value.__func__
        code = textwrap.dedent(inspect.getsource(value)) if inspect.isroutine(value) else type(value).__name__
    except (ImportError, AttributeError, OSError, TypeError):
        return ""
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def _owner(target: str) -> tuple[Any, str]:
    """The module or class that a target is in, and the target's name in it."""
    module, _, path = target.partition(":")
    *classes, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for class_name in classes:
        owner = getattr(owner, class_name)
    return owner, name
