"""Lists the files of a module directory by their use in an engine."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from vpc_cni_iam.errors import InputError, reason

# The files of a folder that Terraform and OpenTofu read: configuration, values of variables and
# tests, in HCL and in JSON. State, plans and templates are data.
_LOADED = re.compile(
    r"(?!.*\.(?:tfstate|tfplan|tftpl)$).*\.(?:tf|tofu)[a-z]*(?:\.hcl)?(?:\.json)?", re.DOTALL
)
TEST_SUFFIX = ".tftest.hcl"
# Engines merge these over the blocks of the other files.
_OVERRIDE = re.compile(r"(?:.*_)?override\.tf", re.DOTALL)
# Hidden files, and files that editors leave; no engine reads them.
_IGNORED = re.compile(r"\..*|.*~|#.*#", re.DOTALL)
_MAX_FILES = 10_000


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a module directory, as paths relative to it with forward slashes."""

    configuration: tuple[str, ...]  # the ``.tf`` files of its own folder, without overrides
    nested: tuple[str, ...]  # the ``.tf`` files of the folders in it, and tests
    # Other files that an engine reads, in place of these or merged over them.
    unreadable: tuple[str, ...]
    inert: tuple[str, ...]  # files that no engine reads, without hidden ones
    links: tuple[str, ...]  # symbolic links to folders, whose files are not listed


def list_files(directory: Path) -> Listing:
    """Return the files of a module directory, or raise `InputError` for too many."""
    if not directory.is_dir():
        raise InputError(str(directory), "", "is not a directory; name a generated module's")
    files: list[str] = []
    links: list[str] = []
    for folder, folders, names in os.walk(directory, onerror=_refuse):
        place = Path(folder).relative_to(directory)
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        links += [(place / f).as_posix() for f in folders if Path(folder, f).is_symlink()]
        files += [(place / n).as_posix() for n in sorted(names) if not _IGNORED.fullmatch(n)]
        if len(files) > _MAX_FILES:
            problem = f"holds more than {_MAX_FILES} files; name a generated module's directory"
            raise InputError(str(directory), "", problem)
    by_use: dict[_Use, list[str]] = {use: [] for use in _Use}
    for path in files:
        by_use[_use(path)].append(path)
    return Listing(
        configuration=tuple(by_use[_Use.CONFIGURATION]),
        nested=tuple(by_use[_Use.NESTED]),
        unreadable=tuple(by_use[_Use.UNREADABLE]),
        inert=tuple(by_use[_Use.INERT]),
        links=tuple(links),
    )


class _Use(Enum):
    CONFIGURATION = auto()
    NESTED = auto()
    UNREADABLE = auto()
    INERT = auto()


def _use(path: str) -> _Use:
    folder, _, name = path.rpartition("/")
    if not _LOADED.fullmatch(name):
        return _Use.INERT
    if name.endswith(TEST_SUFFIX):
        return _Use.NESTED
    if not name.endswith(".tf") or _OVERRIDE.fullmatch(name):
        return _Use.UNREADABLE
    return _Use.NESTED if folder else _Use.CONFIGURATION


def _refuse(error: OSError) -> None:
    raise InputError(str(error.filename), "", f"cannot be read: {reason(error)}")
