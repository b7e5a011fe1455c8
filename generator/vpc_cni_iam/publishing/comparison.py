"""How a version differs from the one before it, and which number that asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.hcl.module import read_blocks
from vpc_cni_iam.hcl.read import Block, parse
from vpc_cni_iam.hcl.resolve import Found
from vpc_cni_iam.policy import normalise
from vpc_cni_iam.policy.diff.changes import changes
from vpc_cni_iam.policy.diff.differences import differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.publishing import structure
from vpc_cni_iam.publishing.interface import Finding, Interface, findings, interface
from vpc_cni_iam.publishing.semver import Bump

# What of policy/diff/changes.py takes permissions away; every other kind may give some, and a
# condition that is only known to be another one may do both.
_TAKING = frozenset({"lost", "narrowed", "tightened", "denied", "changed"})
_VARIANTS = {v.identifier: v.name for v in VARIANTS}
# What stands for the variables of a module in the words of a change, where it is upstream's.
_VALUES = {
    "partition": "aws",
    "region": "*",
    "account_id": "*",
    "vpc_owner_id": "*",
    "hyperpod_cluster_id": "*",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a version differs from the one before it.

    Args:
        permissions: Access gained, lost and so on.
        interface: What changed in inputs, outputs and floors.
    """

    permissions: tuple[Finding, ...]
    interface: tuple[Finding, ...]

    @property
    def bump(self) -> Bump:
        """The least bump that it asks for."""
        return max((f.bump for f in (*self.permissions, *self.interface)), default=Bump.patch)


def compare(old: Mapping[str, str], new: Mapping[str, str]) -> Comparison:
    """Compare two published trees.

    Args:
        old: The texts of the one before, by path.
        new: Those of the new one.

    Raises:
        InputError: A file is not HCL.
    """
    before, after = _modules(old), _modules(new)
    permissions: list[Finding] = []
    interfaces: list[Finding] = []
    for place in sorted({*before, *after}):
        if place not in after or place not in before:
            bump, word = (Bump.minor, "is new") if place in after else (Bump.major, "is removed")
            interfaces.append(Finding(bump, place, word))
            continue
        if before[place] != after[place]:
            one, other = _module(before[place]), _module(after[place])
            interfaces += findings(one.interface, other.interface, place)
            # A submodule that holds the root's policies changes with them; once is enough to say.
            said = {(f.place, f.text) for f in permissions}
            permissions += [
                replace(f, place=f"{place}: {f.place}" if place and f.place != place else f.place)
                for f in _permissions(one, other, place)
                if (f.place, f.text) not in said
            ]
    return Comparison(tuple(permissions), tuple(interfaces))


def _modules(tree: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the texts of each module of a tree, the root's under the empty name."""
    found: dict[str, dict[str, str]] = {}
    for path, text in tree.items():
        folder, _, name = path.rpartition("/")
        if name.endswith(".tf") and (not folder or folder.startswith("modules/")):
            found.setdefault(folder, {})[path] = text
    return found


@dataclass(frozen=True, slots=True)
class _Module:
    blocks: tuple[Block, ...]
    interface: Interface
    documents: Mapping[str, Found]
    unread: frozenset[str]


def _module(texts: Mapping[str, str]) -> _Module:
    """Read a module, its variables standing for themselves."""
    blocks = [(s, b) for s in sorted(texts) for b in _blocks(texts[s], s)]
    every = tuple(b for _, b in blocks)
    known = interface(every)
    values = {name: _VALUES.get(name, f"${{var.{name}}}") for name in known.inputs}
    found = read_blocks(blocks, values)
    documents = {d.name: d for d in found.documents}
    return _Module(every, known, documents, frozenset(found.unread))


@lru_cache(maxsize=64)
def _blocks(text: str, source: str) -> tuple[Block, ...]:
    return parse(text, source)


def _permissions(old: _Module, new: _Module, place: str) -> Iterable[Finding]:
    before, after, unread = old.documents, new.documents, old.unread | new.unread
    for name in sorted({*before, *after} - unread):
        label = _VARIANTS.get(name, name)
        if name not in after:
            yield Finding(Bump.major, label, "the policy is removed")
        elif name not in before:
            yield Finding(Bump.minor, label, "the policy is new")
        else:
            yield from _changed(before[name].policy, after[name].policy, label)
            if before[name].joins != after[name].joins:
                yield Finding(Bump.major, label, "the policy joins other documents than before")
    yield from structure.findings(old.blocks, new.blocks, unread, place)


def _changed(old: Policy, new: Policy, label: str) -> Iterable[Finding]:
    if normalise.equal(old, new):
        return
    found = changes(old, new)
    for change in found:
        bump = Bump.major if change.kind in _TAKING else Bump.minor
        yield Finding(bump, label, str(change))
    if not found:
        # The same grants in other statements, or what is no grant: the document's version.
        yield from (
            Finding(Bump.major, label, str(difference))
            for difference in differences(old, new)
            if difference.place == "document"
        )
