"""Says which module of the catalog a directory is compared with, and how its files differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import documents, releases
from vpc_cni_iam.catalog.options import ModuleKind, Options
from vpc_cni_iam.catalog.selection import Selection, select
from vpc_cni_iam.catalog.variants import VARIANTS, Variant
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.diff.differences import differences
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.texts import content
from vpc_cni_iam.texts.limits import MODULE_TEXT
from vpc_cni_iam.verifying.expected import of_variant
from vpc_cni_iam.verifying.module import Module, text
from vpc_cni_iam.verifying.structure import ModuleFinding, compare

Files = Mapping[str, str]
_TEST = ".tftest.hcl"
_READ = (".tf", _TEST)
_SHOWN = 5


def nearest(module: Module) -> Options:
    """Return the options of the catalog's module whose documents differ least.

    Args:
        module: The module, whose files state no options.

    Raises:
        InputError: It holds no document of a known name.
    """
    variants = _present(module, VARIANTS)
    if not variants:
        problem = (
            "holds no policy document that can be compared; say what it should be with "
            "--revision or --cni-version"
        )
        raise InputError(str(module.directory), "", problem)
    selections = [select(revision=r.name) for r in documents.revisions()]
    selections += [select(cni_version=str(r)) for r in reversed(releases.known()[1:])]
    usable = [s for s in selections if _served(variants, s) == variants]
    values = module.values(sample=True)
    policies = {d.name: d.policy for d in module.read.documents}

    def distance(selection: Selection) -> int:
        every = (of_variant(compose(v, selection)) for v in variants)
        return sum(
            len(differences(e.filled(values), policies[e.name]))
            for e in every
            if e.name in policies
        )

    return Options(variants, min(usable, key=distance), _kind(module))


def whole(module: Module, chosen: Options) -> Options:
    """Return the options of the whole module, of which a user may have chosen some variants.

    Args:
        module: The module.
        chosen: What the user chose, and what the module's files state of the rest.
    """
    if module.stated is None:
        kind, variants = _kind(module), _present(module, chosen.variants)
    else:
        kind, variants = chosen.kind, _served(module.stated.variants, chosen.selection)
    return replace(chosen, kind=kind, variants=variants or chosen.variants)


def _present(module: Module, variants: Iterable[Variant]) -> tuple[Variant, ...]:
    names = {d.name for d in module.read.documents} | set(module.read.unread)
    return tuple(v for v in variants if v.identifier in names)


def _served(variants: Iterable[Variant], selection: Selection) -> tuple[Variant, ...]:
    release = selection.release
    return tuple(v for v in variants if release is None or release >= v.minimum)


def _kind(module: Module) -> ModuleKind:
    names = {d.name for d in module.read.documents} | set(module.read.unread)
    return ModuleKind.role if "trust" in names else ModuleKind.policy


def findings(
    module: Module, options: Options, published: Callable[[Options], Files]
) -> tuple[tuple[ModuleFinding, ...], tuple[str, ...]]:
    """Return how the files of a module differ from the catalog's, and notes on other files.

    Args:
        module: The module.
        options: Those of the catalog's module.
        published: Returns the files of a published version, which has modules and examples in
            folders.

    Raises:
        InputError: A file is not HCL.
    """
    catalog = render(options)
    if any(path not in catalog for path in module.files.nested):
        catalog = {**published(options), **catalog}
    own = {p: t for p, t in catalog.items() if p.endswith(".tf") and "/" not in p}
    every = list(compare(own, module.texts, module.directory))
    every += _nested(module, catalog)
    for path in module.files.unreadable:
        problem = "is not in the catalog's module; an engine reads it, and this comparison does not"
        document = None if "/" in path else ""
        every.append(ModuleFinding(path, 0, problem, document, plannable=False))
    return tuple(every), tuple(_notes(module, catalog))


def _nested(module: Module, catalog: Files) -> Iterator[ModuleFinding]:
    """Yield how tests, and modules in folders, differ: those of a folder are one module."""
    groups: dict[str, list[str]] = {}
    for path in module.files.nested:
        groups.setdefault(_group(path), []).append(path)
    for group, paths in groups.items():
        files = {p: t for p, t in catalog.items() if p.endswith(_READ) and _group(p) == group}
        if files:
            texts = {path: text(module.directory / path) for path in paths}
            for finding in compare(files, texts, module.directory):
                yield replace(finding, document=None)
        else:
            for path in paths:
                yield ModuleFinding(path, 0, "is not in the catalog's module", document=None)


def _group(path: str) -> str:
    return path if path.endswith(_TEST) else path.rpartition("/")[0]


def _notes(module: Module, catalog: Files) -> Iterator[str]:
    missing = [p for p in catalog if p.endswith(_TEST) and p not in module.files.nested]
    # Of a published version only the folders that are there are compared.
    for path in missing:
        if "/" not in path.removeprefix("tests/"):
            yield f"{path} is missing; it tests the module, and no policy depends on it"
    others = [p for p in module.files.inert if not _same(module, p, catalog)]
    if others:
        yield f"not compared, since no engine reads it: {listed(others)}"
    if module.files.links:
        yield f"not compared, since it is a symbolic link: {listed(module.files.links)}"


def _same(module: Module, path: str, catalog: Files) -> bool:
    if path not in catalog:
        return False
    place, expected = module.directory / path, catalog[path].encode()
    alike = place.is_file() and place.stat().st_size == len(expected)
    return alike and content(place, MODULE_TEXT) == expected


def listed(names: Iterable[str]) -> str:
    """Return the first few of some names, and how many more there are.

    Args:
        names: The names.
    """
    every = list(names)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return f"{', '.join(every[:_SHOWN])}{more}"
