"""Reads the files of a vendored module, and finds the state of each. Writes nothing.

Only this module distinguishes edits from updates, for `check` and `sync`. A file is clean if it
equals the text that is generated now, whatever the manifest says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.options import COMMAND_IN, Options
from vpc_cni_iam.errors import InputError, VpcCniIamError
from vpc_cni_iam.files.checkout import Checkout
from vpc_cni_iam.files.read import contents, decoded, listed, read_by_engines
from vpc_cni_iam.files.tree import left_by_killed
from vpc_cni_iam.rendering.kinds import PATHS
from vpc_cni_iam.texts import has_markers
from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule, parse
from vpc_cni_iam.vendoring.manifest import (
    ATTRIBUTES,
    BASES,
    MANIFEST,
    Manifest,
    base_path,
    base_text,
    digest,
    is_digest,
    loads,
)
from vpc_cni_iam.vendoring.origins import Origins, digests, rendered, unlike
from vpc_cni_iam.vendoring.repository import name_from, refuse_other_owner
from vpc_cni_iam.vendoring.state import FileState, ModuleFile


class ModuleContents(Struct, frozen=True):
    """The existing files of a module."""

    module: VendoredModule
    folder: Path
    configuration: str  # the path of the configuration, relative to the module
    # The known facts: those of its manifest and, in a merge, of the manifests of both sides.
    known: Manifest
    files_by_path: Mapping[str, bytes]  # its files, and those of its manifest's folder
    others: tuple[str, ...]  # the paths of other files in its directory that an engine reads
    origins: Origins
    files: tuple[ModuleFile, ...] = ()  # the state of each known or generated file

    @property
    def generated(self) -> Mapping[str, str]:
        """The files of the module, generated now."""
        return rendered(self.module.options)

    @property
    def copies(self) -> dict[str, str]:
        """The generated texts that are stored for merges, by digest, without modified ones."""
        texts = {
            (name := path.removeprefix(f"{BASES}/")): base_text(name, decoded(content))
            for path, content in self.files_by_path.items()
            if path.startswith(f"{BASES}/")
        }
        return {name: text for name, text in texts.items() if digest(text) == name}

    def text(self, path: str) -> str:
        """Return the text of an existing file."""
        return decoded(self.files_by_path[path])

    def generated_texts(self, path: str) -> dict[str, str]:
        """Return the known generated texts of a file and the stored ones of all, by digest."""
        return {**self.origins.texts(path), **self.copies}

    def base(self, path: str, text: str) -> str | None:
        """Return the generated text on which an edited text is based; None if it is not known.

        The manifest names it, unless another text has lines of it that the named one lacks, and
        differs in no more: after a merge, the file may be that of the other side. For an accepted
        text, a copy is kept.
        """
        names = self.known.generated.get(path, frozenset())
        if not names or not names <= (texts := self.generated_texts(path)).keys():
            return None
        if digest(text) in self.known.accepted.get(path, {}):
            own = self.origins.texts(path).keys() | names
            texts = {name: texts[name] for name in self.copies.keys() & own} or texts
        now = digests(self.module.options).get(path, "")
        counts = {name: unlike(text, texts[name]) for name in sorted(texts)}
        order = sorted(counts, key=lambda name: (sum(counts[name]), name == now))
        named = next((name for name in order if name in names), order[0])
        more, less = counts[named]
        nearer = (n for n in order if counts[n][0] < more and counts[n][1] <= less)
        return texts[next(nearer, named)]


def observe(
    config: Config, module: VendoredModule, checkout: Checkout | None = None
) -> ModuleContents:
    """Return the existing files of a module.

    With a `checkout`, git is asked about a merge. Raises `TreeError` for a file that cannot be
    read, a symbolic link, or a module that another configuration manages.
    """
    folder, generated = config.folder(module), rendered(module.options)
    files = contents(folder, [MANIFEST, ATTRIBUTES])
    text, source = decoded(files.get(MANIFEST, b"")), f"{folder}/{MANIFEST}"
    known = loads(text, source)
    refuse_other_owner(config, module, known.configurations)
    files |= contents(folder, {*generated, *known.generated})
    differs = any(p not in files or decoded(files[p]) != t for p, t in generated.items())
    differs |= bool(known.generated.keys() - generated.keys())
    if differs and checkout is not None and checkout.in_progress:
        known = _of_all_sides(text, checkout.in_heads(f"{module.path}/{MANIFEST}"), source)
        files |= contents(folder, known.generated)
    if differs or checkout is not None:
        names = filter(is_digest, listed(folder, BASES))
        files |= contents(folder, map(base_path, names))
    paths = sorted({*generated, *known.generated})
    observed = ModuleContents(
        module,
        folder,
        name_from(config, module),
        known,
        files,
        tuple(p for p in read_by_engines(folder) if p not in paths),
        Origins(module.options, partial(_other_options, config, module, checkout)),
    )
    states = (_state(observed, path) for path in paths)
    # A file that is neither generated nor there is not listed.
    known_files = (f for f in states if f.generated or f.state is not FileState.missing)
    return replace(observed, files=tuple(known_files))


def _of_all_sides(text: str, sides: list[str], source: str) -> Manifest:
    """Return the facts of a manifest and of the manifests of both sides of a merge."""
    texts = [text]
    for side in sides:
        with suppress(InputError):
            loads(side, source)
            texts.append(side)
    return loads("\n".join(texts), source)


def _other_options(
    config: Config, module: VendoredModule, checkout: Checkout | None
) -> Iterator[Options]:
    """Yield the options of a module in the configurations that git knows."""
    for text in checkout.in_heads(config.path.name) if checkout is not None else ():
        with suppress(VpcCniIamError):
            modules = parse(text, config.path).modules
            yield from (m.options for m in modules if m.path == module.path)


def _state(observed: ModuleContents, path: str) -> ModuleFile:
    known, content = observed.known, observed.files_by_path.get(path)
    is_now, recorded = path in observed.generated, path in known.generated
    file = ModuleFile(path, FileState.missing, generated=is_now, recorded=recorded)
    if content is None:
        return replace(file, accepted=known.deleted.get(path, ""))
    text, now = decoded(content), observed.generated.get(path)
    if text == now:
        return replace(file, state=FileState.clean)
    if is_unedited(observed, path, text):
        return replace(file, state=FileState.outdated)
    file = replace(file, markers=has_markers(content))
    if not file.recorded:
        return replace(file, state=FileState.foreign)
    update = now is not None and observed.base(path, text) != now
    state = FileState.both if update else FileState.edited
    return replace(file, state=state, accepted=known.accepted.get(path, {}).get(digest(text), ""))


def is_unedited(observed: ModuleContents, path: str, text: str) -> bool:
    """Return whether this tool generated a text, for any version, or a killed run wrote it.

    If no version generates a file of this path, the manifest alone proves nothing: it may be the
    user's.
    """
    known = path in observed.generated or path in PATHS
    names = observed.known.generated.get(path, frozenset()) if known else frozenset()
    main = decoded(observed.files_by_path.get(COMMAND_IN, b""))
    return (
        digest(text) in names
        or observed.origins.made(path, text, main)
        or any(digest(decoded(old)) in names for old in left_by_killed(observed.folder, path))
    )
