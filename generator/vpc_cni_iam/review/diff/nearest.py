"""The document of the catalog that a policy equals, or comes nearest to."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.catalog.facts.calls import calls
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.normalise import conditions, equal
from vpc_cni_iam.review.diff.verdicts import Nearest
from vpc_cni_iam.review.old.differences import differences
from vpc_cni_iam.review.old.names import names_in

_PLACEHOLDERS = {"cluster_name": "${CLUSTER_NAME}", "vpc_id": "${VPC_ID}"}


# Findings ask again, once all changes are judged.
@lru_cache(16_384)
def nearest(policy: Policy, version: PluginVersion) -> Nearest:
    """Return the nearest document, and how the policy differs from it.

    Names that the policy says stand in place of the documents' placeholders. Of documents that are
    as near, upstream's own come first, and the newest of them. Documents with their gaps filled for
    `version` are compared, too.
    """
    names = names_in([policy])
    values = {**_PLACEHOLDERS, **parameters.values({}), **names}
    values["vpc_owner_id"] = names.get("vpc_owner_id", values["account_id"])
    bits, filled_documents = _filled_documents(version, tuple(values.items()))
    pieces = _grants(policy)
    known = sum(bits.get(piece, 0) for piece in pieces)
    likeness = [
        common / (len(pieces) + size - common)
        for _, _, _, granted, size in filled_documents
        for common in ((granted & known).bit_count(),)
    ]
    name, variant, document, _, _ = filled_documents[likeness.index(max(likeness))]
    used = _used_by(variant, version)
    return Nearest(
        name,
        variant,
        equal(document, policy),
        tuple(f"{k} = {v}" for k, v in sorted(names.items()) if k in used and v != "aws"),
        tuple(map(str, differences(document, policy))),
    )


@lru_cache(1)
def _documents(version: PluginVersion) -> tuple[tuple[str, str, Policy], ...]:
    return tuple(_listed(version))


def _listed(plugin_version: PluginVersion) -> Iterator[tuple[str, str, Policy]]:
    """Yield the documents by name and variant, those to be preferred first."""
    for variant in sorted(variants.VARIANTS, key=lambda v: v.derived):
        for revision in reversed(documents.revisions()):
            yield (
                f"{variant.name} of {revision.name}",
                variant.name,
                variant.document(revision),
            )
        for revision in reversed(documents.readme_revisions()):
            if variant.name in revision.kinds:
                yield (
                    f"{variant.name} of {revision.name}",
                    variant.name,
                    revision.document(variant.name),
                )
        if variant.minimum <= plugin_version:
            composed = compose(variant, select(cni_version=str(plugin_version)))
            yield f"{variant.name} for {plugin_version}", variant.name, composed.policy
    for version in reversed(documents.managed_versions()):
        yield f"{version.name} {version.version}", "managed", version.policy


# Most policies have stand-ins for their names, and so the same names.
@lru_cache(16)
def _filled_documents(
    version: PluginVersion, values: tuple[tuple[str, str], ...]
) -> tuple[dict[Hashable, int], tuple[tuple[str, str, Policy, int, int], ...]]:
    """Return a bit for each piece, and the documents with their bits and how many they are."""
    names, bits = dict(values), dict[Hashable, int]()
    documents = []
    for name, variant, template in _documents(version):
        filled = _filled(template, names)
        granted = [bits.setdefault(piece, 1 << len(bits)) for piece in _grants(filled)]
        documents.append((name, variant, filled, sum(granted), len(granted)))
    return bits, tuple(documents)


@lru_cache(64)
def _used_by(variant: str, version: PluginVersion) -> frozenset[str]:
    return frozenset(
        n for _, v, t in _documents(version) if v == variant for s in t.statements for n in _used(s)
    )


# The documents have most statements in common, and most statements name no cluster.


def _filled(template: Policy, values: Mapping[str, str]) -> Policy:
    return replace(
        template,
        statements=tuple(
            _filled_statement(s, tuple((name, values[name]) for name in _used(s)))
            for s in template.statements
        ),
    )


@lru_cache(4096)
def _filled_statement(template: Statement, values: tuple[tuple[str, str], ...]) -> Statement:
    (filled,) = parameters.fill(Policy((template,)), dict(values)).statements
    return filled


@lru_cache(4096)
def _used(template: Statement) -> tuple[str, ...]:
    return tuple(p.name for p in parameters.used(Policy((template,))))


def _grants(policy: Policy) -> frozenset[Hashable]:
    """Return what a policy grants, in pieces that can be counted."""
    return frozenset().union(*map(_granted, policy.statements))


@lru_cache(4096)
def _granted(statement: Statement) -> frozenset[Hashable]:
    return frozenset(
        (statement.effect, action.lower(), resource, condition)
        for action in (*statement.actions, *(f"not {a}" for a in statement.not_actions))
        for resource in (*statement.resources, *(f"not {r}" for r in statement.not_resources))
        for condition in conditions(statement) or (None,)
    )


class UpstreamUpdate(Struct, frozen=True):
    """A policy that was one document of the catalog and is a newer one."""

    old: str  # the document before
    new: str  # the document after
    # The actions that the newer one adds, each with the version that first calls it.
    added: tuple[str, ...]


def update_between(
    before: Policy | None, after: Policy | None, version: PluginVersion
) -> UpstreamUpdate | None:
    """Return how a policy moves from one document to another as `nearest` has them, else None."""
    if before is None or after is None:
        return None
    old, new = nearest(before, version), nearest(after, version)
    if not (old.equal and new.equal) or old.variant != new.variant:
        return None
    others = _names(new)
    if any(others.get(parameter, name) != name for parameter, name in _names(old).items()):
        return None  # it is for another cluster or VPC
    names = [name for name, _, _ in _documents(version)]  # of a variant the newest first
    if names.index(new.name) >= names.index(old.name):
        return None
    added = sorted(set(after.actions()) - set(before.actions()))
    return UpstreamUpdate(old.name, new.name, tuple(map(_since, added)))


def _names(close: Nearest) -> dict[str, str]:
    """Return the names that a policy has in place of the document's placeholders."""
    pairs = (text.partition(" = ") for text in close.filled)
    return {parameter: name for parameter, _, name in pairs}


def _since(action: str) -> str:
    """Return an action with the versions that first call it, and that first need it."""
    ranges = [use for call in calls() if call.action == action for use in call.ranges]
    called = min((use.first for use in ranges), default=None)
    needed = min((use.first for use in ranges if use.severity == "fatal"), default=None)
    words = [f"{called} and later call"] if called and called != needed else []
    words += [f"{needed} and later need"] if needed else []
    return f"{action}, which {', and '.join(words)}" if words else action
