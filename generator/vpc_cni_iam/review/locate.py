"""Finds the file and line of each resource of a plan in its configuration."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING

from msgspec import Struct

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.configuration import PlanConfiguration
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.inputs.plan.resource import call_names, module_of, without_keys
from vpc_cni_iam.texts import content
from vpc_cni_iam.texts.limits import HCL

if TYPE_CHECKING:
    from vpc_cni_iam.hcl.repair import Located

# The places of each block. There are several if an override file changes it, or if Terraform and
# OpenTofu read different files.
_Blocks = dict[tuple[str, ...], list["SourcePlace"]]
_PATTERNS = ("*.tf", "*.tofu", "*.tf.json", "*.tofu.json")


class SourcePlace(Struct, frozen=True):
    """Where a resource is written."""

    file: str
    line: int
    end: int


class Locator:
    """Finds the place of resources; without the directory of the root module, it finds none.

    The plan's configuration has the sources of modules. Raises `InputError` for a directory without
    a file of a configuration.
    """

    def __init__(self, directory: Path | None, configuration: PlanConfiguration) -> None:
        self._directory = directory
        self._configuration = configuration
        self._read: dict[PurePosixPath, _Blocks] = {}
        if directory is not None and not self._blocks(PurePosixPath()):
            what = "has no block of any .tf file" if directory.is_dir() else "is not a directory"
            raise InputError(str(directory), "", f"{what}; name the directory of the root module")

    @property
    def fits(self) -> bool:
        """Whether the directory has any block of the plan's root module."""
        root = self._configuration.root
        keys = {("module", name) for name in root.calls} | set(map(_key, root.blocks))
        is_any = not keys.isdisjoint(self._blocks(PurePosixPath()))
        return self._directory is None or not keys or is_any

    def place(self, address: str) -> SourcePlace | None:
        """Return the place of a resource; for a module from elsewhere, the place of its call."""
        own, here = self._find(address)
        return next(iter((*own, *here)), None)

    def block_text(self, address: str) -> str | None:
        """Return the text of a resource's block; None unless it is written in exactly one place."""
        own, _ = self._find(address)
        if len(own) != 1 or self._directory is None:
            return None
        lines = _text(self._directory / own[0].file).splitlines()
        return "\n".join(lines[own[0].line - 1 : own[0].end])

    def _find(self, address: str) -> tuple[list[SourcePlace], list[SourcePlace]]:
        """Return the places of a resource, and the places of the call of its module."""
        here: list[SourcePlace] = []
        if self._directory is None or not address:
            return [], here
        module = module_of(address)
        folder, configured = PurePosixPath(), self._configuration.root
        for name in call_names(module):
            here = self._blocks(folder).get(("module", name), [])
            if name not in configured.calls:
                return [], here
            configured = configured.calls[name]
            if not configured.source.startswith(("./", "../")):
                return [], here
            folder = PurePosixPath(normpath(folder / configured.source))
        block = without_keys(address[len(module) :].removeprefix("."))
        return self._blocks(folder).get(_key(block), []), here

    def _blocks(self, folder: PurePosixPath) -> _Blocks:
        if folder not in self._read and self._directory is not None:
            from vpc_cni_iam.hcl.repair import locate  # noqa: PLC0415 - few plans need it

            blocks: _Blocks = {}
            path = self._directory / folder
            patterns = _PATTERNS if path.is_dir() else ()
            # Engines ignore hidden files.
            files = (file for pattern in patterns for file in sorted(path.glob(pattern)))
            for file in (file for file in files if not file.name.startswith(".")):
                name = (folder / file.name).as_posix()
                located = _in_json(file) if file.suffix == ".json" else locate(_text(file))
                for block in located:
                    place = SourcePlace(name, block.line, block.end)
                    blocks.setdefault((block.type, *block.labels), []).append(place)
            self._read[folder] = blocks
        return self._read.get(folder, {})


def _key(block: str) -> tuple[str, ...]:
    parts = block.split(".")
    return tuple(parts) if parts[0] == "data" else ("resource", *parts)


def _in_json(file: Path) -> Iterator[Located]:
    """Yield the blocks of a JSON file; if it is damaged, those before the damage."""
    from vpc_cni_iam.hcl.repair import Located  # noqa: PLC0415 - few plans need it

    text = _text(file).encode()
    reader, ends = Reader(text, str(file)), [m.start() for m in re.finditer(b"\n", text)]
    reader.skip_mark()

    def labelled(labels: tuple[str, ...], left: int) -> Iterator[Located]:
        """Yield the blocks in an object, or a list of objects, with as many labels as are left."""
        if reader.peek() == b"[":
            for _ in reader.items():
                yield from labelled(labels, left)
            return
        for name in reader.members():
            if left > 1:
                yield from labelled((*labels, name), left - 1)
                continue
            start = bisect(ends, reader.place) + 1
            # The value may end in white space.
            end = start + bytes(reader.value()).rstrip().count(b"\n")
            yield Located(labels[0], (*labels[1:], name), start, end)

    with suppress(InputError):
        for kind in reader.members():
            if kind in ("resource", "data", "module"):
                yield from labelled((kind,), 1 if kind == "module" else 2)
            else:
                reader.value()


def _text(file: Path) -> str:
    try:
        # A place is only a help: a file that cannot be read has none.
        return content(file, HCL).decode(errors="replace") if file.is_file() else ""
    except InputError:
        return ""
