"""Finds the options of the catalog's module with which a directory is compared."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.compose import Composed, compose
from vpc_cni_iam.catalog.facts import documents, known_versions
from vpc_cni_iam.catalog.options import ModuleKind, Options
from vpc_cni_iam.catalog.selection import Selection, select
from vpc_cni_iam.catalog.variants import Variant, every
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Text
from vpc_cni_iam.policy.diff import Difference, StatementChanged, ValuesChange, differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Text as PolicyText
from vpc_cni_iam.verifying.module_directory import ModuleDirectory


class ExpectedDocument(Struct, frozen=True):
    """A document of the catalog's module."""

    name: str  # the name of its data source
    label: str  # its name in reports: the variant's, or "trust policy"
    against: str  # its source, such as ``--revision 2022-01-31``
    policy: Policy  # the document with placeholders
    output: str = ""  # the output that returns it as JSON, empty if there is none
    key: str = ""  # its key in the output ``json``, empty if there is none

    def filled(self, values: Mapping[str, PolicyText]) -> Policy:
        """Return the document with parameters replaced by values, by name."""
        return parameters.fill(self.policy, values)


def expected_documents(options: Options) -> list[ExpectedDocument]:
    """Return the documents of a module with these options."""
    policy_module = options.kind is ModuleKind.policy
    documents = [variant_document(c, returned=policy_module) for c in options.composed()]
    if not policy_module:
        policy = trust.policy(irsa=options.irsa, service_account=options.service_account)
        documents.append(ExpectedDocument(trust.DOCUMENT, "trust policy", "the catalog", policy))
    return documents


def variant_document(composed: Composed, *, returned: bool = True) -> ExpectedDocument:
    """Return the document of a variant; `returned` is whether the module has outputs for it."""
    variant = composed.variant
    return ExpectedDocument(
        variant.identifier,
        variant.name,
        " ".join(composed.selection.arguments()),
        composed.policy,
        f"{variant.identifier}_json" if returned else "",
        variant.name if returned else "",
    )


def _called_directories(module: ModuleDirectory) -> list[str]:
    """Return the directories of the modules that a module calls with a local path."""
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
    """Return the options for which the catalog's documents differ least from a module's."""
    variants = _present(module, every())
    if not variants:
        problem = "has no policy document to compare; "
        if called := _called_directories(module):
            advice = f"it calls the module in {', '.join(called)}; verify that directory"
        else:
            advice = "choose the documents to compare with: --revision or --cni-version"
        raise InputError(str(module.directory), "", problem + advice)
    selections = [select(revision=r.name) for r in documents.revisions()]
    selections += [select(cni_version=str(r)) for r in reversed(known_versions.known()[1:])]
    usable = [s for s in selections if _supported(variants, s) == variants]
    values = module.values()
    policies = {d.name: d.policy for d in module.content.documents}

    def distance(selection: Selection) -> int:
        expected = (variant_document(compose(v, selection)) for v in variants)
        return sum(
            _size(difference)
            for document in expected
            if document.name in policies
            for difference in differences(document.filled(values), policies[document.name])
        )

    return Options(variants, min(usable, key=distance), _kind(module))


def _size(difference: Difference) -> int:
    """Return the number of values, conditions or statements that differ."""
    if not isinstance(difference, StatementChanged):
        return 1
    return max(
        1,
        sum(
            len(e.removed) + len(e.added) if isinstance(e, ValuesChange) else 1
            for e in difference.elements
        ),
    )


def module_options(module: ModuleDirectory, selected: Options) -> Options:
    """Return the options of the whole module; a user may have selected only some variants."""
    if module.stated is None:
        kind, variants = _kind(module), _present(module, selected.variants)
    else:
        kind, variants = selected.kind, _supported(module.stated.variants, selected.selection)
    return replace(selected, kind=kind, variants=variants or selected.variants)


def _present(module: ModuleDirectory, variants: Iterable[Variant]) -> tuple[Variant, ...]:
    names = module.content.names
    return tuple(v for v in variants if v.identifier in names)


def _supported(variants: Iterable[Variant], selection: Selection) -> tuple[Variant, ...]:
    version = selection.version
    return tuple(v for v in variants if version is None or version >= v.minimum)


def _kind(module: ModuleDirectory) -> ModuleKind:
    return ModuleKind.role if "trust" in module.content.names else ModuleKind.policy
