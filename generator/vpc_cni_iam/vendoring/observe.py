"""What there is of a vendored module, and what became of each of its files. Writes nothing.

The one place that tells an edit from an update, for `check` and `sync` alike.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vpc_cni_iam import __version__
from vpc_cni_iam.catalog.options import Options, stated
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.files.read import absent, contents, decoded, listed, unix
from vpc_cni_iam.files.tree import left_by_killed
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.vendoring import manifest as manifests
from vpc_cni_iam.vendoring.config import Config, VendoredModule
from vpc_cni_iam.vendoring.manifest import MANIFEST, FileRecord, Manifest
from vpc_cni_iam.vendoring.repository import refuse_other_owner
from vpc_cni_iam.vendoring.state import EDITED, ModuleFile, has_markers, judge


@dataclass(frozen=True, slots=True)
class ModuleContents:
    """What there is of a module.

    Args:
        folder: Its directory.
        known: What is remembered of it, None if nothing is.
        held: Its files as they are, by path, the manifest included.
        files: The state of each file that is remembered or is to be.
    """

    folder: Path
    known: Manifest | None
    held: Mapping[str, bytes]
    files: tuple[ModuleFile, ...]

    @property
    def entries(self) -> Mapping[str, FileRecord]:
        """What is remembered of each file."""
        return self.known.files if self.known is not None else {}


def observe(config: Config, module: VendoredModule, *, trusting: bool = False) -> ModuleContents:
    """Return what there is of a module.

    Args:
        config: The configuration.
        module: One of its modules.
        trusting: Whether to believe a manifest that this version wrote for the same options what
            would be generated, and not to generate it.

    Raises:
        InputError: A manifest that cannot be read.
        TreeError: A file that cannot be read, a symbolic link, or a module that another
            configuration keeps.
    """
    folder = config.folder(module)
    held = contents(folder, [MANIFEST])
    known = _loaded(folder, held)
    refuse_other_owner(config, module, known.configuration if known is not None else None)
    entries = known.files if known is not None else {}
    wanted = wanted_digests(module, known if trusting else None)
    held |= contents(folder, {*entries, *wanted})
    current = {p: _digest(c) for p, c in held.items() if p != MANIFEST}
    unedited = {
        path
        for path, digest in current.items()
        if digest not in _expected(entries.get(path), wanted.get(path))
        and _is_unedited(folder, path, held[path], entries.get(path))
    }
    conflicts = {path for path, content in held.items() if has_markers(content)}
    files = judge(entries, current, wanted, unedited, conflicts)
    return ModuleContents(folder, known, held, files)


def remembered(folder: Path) -> Manifest | None:
    """Return what is remembered of a module, None if nothing is.

    Args:
        folder: The module's directory.

    Raises:
        InputError: It cannot be read.
    """
    return _loaded(folder, contents(folder, [MANIFEST]))


def _loaded(folder: Path, held: Mapping[str, bytes]) -> Manifest | None:
    if MANIFEST not in held:
        return None
    return manifests.loads(decoded(held[MANIFEST]), f"{folder}/{MANIFEST}")


def _digest(content: bytes) -> str:
    return hashlib.sha256(unix(content)).hexdigest()


def _expected(entry: FileRecord | None, wanted: str | None) -> tuple[str | None, ...]:
    return (wanted,) if entry is None else (wanted, entry.generated, entry.kept)


def _is_unedited(folder: Path, path: str, content: bytes, entry: FileRecord | None) -> bool:
    """Say whether a file is as this tool wrote it, from other options than anything remembers.

    `generate` leaves such files where there is no manifest yet. Beside a manifest only a sync
    that was killed, and then asked for something else, leaves them, with what it replaced still
    beside; without that, somebody put the file there, and it is theirs.
    """
    if entry is not None:
        copies = left_by_killed(folder, path)
        if entry.generated not in map(_digest, copies):
            return False
    made_from = stated(decoded(content))
    return made_from is not None and rendered_digests(made_from).get(path) == _digest(content)


def wanted_digests(module: VendoredModule, known: Manifest | None) -> Mapping[str, str]:
    """Return the digests of a module's files as they would be generated now.

    Args:
        module: The module.
        known: Its manifest, if it may be believed: if this version wrote it for the same options
            and finished, it knows them.
    """
    if (
        known is not None
        and known.generator == __version__
        and known.options == module.options
        and not known.unfinished
    ):
        return {path: entry.generated for path, entry in known.files.items()}
    return rendered_digests(module.options)


@cache
def rendered(options: Options) -> Mapping[str, str]:
    """Return the files of a module, of which many share their options.

    Args:
        options: What it is made from.
    """
    return render(options)


@cache
def rendered_digests(options: Options) -> Mapping[str, str]:
    """Return the digests of the files of a module."""
    return {path: manifests.digest(text) for path, text in rendered(options).items()}


def redefined(observed: ModuleContents, module: VendoredModule) -> tuple[ModuleFile, ...]:
    """Return the files beside a module's own that define again what those define.

    Args:
        observed: The module.
        module: The same.

    Raises:
        TreeError: A file that cannot be read.
    """
    known = {f.path for f in observed.files}
    if all(n in known or not n.endswith(".tf") for n in listed(observed.folder)):
        return ()
    texts = dict(rendered(module.options))
    for file in observed.files:
        if file.state in ("deleted", "left over"):
            texts.pop(file.path, None)
        elif file.path in observed.held and file.state in (*EDITED, "kept"):
            texts[file.path] = decoded(observed.held[file.path])
    return tuple(
        ModuleFile(path, "redefined", detail=problem)
        for path, problem in duplicates(observed.folder, texts, known)
    )


def lost_bases(observed: ModuleContents) -> list[str]:
    """Return the paths of the remembered texts that a later merge needs and that are not there.

    Args:
        observed: The module.

    Raises:
        TreeError: They lie behind a symbolic link.
    """
    return absent(observed.folder, map(manifests.base_path, observed.entries))


# A look at the text, so that HCL is only read where a name of ours stands.
_HEAD = re.compile(r'^\s*(data|resource|variable|output)\s+"([^"\n]+)"(?:\s+"([^"\n]+)")?', re.M)
_LOCALS = re.compile(r"^\s*locals\s*\{", re.M)


def duplicates(
    folder: Path, texts: Mapping[str, str], known: Container[str]
) -> Iterator[tuple[str, str]]:
    """Yield files that define again what a module's own files define, each with what is wrong.

    Args:
        folder: The module's directory.
        texts: The module's own files, by path.
        known: The paths that are the module's own, be they there or not.
    """
    others = [n for n in listed(folder) if _is_loaded(n) and n not in known]
    if not others:
        return
    homes = {
        name: path
        for path, text in texts.items()
        if _is_loaded(path)
        for name in _defined(text, path)
    }
    for path, content in sorted(contents(folder, others).items()):
        same = sorted(_defined(decoded(content), path) & homes.keys())
        if same:
            more = f" and {len(same) - 1} more" if len(same) > 1 else ""
            yield path, f"defines {same[0]}{more} again, which {homes[same[0]]} defines"


def _is_loaded(path: str) -> bool:
    hidden = path.startswith(".")
    override = path == "override.tf" or path.endswith("_override.tf")  # merged, not added
    return path.endswith(".tf") and "/" not in path and not hidden and not override


def _defined(text: str, path: str) -> set[str]:
    """Return what a file defines, as an engine names it; by its text alone if it is no HCL."""
    names = {".".join(part for part in match.groups() if part) for match in _HEAD.finditer(text)}
    if not _LOCALS.search(text):
        return names
    from vpc_cni_iam.hcl.parse import parse

    try:
        blocks = parse(text, path).blocks
    except InputError:
        return names
    return names | {f"local.{n}" for b in blocks if b.type == "locals" for n in b.attributes}
