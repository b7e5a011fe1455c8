"""Reads the files of a vendored module, and tells the state of each. Writes nothing.

The one place that tells an edit from an update, for `check` and `sync` alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam import __version__
from vpc_cni_iam.catalog.options import COMMAND_IN, Options, stated
from vpc_cni_iam.files.read import contents, decoded, read_by_engines, unix
from vpc_cni_iam.files.tree import left_by_killed
from vpc_cni_iam.rendering.kinds import FILES, render
from vpc_cni_iam.texts import has_markers
from vpc_cni_iam.vendoring import manifest as manifests
from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule
from vpc_cni_iam.vendoring.manifest import MANIFEST, FileRecord, Manifest
from vpc_cni_iam.vendoring.repository import refuse_other_owner
from vpc_cni_iam.vendoring.state import ModuleFile, judge


class ModuleContents(Struct, frozen=True):
    """The files of a module as they are."""

    folder: Path
    known: Manifest | None  # its manifest, None if it has none
    files_by_path: Mapping[str, bytes]  # its files as they are, by path, the manifest included
    files: tuple[ModuleFile, ...]  # the state of each file that is remembered or is to be
    others: tuple[str, ...]  # the paths of other files beside them that an engine reads

    @property
    def entries(self) -> Mapping[str, FileRecord]:
        """The record of each file."""
        return self.known.files if self.known is not None else {}


def observe(config: Config, module: VendoredModule, *, trusting: bool = False) -> ModuleContents:
    """Return the files of a module as they are.

    `trusting` trusts a manifest that this version wrote for the same options on what would be
    generated, and does not generate it. Raises `TreeError` for a file that cannot be read, a
    symbolic link, or a module that another configuration keeps.
    """
    folder = config.folder(module)
    files_by_path = contents(folder, [MANIFEST])
    known = _loaded(folder, files_by_path)
    refuse_other_owner(config, module, known.configuration if known is not None else None)
    entries = known.files if known is not None else {}
    generated = generated_digests(module, known if trusting else None)
    files_by_path |= contents(folder, {*entries, *generated})
    current = {p: _digest(c) for p, c in files_by_path.items() if p != MANIFEST}
    unedited = {
        path
        for path, digest in current.items()
        if digest not in _expected(entries.get(path), generated.get(path))
        and _is_unedited(folder, path, files_by_path, entries.get(path))
    }
    conflicts = {path for path, content in files_by_path.items() if has_markers(content)}
    files = judge(entries, current, generated, unedited, conflicts)
    others = (p for p in read_by_engines(folder) if p not in entries and p not in generated)
    return ModuleContents(folder, known, files_by_path, files, tuple(others))


def remembered(folder: Path) -> Manifest | None:
    """Return the manifest of a module, None if it has none."""
    return _loaded(folder, contents(folder, [MANIFEST]))


def _loaded(folder: Path, files_by_path: Mapping[str, bytes]) -> Manifest | None:
    if MANIFEST not in files_by_path:
        return None
    return manifests.loads(decoded(files_by_path[MANIFEST]), f"{folder}/{MANIFEST}")


def _digest(content: bytes) -> str:
    return hashlib.sha256(unix(content)).hexdigest()


def _expected(entry: FileRecord | None, generated: str | None) -> tuple[str | None, ...]:
    return (generated,) if entry is None else (generated, entry.generated, entry.kept)


def _is_unedited(
    folder: Path, path: str, files_by_path: Mapping[str, bytes], entry: FileRecord | None
) -> bool:
    """Say whether a file is as this tool wrote it, from other options than anything remembers.

    `generate` leaves such files where there is no manifest yet. Beside a manifest only a sync that
    was killed, and then asked for something else, leaves them, with what it replaced still beside;
    without that, somebody put the file there, and it is theirs.
    """
    if entry is not None:
        copies = left_by_killed(folder, path)
        if entry.generated not in map(_digest, copies):
            return False
    content, main = files_by_path[path], files_by_path.get(COMMAND_IN, b"")
    made_from = stated(decoded(content), decoded(main))
    return made_from is not None and rendered_digests(made_from).get(path) == _digest(content)


def generated_digests(module: VendoredModule, known: Manifest | None) -> Mapping[str, str]:
    """Return the digests of a module's files as they would be generated now.

    A manifest that may be trusted has them, if this version wrote it for the same options and
    finished, and every file of the module is in it.
    """
    if (
        known is not None
        and known.generator == __version__
        and known.options == module.options
        and not known.unfinished
        and known.files.keys() >= FILES[module.options.kind].keys()
    ):
        return {path: entry.generated for path, entry in known.files.items()}
    return rendered_digests(module.options)


@cache
def rendered(options: Options) -> Mapping[str, str]:
    """Return the files of a module; cached, since many modules share their options."""
    return render(options)


@cache
def rendered_digests(options: Options) -> Mapping[str, str]:
    """Return the digests of the files of a module."""
    return {path: manifests.digest(text) for path, text in rendered(options).items()}


def lost_bases(observed: ModuleContents) -> list[str]:
    """Return the paths of the remembered texts that a later merge needs and that are not there.

    One that was changed, such as by the markers of a conflict, is not there either.
    """
    bases = {manifests.base_path(path): entry for path, entry in observed.entries.items()}
    known = contents(observed.folder, bases)
    return [
        path
        for path, entry in bases.items()
        if path not in known or _digest(known[path]) != entry.generated
    ]
