"""Where a resource of a plan is written: the plan has no places, the configuration has."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.lines import Located, locate
from vpc_cni_iam.review.changes import Place
from vpc_cni_iam.sources.addresses import call_names
from vpc_cni_iam.sources.configuration import Configuration

_Blocks = dict[tuple[str, ...], Place]


class Locator:
    """Finds where resources are written.

    Args:
        directory: The root module's directory; None to find nothing.
        configuration: The plan's configuration, which says where modules come from.

    Raises:
        InputError: The directory is none, or has no .tf file.
    """

    def __init__(self, directory: Path | None, configuration: Configuration) -> None:
        self._directory = directory
        self._configuration = configuration
        self._read: dict[PurePosixPath, _Blocks] = {}
        if directory is not None and not self._blocks(PurePosixPath()):
            raise InputError(
                str(directory),
                "",
                "holds no block of any .tf file; name the directory of the root module",
            )

    def place(self, module: str, block: str) -> Place | None:
        """Return where a resource is written; of a module from elsewhere, where it is called.

        Args:
            module: The address of its module.
            block: Its address in the module, without keys.
        """
        own, here = self._find(module, block)
        return own or here

    def says(self, module: str, block: str, pattern: str) -> bool | None:
        """Say whether a resource's own text has something in it; None if it is not to be had.

        Args:
            module: The address of its module.
            block: Its address in the module, without keys.
            pattern: A regular expression.
        """
        own = self._find(module, block)[0]
        if own is None or self._directory is None:
            return None
        lines = _text(self._directory / own.file).splitlines()[own.line - 1 : own.end]
        return re.search(pattern, "\n".join(lines)) is not None

    def _find(self, module: str, block: str) -> tuple[Place | None, Place | None]:
        """Return where a resource is written, and where the module is called that it is in."""
        if self._directory is None:
            return None, None
        folder, found, here = PurePosixPath(), self._configuration.root, None
        for name in call_names(module):
            here = self._blocks(folder).get(("module", name))
            if name not in found.calls:
                return None, here
            found = found.calls[name]
            if not found.source.startswith(("./", "../")):
                return None, here
            folder = _joined(folder, found.source)
        parts = block.split(".")
        key = tuple(parts) if parts[0] == "data" else ("resource", *parts)
        return self._blocks(folder).get(key), here

    def _blocks(self, folder: PurePosixPath) -> _Blocks:
        if folder not in self._read and self._directory is not None:
            blocks: _Blocks = {}
            path = self._directory / folder
            files = sorted(path.glob("*.tf")) + sorted(path.glob("*.tofu")) if path.is_dir() else []
            for file in files:
                name = (folder / file.name).as_posix()
                for block in locate(_text(file)):
                    blocks.setdefault((block.type, *block.labels), _place(name, block))
            self._read[folder] = blocks
        return self._read.get(folder, {})


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _place(name: str, block: Located) -> Place:
    return Place(name, block.line, block.end)


def _joined(folder: PurePosixPath, source: str) -> PurePosixPath:
    """Return a module's directory, with what leads up taken out where it can be."""
    parts = list(folder.parts)
    for part in source.split("//", maxsplit=1)[0].split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return PurePosixPath(*parts)
