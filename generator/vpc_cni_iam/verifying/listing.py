"""Lists the files of a module directory by what an engine does with them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from vpc_cni_iam.errors import InputError

# What Terraform and OpenTofu read of a folder: configuration, values of variables, tests and
# their like in HCL and in JSON. State, plans and templates are data.
_LOADED = re.compile(
    r"(?!.*\.(?:tfstate|tfplan|tftpl)$).*\.(?:tf|tofu)[a-z]*(?:\.hcl)?(?:\.json)?", re.DOTALL
)
_TEST = ".tftest.hcl"
# Engines merge these over the blocks of the other files.
_OVERRIDE = re.compile(r"(?:.*_)?override\.tf", re.DOTALL)
# Hidden files, and those that editors leave, which no engine reads.
_IGNORED = re.compile(r"\..*|.*~|#.*#", re.DOTALL)
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a module directory, as paths relative to it with forward slashes.

    Args:
        configuration: The ``.tf`` files of its own folder that are no overrides.
        nested: The ``.tf`` files of the folders in it, and tests.
        unreadable: Other files that an engine reads, in place of the above or over them.
        inert: Files that no engine reads, but for hidden ones.
        links: Symbolic links to folders, whose files are not listed.
    """

    configuration: tuple[str, ...]
    nested: tuple[str, ...]
    unreadable: tuple[str, ...]
    inert: tuple[str, ...]
    links: tuple[str, ...]


def listing(directory: Path) -> Listing:
    """Return the files of a module directory.

    Args:
        directory: The directory.

    Raises:
        InputError: It is no directory, holds too many files, or a folder cannot be read.
    """
    if not directory.is_dir():
        raise InputError(str(directory), "", "is not a directory; name a generated module's")
    files: list[str] = []
    links: list[str] = []
    for folder, folders, names in os.walk(directory, onerror=_refuse):
        place = Path(folder).relative_to(directory)
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        links += [(place / f).as_posix() for f in folders if Path(folder, f).is_symlink()]
        files += [(place / n).as_posix() for n in sorted(names) if not _IGNORED.fullmatch(n)]
        if len(files) > _MOST:
            problem = f"holds more than {_MOST} files; name a generated module's directory"
            raise InputError(str(directory), "", problem)
    kinds = {path: _kind(path) for path in files}

    def of(kind: _Kind) -> tuple[str, ...]:
        return tuple(path for path in files if kinds[path] is kind)

    return Listing(
        configuration=of(_Kind.CONFIGURATION),
        nested=of(_Kind.NESTED),
        unreadable=of(_Kind.UNREADABLE),
        inert=of(_Kind.INERT),
        links=tuple(links),
    )


class _Kind(Enum):
    CONFIGURATION = auto()
    NESTED = auto()
    UNREADABLE = auto()
    INERT = auto()


def _kind(path: str) -> _Kind:
    folder, _, name = path.rpartition("/")
    if not _LOADED.fullmatch(name):
        return _Kind.INERT
    if name.endswith(_TEST):
        return _Kind.NESTED
    if not name.endswith(".tf") or _OVERRIDE.fullmatch(name):
        return _Kind.UNREADABLE
    return _Kind.NESTED if folder else _Kind.CONFIGURATION


def _refuse(error: OSError) -> None:
    raise InputError(str(error.filename), "", f"cannot be read: {error.strerror}")
