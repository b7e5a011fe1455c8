"""Tells what became of every vendored module, and writes nothing.

A module that was made by this version from the same options is checked by hashes alone: neither
templates nor HCL are read.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from vpc_cni_iam import __version__
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.vendoring import manifest as manifests
from vpc_cni_iam.vendoring.config import Config, Vendored
from vpc_cni_iam.vendoring.manifest import MANIFEST, Manifest
from vpc_cni_iam.vendoring.state import EDITED, FINE, Judged, has_markers, judge, module_state

_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Report:
    """A module and what became of it.

    Args:
        module: The module.
        state: ``clean``, ``edited``, ``outdated`` or ``both``.
        files: Those of its files that are worth a word; all are fine in a clean module.
    """

    module: Vendored
    state: str
    files: tuple[Judged, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing is to be done."""
        return self.state == "clean"


def check(config: Config, only: Iterable[str] = ()) -> tuple[Report, ...]:
    """Return what became of every module.

    Args:
        config: The configuration.
        only: The paths of the modules to check; all without any.

    Raises:
        InputError: A manifest that cannot be read.
        TreeError: A file that cannot be read, or that is a symbolic link.
    """
    names = tuple(only)
    return tuple(
        _report(config, module) for module in config.modules if not names or module.path in names
    )


def _report(config: Config, module: Vendored) -> Report:
    folder = str(config.folder(module))
    text = _content(folder, MANIFEST)
    known = (
        manifests.loads(text.decode(errors="surrogateescape"), f"{folder}/{MANIFEST}")
        if text is not None
        else None
    )
    wanted = wanted_digests(module, known)
    entries = known.files if known is not None else {}
    current: dict[str, str] = {}
    conflicts = set()
    for path in {*entries, *wanted}:
        content = _content(folder, path)
        if content is not None:
            current[path] = hashlib.sha256(content).hexdigest()
            if has_markers(content):
                conflicts.add(path)
    files = tuple(
        _judged(f, f.path in conflicts)
        for f in judge(entries, current, wanted)
        if f.state != "clean"
    )
    return Report(module, module_state(f for f in files if f.state not in FINE), files)


def _judged(file: Judged, marked: bool) -> Judged:
    if marked and (file.state in EDITED or file.state == "kept"):
        return replace(file, state="edited", conflict=True)
    return file


def wanted_digests(module: Vendored, known: Manifest | None) -> Mapping[str, str]:
    """Return the digests of a module's files as they would be generated now.

    Args:
        module: The module.
        known: Its manifest; if this version wrote it for the same options, it knows them.
    """
    if known is not None and known.generator == __version__ and known.options == module.options:
        return {path: entry.generated for path, entry in known.files.items()}
    return _rendered_digests(module.options)


@cache
def _rendered_digests(options: Options) -> Mapping[str, str]:
    return {path: manifests.digest(text) for path, text in render(options).items()}


def _content(folder: str, path: str) -> bytes | None:
    """Return a file with the generator's line ends, None if it is not there."""
    name = f"{folder}/{path}"
    try:
        handle = os.open(name, _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        what = (
            "is a symbolic link" if Path(name).is_symlink() else f"cannot be read: {error.strerror}"
        )
        raise TreeError(f"{name}: {what}") from None
    try:
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise TreeError(f"{name}: is not a regular file; move it away")
            content = file.read()
    except OSError as error:
        raise TreeError(f"{name}: cannot be read: {error.strerror}") from None
    return content.replace(b"\r\n", b"\n") if b"\r" in content else content
