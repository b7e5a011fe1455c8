"""Compares a version with the previous one: its changelog, and the number that it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set

from msgspec import Struct

from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.options import COMMAND_IN, Options, stated
from vpc_cni_iam.catalog.selection import Additions
from vpc_cni_iam.errors import PublishError
from vpc_cni_iam.escape import escape_emphasis
from vpc_cni_iam.policy.diff import Change, VersionChanged
from vpc_cni_iam.policy.proof.answer import NoNewAccess, NotProven
from vpc_cni_iam.policy.report import access_change_text, difference_lines
from vpc_cni_iam.publishing.versioning.semver import Bump, Version, VersionChange, step
from vpc_cni_iam.vendoring.edits.blocks import (
    DEFAULT,
    DOCUMENT,
    LOCAL,
    TEXT,
    VERSIONS,
    PartName,
    block_changes,
    module_blocks,
    part_text,
)
from vpc_cni_iam.vendoring.edits.documents import DocumentChange, document_changes, read_module
from vpc_cni_iam.vendoring.edits.meaning import AccessChange, ModuleReason
from vpc_cni_iam.vendoring.report.edits import not_proven_text

CHANGELOG = "CHANGELOG.md"
_SECTION = re.compile(r"^## (\S+)$", re.MULTILINE)
_HEAD = (
    "# Changelog\n\nVersions follow [Semantic Versioning](https://semver.org/spec/v2.0.0.html).\n"
)


# The kinds of parts that are a module's interface.
_INTERFACE = frozenset({"variable", "output", "versions", "terraform"})
# What reports say of a change of these parts.
_WHOLE = {
    "versions": "the minimum versions are changed",
    "terraform": "the required providers are changed",
}
# An input, output or local has a type and one label; a part of it has more.
_NAMED = 2


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


def compare(old: Mapping[str, str], new: Mapping[str, str], previous: Version) -> Comparison:
    """Compare the files of two versions, texts by path; `previous` is the number of the old one."""
    old_modules, new_modules = _modules(old), _modules(new)
    permissions = [
        VersionChange(Bump.major, "", f"{previous} {text}") for text in _loosened(old, new)
    ]
    interface: list[VersionChange] = []
    reported: set[tuple[object, ...]] = set()
    for folder in sorted({*old_modules, *new_modules}):
        if folder not in old_modules:
            interface.append(VersionChange(Bump.minor, folder, "is new"))
        elif folder not in new_modules:
            interface.append(VersionChange(Bump.major, folder, "is removed"))
        elif old_modules[folder] != new_modules[folder]:
            before, after = old_modules[folder], new_modules[folder]
            documents = list(document_changes([read_module(before)], read_module(after)))
            permissions += _permissions(documents, folder, reported)
            parts = block_changes(module_blocks(before), module_blocks(after))
            compared = {d.name for d in documents if not _is_unread(d)}
            for name, change in _part_changes(parts, compared, folder):
                (interface if name in _INTERFACE else permissions).append(change)
    return Comparison(tuple(permissions), tuple(interface))


def _loosened(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Yield how the scoped policies of a version are no longer narrowed as those of the old one."""
    before, after = (stated(files.get(COMMAND_IN, "")) for files in (old, new))
    was = before.selection.hardening if before is not None else None
    if was is None or after is None:
        return
    now = after.selection.hardening
    if now is None:
        yield "was hardened, this is not"
        return
    for limit in was.limits:
        if limit not in now.limits:
            yield f"was limited to listed {limit}, this is not"
    if was.eni_claim_tag is not None and now.eni_claim_tag is None:
        yield "allowed claiming only interfaces with a tag, this allows more"


def _modules(files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the texts of each module by folder; the root module's is empty."""
    modules: dict[str, dict[str, str]] = {}
    for path, text in files.items():
        folder, _, name = path.rpartition("/")
        if name.endswith(".tf") and (not folder or folder.startswith("modules/")):
            modules.setdefault(folder, {})[path] = text
    return modules


def _is_unread(change: DocumentChange) -> bool:
    unread = (ModuleReason.unreadable, ModuleReason.removed_document)
    return any(problem.reason in unread for problem in change.problems)


def _permissions(
    documents: Iterable[DocumentChange], folder: str, reported: set[tuple[object, ...]]
) -> Iterator[VersionChange]:
    """Yield the changes of the documents that were read."""
    for change in documents:
        # A submodule with the root module's policies changes with them; report that once.
        sides = (*change.before, change.after)
        known = change.name, *(side and (side.policy, side.joins) for side in sides)
        if _is_unread(change) or known in reported:
            continue
        reported.add(known)
        label = variants.label(change.name)
        subject = f"{folder}: {label}" if folder else label
        for bump, text in _document_changes(change):
            yield VersionChange(bump, subject, text)


def _document_changes(change: DocumentChange) -> Iterator[tuple[Bump, str]]:
    """Yield the meaning of a policy's change for access, and how its statements differ.

    It is major unless proven to lose no access, else minor unless proven to add none. Another
    Version of the document is always major.
    """
    if change.after is None:
        yield Bump.major, "the policy is removed"
        return
    if not change.before:
        yield Bump.minor, "the policy is new"
        return
    for problem in change.problems:
        yield Bump.major, not_proven_text(problem)
    access = change.access
    if isinstance(access, NotProven):
        if access not in change.problems:
            yield Bump.major, not_proven_text(access)
        return
    bump = _bump_of(access)
    if bump is not Bump.patch:
        yield bump, access_change_text(access.gained, access.lost)
    for difference in access.differences:
        own = Bump.major if isinstance(difference, VersionChanged) else bump
        if own is not Bump.patch:
            yield from ((own, str(line)) for line in difference_lines([difference]))


def _bump_of(access: AccessChange) -> Bump:
    if not isinstance(access.lost, NoNewAccess):
        return Bump.major
    return Bump.patch if isinstance(access.gained, NoNewAccess) else Bump.minor


def _part_changes(
    parts: Mapping[PartName, Change], compared: Set[str], folder: str
) -> Iterator[tuple[str, VersionChange]]:
    """Yield the changes of inputs, outputs, minimum versions and other code, with their kind.

    The documents `compared` are left out.
    """
    for name, change in parts.items():
        kind, *labels = name
        within = len(name) > _NAMED and parts.get(name[:_NAMED]) is change
        if within or (name[:2] == DOCUMENT and name[2] in compared):
            continue  # part of one that is added or removed, or reported as a policy
        if name == VERSIONS and ("terraform",) in parts:
            continue
        bump = _part_bump(name, change, parts)
        if bump is not Bump.patch:
            shown = part_text(("input", *labels) if kind == "variable" else name)
            text = _WHOLE.get(kind, f"{shown} is {change}")
            yield kind, VersionChange(bump, folder, text)


def _part_bump(name: PartName, change: Change, parts: Mapping[PartName, Change]) -> Bump:
    """Return the bump for a part; what else it may remove is not known."""
    if name[0] == LOCAL and change is not Change.changed:
        return Bump.patch  # what refers to it changes, too
    if name[3:] == (TEXT,):
        return Bump.patch  # only for people
    required = name[0] == "variable" and (*name, DEFAULT) not in parts
    if change is Change.added and not (required and len(name) == _NAMED):
        return Bump.minor
    return Bump.major


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
