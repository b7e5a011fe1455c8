"""Compares the files of a module directory with the catalog's module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.escape import escape_control
from vpc_cni_iam.files.read import contents, unix
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.verifying.blocks import Affected, ModuleFinding, compare_blocks
from vpc_cni_iam.verifying.module_directory import TEST_SUFFIX, FileUse, ModuleDirectory, read_files

Files = Mapping[str, str]
_COMPARED = (".tf", TEST_SUFFIX)


def compare_files(
    module: ModuleDirectory, options: Options, published: Callable[[Options], Files]
) -> tuple[tuple[ModuleFinding, ...], tuple[str, ...]]:
    """Return how the files of a module differ from the catalog's, and notes about other files.

    `published` returns the files of a published version, which has folders with modules and
    examples.
    """
    catalog = render(options)
    if any(path not in catalog for path in module.files[FileUse.NESTED]):
        catalog = {**published(options), **catalog}
    own = {p: t for p, t in catalog.items() if p.endswith(".tf") and "/" not in p}
    findings = list(compare_blocks(own, module.texts, module.directory))
    findings += _nested(module, catalog)
    for path in module.files[FileUse.UNREADABLE]:
        problem = "is not in the catalog's module; an engine reads it, but it was not compared"
        affected = Affected.NO_DOCUMENT if "/" in path else Affected.ANY_DOCUMENT
        findings.append(ModuleFinding(path, 0, problem, affected, plannable=False))
    for path in module.files[FileUse.LINK]:
        problem = "is a symbolic link to a directory, which was not compared"
        findings.append(ModuleFinding(path, 0, problem, Affected.NO_DOCUMENT))
    return tuple(findings), tuple(_notes(module, catalog))


def _nested(module: ModuleDirectory, catalog: Files) -> Iterator[ModuleFinding]:
    """Yield how tests, and modules in folders, differ; the files of a folder are one module."""
    groups: dict[str, list[str]] = {}
    for path in module.files[FileUse.NESTED]:
        groups.setdefault(_group(path), []).append(path)
    for group, paths in groups.items():
        expected = {
            p: t for p, t in catalog.items() if p.endswith(_COMPARED) and _group(p) == group
        }
        if expected:
            texts = read_files(module.directory, paths)
            for finding in compare_blocks(expected, texts, module.directory):
                yield replace(finding, affected=Affected.NO_DOCUMENT)
        else:
            for path in paths:
                text = "is not in the catalog's module"
                yield ModuleFinding(path, 0, text, Affected.NO_DOCUMENT)


def _group(path: str) -> str:
    return path if path.endswith(TEST_SUFFIX) else path.rpartition("/")[0]


def _notes(module: ModuleDirectory, catalog: Files) -> Iterator[str]:
    nested = module.files[FileUse.NESTED]
    for path in catalog:
        # The directory may lack folders of a published version; only existing ones are compared.
        own_test = path.endswith(TEST_SUFFIX) and "/" not in path.removeprefix("tests/")
        if own_test and path not in nested:
            yield f"{path} is missing; it only tests the module, so no policy depends on it"
    others = [p for p in module.files[FileUse.INERT] if not _is_as_generated(module, p, catalog)]
    if others:
        shown = first_of(map(escape_control, others), 5)
        yield f"not compared, because no engine reads it: {shown}"


def _is_as_generated(module: ModuleDirectory, path: str, catalog: Files) -> bool:
    if path not in catalog:
        return False
    content = contents(module.directory, [path])[path]
    return unix(content) == catalog[path].encode()
