"""The options of the catalog's module that a directory is compared with."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import documents, known_versions
from vpc_cni_iam.catalog.options import ModuleKind, Options
from vpc_cni_iam.catalog.selection import Selection, select
from vpc_cni_iam.catalog.variants import Variant, every
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Text
from vpc_cni_iam.policy.diff.differences import differences
from vpc_cni_iam.verifying.expected import variant_document
from vpc_cni_iam.verifying.module_directory import ModuleDirectory


def _called_directories(module: ModuleDirectory) -> list[str]:
    """Return the directories of the modules that a module calls by a local path."""
    directories = []
    for path, text in module.texts.items():
        for block in parse(text, path).blocks:
            match block.attributes.get("source"):
                case Text(parts=(str() as source,)) if block.type == "module" and source.startswith(
                    ("./", "../")
                ):
                    directories.append(os.path.normpath(module.directory / source))
    return directories


def nearest_options(module: ModuleDirectory) -> Options:
    """Return the options of the catalog's module whose documents differ least from a module's."""
    variants = _present(module, every())
    if not variants:
        problem = "has no policy document to compare; "
        if called := _called_directories(module):
            advice = f"it calls the module in {', '.join(called)}; verify that directory"
        else:
            advice = "name what to compare it with by --revision or --cni-version"
        raise InputError(str(module.directory), "", problem + advice)
    selections = [select(revision=r.name) for r in documents.revisions()]
    selections += [select(cni_version=str(r)) for r in reversed(known_versions.known()[1:])]
    usable = [s for s in selections if _supported(variants, s) == variants]
    values = module.sample_values()
    policies = {d.name: d.policy for d in module.content.documents}

    def distance(selection: Selection) -> int:
        expected = (variant_document(compose(v, selection)) for v in variants)
        return sum(
            len(differences(document.filled(values), policies[document.name]))
            for document in expected
            if document.name in policies
        )

    return Options(variants, min(usable, key=distance), _kind(module))


def module_options(module: ModuleDirectory, selected: Options) -> Options:
    """Return the options of the whole module, of which a user may have selected some variants."""
    if module.stated is None:
        kind, variants = _kind(module), _present(module, selected.variants)
    else:
        kind, variants = selected.kind, _supported(module.stated.variants, selected.selection)
    return replace(selected, kind=kind, variants=variants or selected.variants)


def _present(module: ModuleDirectory, variants: Iterable[Variant]) -> tuple[Variant, ...]:
    names = _document_names(module)
    return tuple(v for v in variants if v.identifier in names)


def _supported(variants: Iterable[Variant], selection: Selection) -> tuple[Variant, ...]:
    version = selection.version
    return tuple(v for v in variants if version is None or version >= v.minimum)


def _kind(module: ModuleDirectory) -> ModuleKind:
    return ModuleKind.role if "trust" in _document_names(module) else ModuleKind.policy


def _document_names(module: ModuleDirectory) -> set[str]:
    return {d.name for d in module.content.documents} | set(module.content.unread)
