"""A module directory as read: its files, and its policy documents for any values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.options import Options, claims, stated
from vpc_cni_iam.catalog.parameters import Parameter
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.files.read import READ_BY_ENGINES, contents
from vpc_cni_iam.files.tree import entries
from vpc_cni_iam.hcl.module import reader as hcl
from vpc_cni_iam.hcl.syntax import OVERRIDE
from vpc_cni_iam.policy.template import Text, join
from vpc_cni_iam.texts import decode, too_large
from vpc_cni_iam.texts.limits import GENERATED_HCL
from vpc_cni_iam.verifying.samples import ISSUER

TEST_SUFFIX = ".tftest.hcl"
# Engines run the providers in this folder of the directory that they start in.
_PROVIDERS = "terraform.d/plugins/"
# Hidden files, those in hidden folders, and what editors leave; no engine reads them.
_IGNORED = re.compile(r"(.*/)?(\..*|[^/]*~|#[^/]*#)", re.DOTALL)
_ADVICE = "name the directory of a generated module"
_MAX_FILES = 10_000
_PASSED = {**hcl.any_values(p.name for p in trust.VARIABLES), trust.POD_IDENTITY: True}


class FileUse(Enum):
    """The use of a file of a module directory in an engine."""

    CONFIGURATION = auto()  # a ``.tf`` file of its own folder, without overrides
    NESTED = auto()  # a ``.tf`` file of a folder in it, or a test
    UNREADABLE = auto()  # another file that is read, in place of these or merged over them
    INERT = auto()  # a file that no engine reads, and is not hidden
    LINK = auto()  # a symbolic link to a folder, whose files are not listed


FilesByUse: TypeAlias = Mapping[FileUse, Sequence[str]]


def list_files(directory: Path) -> FilesByUse:
    """Return the files of a module directory by use, as paths relative to it with forward slashes.

    Raises `InputError` for too many.
    """
    if not directory.is_dir():
        raise InputError(str(directory), "", f"is not a directory; {_ADVICE}")
    by_use: dict[FileUse, list[str]] = {use: [] for use in FileUse}
    files = [p for p in entries(directory) if not _IGNORED.fullmatch(p)]
    if len(files) > _MAX_FILES:
        raise InputError(str(directory), "", f"has more than {_MAX_FILES} files; {_ADVICE}")
    for path in files:
        by_use[FileUse.LINK if (directory / path).is_dir() else _use(path)].append(path)
    return by_use


def _use(path: str) -> FileUse:
    folder, _, name = path.rpartition("/")
    if path.startswith(_PROVIDERS):
        return FileUse.UNREADABLE
    if not READ_BY_ENGINES.fullmatch(name):
        return FileUse.INERT
    if name.endswith(TEST_SUFFIX):
        return FileUse.NESTED
    if not name.endswith(".tf") or OVERRIDE.fullmatch(name):
        return FileUse.UNREADABLE
    return FileUse.NESTED if folder else FileUse.CONFIGURATION


class ModuleDirectory(Struct, frozen=True):
    """A module directory as read."""

    directory: Path
    stated: Options | None  # the options that its files state; None if they state none
    files: FilesByUse
    texts: Mapping[str, str]  # the texts of its own ``.tf`` files by path
    content: hcl.HclModule  # the content of its own ``.tf`` files

    def values(self, passed: Iterable[Parameter] = parameters.PARAMETERS) -> dict[str, Text]:
        """Return the values of a document's parameters where a caller passes some variables."""
        own = hcl.any_values(p.name for p in passed if p.name in self.content.variables)
        return {
            **parameters.with_defaults(own),
            **hcl.any_values(p.name for p in trust.PARAMETERS),
            trust.OIDC_ISSUER.name: join([ISSUER]),
        }


def read_module(directory: Path) -> ModuleDirectory:
    """Read a module directory."""
    files = list_files(directory)
    if not (own := files[FileUse.CONFIGURATION]):
        raise InputError(str(directory), "", f"has no .tf file; {_ADVICE}")
    texts = read_files(directory, own)
    sources = {str(directory / path): text for path, text in texts.items()}
    options = None
    for source, content in sources.items():
        options = options or stated(content)
        if options is None and claims(content):
            problem = f"was made by {claims(content)!r}, which this version does not know"
            raise InputError(source, "", f"{problem}; update vpc-cni-iam, or say what to compare")
    return ModuleDirectory(directory, options, files, texts, hcl.read(sources, _PASSED))


def read_files(directory: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return the texts of files of a module, by path; none is read through a symbolic link."""
    texts = {}
    for path, content in contents(directory, paths).items():
        source = str(directory / path)
        if len(content) > GENERATED_HCL.most:
            raise too_large(source, GENERATED_HCL)
        texts[path] = decode(content, source, "HCL")
    return texts
