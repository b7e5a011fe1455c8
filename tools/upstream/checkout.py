"""Reads the Go source of a checkout: its programs, and the packages that each imports."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.upstream.gosource import GoFile, read
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.texts import content, too_large
from vpc_cni_iam.texts.limits import SOURCE, SOURCES

# Upstream's name, for the versions before there was a go.mod.
_MODULE = "github.com/aws/amazon-vpc-cni-k8s"
# Code that is not in the plugin's images: vendored code, tests, build tools.
_PASSED_OVER = re.compile(r"vendor|testdata|tests?|scripts|hack|mocks?(_\w+)?|[._].*")
_NOT_BUILT = re.compile(r".*_test\.go|.*_mocks?\.go|mock_.*\.go|generate_mocks\.go")


@dataclass(frozen=True, slots=True)
class Checkout:
    """The Go files of a checkout by folder, without tests, mocks and vendored code.

    Args:
        module: The import path of its root.
        packages: The files of each folder, by its path in the checkout; ``""`` for the root.
    """

    module: str
    packages: dict[str, tuple[GoFile, ...]]

    def programs(self) -> tuple[str, ...]:
        """Return the folders that are a ``package main``."""
        return tuple(
            folder
            for folder, files in self.packages.items()
            if any(f.package == "main" for f in files)
        )

    def closure(self, program: str) -> tuple[GoFile, ...]:
        """Return the files of a program and of all the checkout's packages that it imports.

        Args:
            program: The program's folder.
        """
        waiting, seen = [program], {program}
        results: list[GoFile] = []
        while waiting:
            files = self.packages[waiting.pop()]
            results += files
            for path in (p for f in files for p in f.imports.values()):
                folder = path.removeprefix(self.module).strip("/")
                inside = path == self.module or path.startswith(self.module + "/")
                if inside and folder in self.packages and folder not in seen:
                    seen.add(folder)
                    waiting.append(folder)
        return tuple(results)


def read_checkout(root: Path) -> Checkout:
    """Return the Go files of a checkout.

    Args:
        root: The checkout's directory.

    Raises:
        InputError: No directory, or one without a Go program.
    """
    packages: dict[str, list[GoFile]] = {}
    size = 0
    for path in _go_files(root):
        name = path.relative_to(root).as_posix()
        data = content(path, SOURCE)
        size += len(data)
        if size > SOURCES.most:
            raise too_large(str(root), SOURCES)
        file = read(data.decode(errors="replace"), name)
        if file is not None:
            packages.setdefault(name.rpartition("/")[0], []).append(file)
    checkout = Checkout(_module(root), {k: tuple(v) for k, v in sorted(packages.items())})
    if not checkout.programs():
        problem = "holds no Go program; give the root of a checkout of amazon-vpc-cni-k8s"
        raise InputError(str(root), "", problem)
    return checkout


def _go_files(root: Path) -> Iterator[Path]:
    if not root.is_dir():
        raise InputError(str(root), "", "is not a directory; give a checkout of the plugin")
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not _PASSED_OVER.fullmatch(f))
        for name in sorted(names):
            path = Path(folder, name)
            if name.endswith(".go") and not _NOT_BUILT.fullmatch(name) and path.is_file():
                yield path


def _module(root: Path) -> str:
    path = root / "go.mod"
    if not path.is_file():
        return _MODULE
    text = content(path, SOURCE).decode(errors="replace")
    match = re.search(r"^module\s+\"?([^\s\"]+)", text, re.MULTILINE)
    return match[1] if match else _MODULE
