"""Compares a version with the previous one: its changelog, and the number that it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.catalog.selection import Additions
from vpc_cni_iam.errors import InputError, PublishError
from vpc_cni_iam.escape import escape_emphasis
from vpc_cni_iam.hcl.module.reader import any_values, read_blocks
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.resolve import ResolvedDocument
from vpc_cni_iam.hcl.syntax import Block
from vpc_cni_iam.policy import normalise
from vpc_cni_iam.policy.diff import VersionChanged, differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.answer import NoNewAccess
from vpc_cni_iam.policy.proof.beside import no_new_access_beside_others
from vpc_cni_iam.policy.report import access_change_text, difference_lines
from vpc_cni_iam.publishing.versioning.interface import (
    ModuleInterface,
    compare_code,
    compare_interfaces,
    read_interface,
)
from vpc_cni_iam.publishing.versioning.semver import Bump, Version, VersionChange, step

CHANGELOG = "CHANGELOG.md"
_SECTION = re.compile(r"^## (\S+)$", re.MULTILINE)
_HEAD = (
    "# Changelog\n\nVersions follow [Semantic Versioning](https://semver.org/spec/v2.0.0.html).\n"
)


class Comparison(Struct, frozen=True):
    """How a version differs from the previous one."""

    permissions: tuple[VersionChange, ...]  # changes of policies, and of code that may change them
    interface: tuple[VersionChange, ...]  # changes of inputs, outputs and minimum versions

    @property
    def changes(self) -> tuple[VersionChange, ...]:
        """All changes."""
        return (*self.permissions, *self.interface)

    @property
    def bump(self) -> Bump:
        """The least bump that the changes need."""
        return max((c.bump for c in self.changes), default=Bump.patch)


def check_step(old: Version, new: Version, comparison: Comparison, prefix: str = "") -> None:
    """Raise `PublishError` if a step between versions does not allow their changes."""
    allowed = step(old, new)
    if larger := [c for c in comparison.changes if c.bump > allowed]:
        raise PublishError(
            f"{prefix}{new} is a {allowed.name} version after {old}, but the changes "
            f"need {old.after(comparison.bump)}:\n"
            + "\n".join(f"  {c.bump.name}: {c}" for c in larger)
        )


def compare(old: Mapping[str, str], new: Mapping[str, str]) -> Comparison:
    """Compare the files of two versions, texts by path."""
    old_modules, new_modules = _modules(old), _modules(new)
    permissions: list[VersionChange] = []
    interfaces: list[VersionChange] = []
    reported: set[tuple[object, ...]] = set()
    for folder in sorted({*old_modules, *new_modules}):
        if folder not in old_modules:
            interfaces.append(VersionChange(Bump.minor, folder, "is new"))
        elif folder not in new_modules:
            interfaces.append(VersionChange(Bump.major, folder, "is removed"))
        elif old_modules[folder] != new_modules[folder]:
            before, after = _read(old_modules[folder]), _read(new_modules[folder])
            interfaces += compare_interfaces(before.interface, after.interface, folder)
            for change in _permissions(before, after, folder, reported):
                own = not folder or change.subject == folder
                subject = change.subject if own else f"{folder}: {change.subject}"
                permissions.append(replace(change, subject=subject))
    return Comparison(tuple(permissions), tuple(interfaces))


def _modules(files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the texts of each module by folder; the root module's is empty."""
    modules: dict[str, dict[str, str]] = {}
    for path, text in files.items():
        folder, _, name = path.rpartition("/")
        if name.endswith(".tf") and (not folder or folder.startswith("modules/")):
            modules.setdefault(folder, {})[path] = text
    return modules


class _ModuleVersion(Struct, frozen=True):
    blocks: tuple[Block, ...]
    interface: ModuleInterface
    documents: Mapping[str, ResolvedDocument]
    unread: frozenset[str]


def _read(texts: Mapping[str, str]) -> _ModuleVersion:
    """Read a module with upstream's values, and unknown values for its other variables."""
    blocks = tuple(b for source in sorted(texts) for b in _blocks(texts[source], source))
    interface = read_interface(blocks)
    values = {**any_values(interface.inputs), **parameters.values({})}
    module = read_blocks(blocks, values)
    documents = {d.name: d for d in module.documents}
    return _ModuleVersion(blocks, interface, documents, frozenset(module.unread))


@lru_cache(maxsize=64)
def _blocks(text: str, source: str) -> tuple[Block, ...]:
    return parse(text, source).blocks


def _permissions(
    old: _ModuleVersion, new: _ModuleVersion, folder: str, reported: set[tuple[object, ...]]
) -> Iterator[VersionChange]:
    before, after, unread = old.documents, new.documents, old.unread | new.unread
    for name in sorted({*before, *after} - unread):
        label = variants.label(name)
        # A submodule with the root module's policies changes with them; report that once.
        change = name, _allowed(before.get(name)), _allowed(after.get(name))
        if change in reported:
            continue
        reported.add(change)
        if name not in after:
            yield VersionChange(Bump.major, label, "the policy is removed")
        elif name not in before:
            yield VersionChange(Bump.minor, label, "the policy is new")
        else:
            yield from _policy_changes(before[name].policy, after[name].policy, label)
            if before[name].joins != after[name].joins:
                text = "the policy joins other documents than before"
                yield VersionChange(Bump.major, label, text)
    yield from compare_code(old.blocks, new.blocks, unread, folder)


def _allowed(document: ResolvedDocument | None) -> object:
    """Return the content of a document, without its place."""
    return document and (document.policy, document.joins)


def _policy_changes(old: Policy, new: Policy, label: str) -> Iterator[VersionChange]:
    """Yield the meaning of a policy's change for access, and how its statements differ.

    A role may have other policies, too. Statements with the same meaning are no change, but another
    Version of the document always is.
    """
    if normalise.equal(old, new):
        return
    bump, text = _access_change(old, new)
    if bump is not Bump.patch:
        yield VersionChange(bump, label, text)
    for difference in differences(old, new):
        own = Bump.major if isinstance(difference, VersionChanged) else bump
        if own is not Bump.patch:
            yield from (VersionChange(own, label, str(x)) for x in difference_lines([difference]))


def _access_change(old: Policy, new: Policy) -> tuple[Bump, str]:
    """Return the meaning of a policy's change, with the bump that it needs.

    It is major unless proven to lose no access, else minor unless proven to add none.
    """
    try:
        gained, lost = (
            no_new_access_beside_others([old], [new]),
            no_new_access_beside_others([new], [old]),
        )
    except InputError as error:
        return Bump.major, f"cannot be compared: {error}"
    text = access_change_text(gained, lost)
    if not isinstance(lost, NoNewAccess):
        return Bump.major, text
    return (Bump.patch if isinstance(gained, NoNewAccess) else Bump.minor), text


def changelog(
    version: Version, options: Options, comparison: Comparison | None, previous: str
) -> str:
    """Return a changelog with a section for a new version on top.

    For the first version, there is no comparison and the previous changelog is empty.
    """
    selection = options.selection
    origin = f"Generated from revision {selection.revision.name} of upstream's page"
    if selection.version is not None:
        origin += f", for plugin {selection.version}"
        if selection.additions is Additions.none:
            origin += ", without additions"
    if selection.features:
        origin += f", with {' and '.join(selection.features)}"
    if selection.hardening is not None:
        origin += ", with hardened scoped policies"
    lines = [f"## {version}", "", f"{origin}."]
    if comparison is None:
        names = ", ".join(f"`{v.name}`" for v in options.variants)
        lines += ["", f"The first version. Policies: {names}."]
    else:
        lines += ["", "### Permissions", "", *_items(comparison.permissions)]
        if comparison.interface:
            lines += ["", "### Inputs, outputs and versions", "", *_items(comparison.interface)]
    _, mark, rest = previous.partition("\n## ")
    return _HEAD + "\n" + "\n".join(lines) + "\n" + mark + rest


def version_before_newest(text: str) -> Version | None:
    """Return the version before the newest one in a changelog, None if it has only one."""
    names = _SECTION.findall(text)
    return Version.of(names[1]) if len(names) > 1 else None


def _items(changes: Iterable[VersionChange]) -> list[str]:
    items = []
    for change in changes:
        text = escape_emphasis(change.text)
        items.append(f"- `{change.subject}`: {text}" if change.subject else f"- {text}")
    return items or ["Access does not change."]
